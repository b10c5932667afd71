import { ApolloServer } from '@apollo/server'
import fastifyApollo from '@as-integrations/fastify'
import Fastify from 'fastify'
import { loader, port, resolvers, typeDefs } from './common.mjs'

const server = new ApolloServer({ typeDefs, resolvers, introspection: false })
await server.start()
const app = Fastify({ logger: false })
await app.register(fastifyApollo(server), { context: async () => ({ points: loader() }) })
await app.listen({ port, host: '127.0.0.1', backlog: 511 })
