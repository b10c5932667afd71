import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { loader, port, resolvers, typeDefs } from './common.mjs'

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: () => ({ points: loader() }),
  plugins: [useGraphQlJit()],
  logging: false,
  graphiql: false,
  landingPage: false
})
createServer(yoga).listen(port, '127.0.0.1')
