// Apollo Client's HttpLink takes multipart; a subscription that was cut is an error, and subscribed to again.
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { pause, query, received, url, variables } from './received.mjs';

const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url }) });
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
