import Fastify from 'fastify'
import mercurius from 'mercurius'
import { daysOf, historyOf, pointsOf, port, query, typeDefs } from './common.mjs'

const app = Fastify({ logger: false })
const each = read => ({ loader: queries => Promise.all(queries.map(({ obj, params }) => read(obj.id, params))), opts: { cache: false } })
await app.register(mercurius, {
  schema: typeDefs,
  resolvers: { Query: query },
  loaders: {
    Curve: {
      points: {
        loader: queries => pointsOf(queries.map(({ obj, params }) => ({ id: obj.id, asOf: params.asOf }))),
        opts: { cache: false } // that would be a cache of answers
      },
      history: each(historyOf),
      days: each(daysOf)
    }
  },
  jit: 1,
  graphiql: false
})
await app.listen({ port, host: '127.0.0.1', backlog: 511 })
