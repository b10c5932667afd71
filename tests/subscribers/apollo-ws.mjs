// Apollo Client over graphql-ws: the link prints the operation once, so coming back is asked for here.
import { ApolloClient, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { pause, query, received, socketUrl, variables } from './received.mjs';

globalThis.WebSocket ??= WebSocket; // a browser has it, Node since 22
const socket = createClient({ url: socketUrl, retryAttempts: 0 });
const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socket) });
for (;;) {
  await new Promise((over) => {
    client.subscribe({ query: gql(query), variables: { ...variables }, fetchPolicy: 'no-cache' }).subscribe({
      next: (result) => (result.error ? over() : received(result)),
      error: over,
      complete: over,
    });
  });
  await pause();
}
