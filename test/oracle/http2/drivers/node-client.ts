// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: Node's client of HTTP/2 with many streams at once, and grpc-js.
 *
 *   node node-client.ts CLEARTEXT-URL TLS-URL GRPC-PORT
 */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Client, compressionAlgorithms, credentials, Metadata } from '@grpc/grpc-js';
import { CALLS } from '../calls.ts';

/** Something that does not come is a failure, and no wait for ever. */
setTimeout(() => process.exit(2), 60_000).unref();
const [clear = '', secure = '', grpcPort = ''] = process.argv.slice(2);

async function ask(
  session: ClientHttp2Session,
  path: string,
  fields: Record<string, string> = {},
  body?: Buffer,
): Promise<void> {
  const stream = session.request({ ':path': path, ':method': body === undefined ? 'GET' : 'POST', ...fields });
  stream.on('error', () => {});
  const closed = once(stream, 'close').catch(() => {});
  stream.end(body);
  stream.resume();
  await closed;
}

for (const url of [clear, secure]) {
  const session = connect(url, { rejectUnauthorized: false });
  session.on('error', () => {});
  await ask(session, '/first?token=s3cret', {
    authorization: 'Bearer abc.def',
    cookie: 'a=1; b=2',
    'x-text': 'é, "quoted"',
  });
  await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      ask(
        session,
        `/many/${n}?bytes=${n * 700}${n % 3 === 0 ? '&trailers' : ''}${n % 5 === 0 ? '&coding=gzip' : ''}${n % 7 === 0 ? '&interim' : ''}`,
        { 'x-n': String(n), 'x-same': 'as before' },
      ),
    ),
  );
  await ask(session, '/large?bytes=3000000');
  await ask(session, '/echo?echo', {}, Buffer.alloc(700_000, 'sent '));
  for (const status of [204, 301, 404, 500]) await ask(session, `/status?status=${status}`);
  await ask(session, `/refused?reset=${constants.NGHTTP2_REFUSED_STREAM}`);
  await ask(session, '/head?bytes=100', { ':method': 'HEAD' });
  const closed = once(session, 'close');
  session.close();
  await closed;
}

const client = new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure(), {
  'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
});
const call = ({ path }: { path: string }, message: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const asIs = (bytes: Buffer): Buffer => bytes;
    client.makeUnaryRequest(path, asIs, asIs, message, new Metadata(), () => resolve());
  });
for (let n = 0; n < 10; n++) await call(CALLS.say, Buffer.from([8, n, 18, 3, 97, 98, 99]));
await call(CALLS.fail, Buffer.from([8, 1]));
const asIs = (bytes: Buffer): Buffer => bytes;
const stream = client.makeServerStreamRequest(CALLS.count.path, asIs, asIs, Buffer.from([8, 20]), new Metadata());
for await (const _ of stream);
client.close();
