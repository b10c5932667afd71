// urql with its subscriptionExchange over graphql-sse.
import { Client, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-sse';
import { pause, query, received, url, variables } from './received.mjs';

const sse = createClient({ url, retryAttempts: Infinity, retry: pause });
const client = new Client({
  url,
  exchanges: [
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: sse.subscribe({ query: request.query, variables }, sink) }),
      }),
    }),
  ],
});
client.subscription(query, {}).subscribe((result) => {
  if (result.error) throw result.error;
  received(result);
});
