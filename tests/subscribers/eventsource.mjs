// EventSource comes back by itself and sends the id of the last event: the variables stay as they are.
import { EventSource } from 'eventsource';
import { query, received, url } from './received.mjs';

const parameters = new URLSearchParams({ query, variables: JSON.stringify({ after: '0' }) });
const source = new EventSource(`${url}?${parameters}`);
source.addEventListener('next', (event) => received(JSON.parse(event.data)));
source.addEventListener('complete', () => process.exit(1));
