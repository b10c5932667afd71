// urql over fetch takes Server-Sent Events; it says that a stream is over, and does not come back by itself.
import { Client, fetchExchange } from '@urql/core';
import { pause, query, received, url, variables } from './received.mjs';

const client = new Client({ url, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false });
for (;;) {
  await new Promise((over) => {
    const { unsubscribe } = client.subscription(query, { ...variables }).subscribe((result) => {
      if (result.error || !result.hasNext) {
        unsubscribe();
        over();
      } else received(result);
    });
  });
  await pause();
}
