// What the real client makes of the server. Prints a line of JSON for each step: the requests it sent, and the answer.
// Arguments: the endpoint, and the scenario.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists'

const [endpoint, scenario, file] = process.argv.slice(2)
const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const sent = []

async function recorded(address, options) {
  const body = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(address).searchParams)
  const { persistedQuery } = typeof body.extensions === 'string' ? JSON.parse(body.extensions) : (body.extensions ?? {})
  sent.push({ method: options.method, query: Boolean(body.query), hash: Boolean(persistedQuery) })
  return fetch(address, options)
}

function client(options) {
  const http = new HttpLink({ uri: endpoint, fetch: recorded })
  const link = ApolloLink.from([new PersistedQueryLink(options), http])
  return new ApolloClient({ link, cache: new InMemoryCache() })
}

async function step(asked, query, variables) {
  sent.length = 0
  const answer = {}
  try {
    const { data, error } = await asked.query({ query, variables, fetchPolicy: 'network-only', errorPolicy: 'all' })
    Object.assign(answer, { data }, error ? { codes: error.errors.map((each) => each.extensions.code) } : {})
  } catch (error) {
    answer.failed = String(error)
  }
  console.log(JSON.stringify({ sent, ...answer }))
}

const TYPE = gql`query Type($name: String!) { __type(name: $name) { name } }`
const VIEWER = gql`query Viewer { viewer { name } }`

const scenarios = {
  async post() {
    const asked = client({ sha256 })
    await step(asked, TYPE, { name: 'Curve' })
    await step(asked, TYPE, { name: 'Query' })
    await step(client({ sha256 }), TYPE, { name: 'Curve' })
    await step(asked, gql`{ nonsense }`)
  },
  async get() {
    const asked = client({ sha256, useGETForHashedQueries: true })
    await step(asked, TYPE, { name: 'Curve' })
    await step(asked, TYPE, { name: 'Query' })
    await step(client({ sha256, useGETForHashedQueries: true }), TYPE, { name: 'Curve' })
  },
  async manifest() {
    const loadManifest = () => JSON.parse(readFileSync(file, 'utf8'))
    const asked = client(generatePersistedQueryIdsFromManifest({ loadManifest }))
    await step(asked, VIEWER)
    await step(client({ sha256 }), TYPE, { name: 'Curve' })
  },
  async upload() {
    const form = new FormData()
    const query = 'mutation($input: UploadWorkbookInput!) { uploadWorkbook(input: $input) { run { fileName } problems { code } } }'
    form.append('operations', JSON.stringify({ query, variables: { input: { file: null } } }))
    form.append('map', JSON.stringify({ 0: ['variables.input.file'] }))
    form.append('0', new Blob([new Uint8Array(3_000_000)]), 'Preise Öl €.xlsx')
    const headers = { origin: 'http://localhost:3000' }
    const refused = await (await fetch(endpoint, { method: 'POST', body: form, headers })).json()
    headers['x-graphql-require-preflight'] = '1'
    const answered = await (await fetch(endpoint, { method: 'POST', body: form, headers })).json()
    console.log(JSON.stringify({ refused: refused.errors[0].extensions.code, answered }))
  },
}

await scenarios[scenario]()
