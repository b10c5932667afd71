// What a client has received, told line by line, and the cursor to go on behind.
export const url = process.argv[2];
export const socketUrl = url.replace('http', 'ws');
export const query = 'subscription($after: String) { curvePublished(after: $after) { cursor curve { key } asOf } }';
export const variables = { after: '0' }; // the clients send it again as it is when they come back

export function received(result) {
  if (result.errors) throw new Error(JSON.stringify(result.errors));
  const event = result.data.curvePublished;
  variables.after = event.cursor;
  console.log(JSON.stringify(event));
}

export const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
