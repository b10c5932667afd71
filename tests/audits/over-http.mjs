// The audits of `graphql-http` of the endpoint given: a line of JSON for each, and the body of the answer where it failed.
import { serverAudits } from 'graphql-http';

for (const audit of serverAudits({ url: process.argv[2] })) {
  const { id, name, status, reason, response } = await audit.fn();
  const answer = status === 'ok' ? undefined : await response.text();
  console.log(JSON.stringify({ id, name, status, reason, answer }));
}
