// graphql-ws comes back by itself, with the variables as they are then.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { pause, query, received, socketUrl, variables } from './received.mjs';

const client = createClient({ url: socketUrl, webSocketImpl: WebSocket, retryAttempts: Infinity, retryWait: pause, shouldRetry: () => true });
client.subscribe({ query, variables }, { next: received, error: (error) => { throw error; }, complete: () => process.exit(1) });
