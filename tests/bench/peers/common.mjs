// What the three JavaScript servers over resolvers have in common: schema, statements, batches.
import DataLoader from 'dataloader'
import pg from 'pg'

pg.types.setTypeParser(1082, text => text) // a date stays the text it is
const pool = new pg.Pool({ connectionString: process.env.DATABASE, max: Number(process.env.POOL), idleTimeoutMillis: 0 })
export const port = Number(process.env.PORT)

// A name makes it a prepared statement.
const rows = async (name, text, values) => (await pool.query({ name, text, values })).rows
const POINT = 'tenor, delivery_start AS "deliveryStart", delivery_end AS "deliveryEnd", mid, bid, ask'

const curves = keys => rows('curves', 'SELECT id, key FROM peers.curve WHERE key = ANY($1::text[]) ORDER BY key', [keys])

export async function pointsOf(wanted) {
  const found = new Map()
  for (const asOf of new Set(wanted.map(each => each.asOf))) {
    const ids = wanted.filter(each => each.asOf === asOf).map(each => each.id)
    const text = `SELECT curve_id, ${POINT} FROM peers.quote WHERE curve_id = ANY($1::int[]) AND as_of = $2 ORDER BY curve_id, ix`
    for (const row of await rows('points', text, [ids, asOf])) {
      const key = `${row.curve_id} ${asOf}`
      const points = found.get(key)
      if (points) points.push(row)
      else found.set(key, [row])
    }
  }
  return wanted.map(each => found.get(`${each.id} ${each.asOf}`) ?? [])
}

export const historyOf = (id, { start, end }) =>
  rows('history', 'SELECT as_of AS "asOf", mid, bid, ask FROM peers.quote ' +
    'WHERE curve_id = $1 AND delivery_start = $2 AND delivery_end = $3 ORDER BY as_of', [id, start, end])

export async function daysOf(id, { first, last }) {
  const text = `SELECT as_of AS "asOf", ${POINT} FROM peers.quote WHERE curve_id = $1 AND as_of BETWEEN $2 AND $3 ORDER BY as_of, ix`
  const days = []
  for (const row of await rows('days', text, [id, first, last])) {
    if (days.at(-1)?.asOf !== row.asOf) days.push({ asOf: row.asOf, points: [] })
    days.at(-1).points.push(row)
  }
  return days
}

export const loader = () => new DataLoader(pointsOf, { cacheKeyFn: each => `${each.id} ${each.asOf}` })

export const typeDefs = /* GraphQL */ `
  scalar Date
  type Point { tenor: String! deliveryStart: Date! deliveryEnd: Date! mid: Float bid: Float ask: Float }
  type Price { asOf: Date! mid: Float bid: Float ask: Float }
  type Day { asOf: Date! points: [Point!]! }
  type Curve {
    key: String!
    points(asOf: Date!): [Point!]!
    history(start: Date!, end: Date!): [Price!]!
    days(first: Date!, last: Date!): [Day!]!
  }
  type Query { curve(key: String!): Curve curves(keys: [String!]!): [Curve!]! }
`

export const query = {
  curve: async (_, { key }) => (await curves([key]))[0] ?? null,
  curves: (_, { keys }) => curves(keys)
}

export const resolvers = {
  Query: query,
  Curve: {
    points: (curve, { asOf }, context) => context.points.load({ id: curve.id, asOf }),
    history: (curve, wanted) => historyOf(curve.id, wanted),
    days: (curve, wanted) => daysOf(curve.id, wanted)
  }
}
