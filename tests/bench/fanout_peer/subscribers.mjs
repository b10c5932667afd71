// Many WebSockets with one subscription each. Says when all have subscribed, and when each got its last event.
// Usage: node subscribers.mjs URL COUNT EVENTS QUERY
import { WebSocket } from 'ws';

const [url, count, events, query] = process.argv.slice(2);
const now = () => performance.timeOrigin + performance.now();
const last = [];
const first = [];
let subscribed = 0;

function subscribe(number) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'graphql-transport-ws', { perMessageDeflate: false });
    let left = Number(events);
    socket.on('error', reject);
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data) => {
      const text = data.toString();
      if (text.includes('"connection_ack"')) {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
        resolve();
      } else if (text.includes('"curvePublished"')) {
        if (number === 0) first.push(JSON.parse(text).payload.data.curvePublished);
        if (--left === 0 && last.push(now()) === Number(count)) done();
      } else if (text.includes('"ping"')) socket.send('{"type":"pong"}');
      else throw new Error(text);
    });
  });
}

function done() {
  process.stdout.write(`${JSON.stringify({ last, first })}\n`, () => process.exit());
}

while (subscribed < count) {
  const batch = Math.min(50, count - subscribed);
  await Promise.all(Array.from({ length: batch }, (_, at) => subscribe(subscribed + at)));
  subscribed += batch;
}
console.log(JSON.stringify({ subscribed }));
