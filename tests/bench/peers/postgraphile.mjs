import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

const service = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({
    connectionString: process.env.DATABASE,
    schemas: ['peers'],
    poolConfig: { max: Number(process.env.POOL) }
  })],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false, websockets: false },
  grafast: { explain: false },
  schema: { defaultBehavior: '+list -connection' }
})
const server = createServer()
await service.createServ(grafserv).addTo(server)
if (process.env.PRINT) {
  const { printSchema } = await import('graphql')
  console.log(printSchema((await service.getSchemaResult()).schema))
  process.exit(0)
}
server.listen(Number(process.env.PORT), '127.0.0.1')
