// The same subscription from graphql-ws on graphql-js. Reads the payloads to publish as one line of JSON from stdin.
import { createInterface } from 'node:readline';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const subscribers = new Set();

async function* events() {
  const waiting = [];
  let wake = () => {};
  const push = (event) => (waiting.push(event), wake());
  subscribers.add(push);
  try {
    for (;;) {
      while (waiting.length) yield { curvePublished: waiting.shift() };
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    subscribers.delete(push);
  }
}

const schema = buildSchema(`
  type Query { nothing: Boolean }
  type Curve { key: String! }
  type Columns { tenor: [String!]! mid: [Float]! }
  enum TenorType { MONTH QUARTER SEASON CALENDAR BALANCE }
  type Snapshot { columns(tenorTypes: [TenorType!]): Columns! }
  type Event { cursor: String! restated: Boolean! asOf: String! version: Int! curve: Curve! snapshot: Snapshot }
  type Subscription { curvePublished: Event! }
`);
schema.getSubscriptionType().getFields().curvePublished.subscribe = events;

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/graphql' });
useServer({ schema }, server);
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));

createInterface({ input: process.stdin }).on('line', (line) => {
  const published = JSON.parse(line);
  console.log(JSON.stringify({ committed: performance.timeOrigin + performance.now() }));
  for (const event of published) for (const push of subscribers) push(event);
});
