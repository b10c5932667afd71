// graphql-sse comes back by itself, with the variables as they are then.
import { createClient } from 'graphql-sse';
import { pause, query, received, url, variables } from './received.mjs';

const client = createClient({ url, singleConnection: true, retryAttempts: Infinity, retry: pause });
client.subscribe({ query, variables }, { next: received, error: (error) => { throw error; }, complete: () => process.exit(1) });
