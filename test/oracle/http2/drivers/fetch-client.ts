// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: Node's fetch, which speaks HTTP/2 where TLS agrees on it, several requests at once on one connection.
 *
 *   node fetch-client.ts TLS-URL
 */

/** Something that does not come is a failure, and no wait for ever. */
setTimeout(() => process.exit(2), 60_000).unref();
const [url = ''] = process.argv.slice(2);

const ask = async (path: string, init?: RequestInit): Promise<void> => {
  const answer = await fetch(`${url}${path}`, init);
  await answer.arrayBuffer();
};
await ask('/fetch/first?bytes=10', { headers: { authorization: 'Bearer abc.def', 'x-text': 'one' } });
await Promise.all(
  Array.from({ length: 12 }, (_, n) => ask(`/fetch/${n}?bytes=${n * 900}${n % 3 === 0 ? '&coding=gzip' : ''}`)),
);
await ask('/fetch/echo?echo', { method: 'POST', body: 'a=1&password=s3cret' });
await ask('/fetch/upload?echo', { method: 'PUT', body: Buffer.alloc(200_000, 'sent ') });
// The pool holds its connections open: what ends the program ends them.
process.exit(0);
