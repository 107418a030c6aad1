// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: requests and replies that break off, by the client and by the server, and requests that are none.
 *
 *   node breaking-client.ts URL
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { seededText } from '../seeded-bytes.ts';

/** Something that does not come is a failure, and no wait for ever. */
setTimeout(() => process.exit(2), 60_000).unref();
const { hostname, port } = new URL(process.argv[2] as string);
const HOST = 'Host: breaking.example\r\n';

async function connected(): Promise<Socket> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function say(socket: Socket, ...parts: (string | Buffer)[]): Promise<void> {
  for (const part of parts) await new Promise<void>((resolve) => socket.write(part, () => resolve()));
}

/** Errors: an Error when the connection ends before `bytes` came. */
async function hear(socket: Socket, bytes: number): Promise<void> {
  let heard = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    heard += chunk.length;
    if (heard >= bytes) return;
  }
  throw new Error(`${heard} of ${bytes} bytes came`);
}

/** By RST as well. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

async function closed(socket: Socket): Promise<void> {
  socket.destroy();
  await ended(socket);
}

async function heardOut(socket: Socket): Promise<void> {
  socket.resume();
  await ended(socket);
}

/** Says all of it, and goes away without waiting for anything. */
async function leaves(...parts: (string | Buffer)[]): Promise<void> {
  const socket = await connected();
  await say(socket, ...parts);
  await closed(socket);
}

/** Says all of it, and reads until the server ends the connection. */
async function listens(...parts: (string | Buffer)[]): Promise<void> {
  const socket = await connected();
  await say(socket, ...parts);
  await heardOut(socket);
}

// The client goes away in the middle of its request.
const body = seededText('broken', 40_000);
await leaves(`POST /length HTTP/1.1\r\n${HOST}Content-Length: 100000\r\n\r\n`, body);
await leaves(`POST /chunks HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n9c40\r\n`, body, '\r\nff\r\nabc');
await leaves(`POST /no-body HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\n`);
const expecting = await connected();
await say(expecting, `PUT /expecting HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`);
await hear(expecting, 'HTTP/1.1 100 Continue\r\n\r\n'.length);
await say(expecting, 'abc');
await closed(expecting);

// Behind a request that was answered.
const second = await connected();
await say(second, `GET /first?bytes=10 HTTP/1.1\r\n${HOST}\r\n`);
await hear(second, 100);
await say(second, `POST /second HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nfour`);
await closed(second);

// The client goes away before the reply, and in the middle of it.
await leaves(`GET /silence?answer=silence HTTP/1.1\r\n${HOST}\r\n`);
for (const framing of ['length', 'chunked']) {
  const midway = await connected();
  await say(midway, `GET /midway?bytes=30000000&framing=${framing}&parts=300 HTTP/1.1\r\n${HOST}\r\n`);
  await hear(midway, 200_000);
  await closed(midway);
}

// The server goes away: without a word, behind the head, in the middle of the body, with and without RST.
await listens(`GET /end?answer=end HTTP/1.1\r\n${HOST}\r\n`);
for (const framing of ['length', 'chunked']) {
  for (const by of ['close', 'reset']) {
    for (const after of [0, 1, 70_000]) {
      await listens(`GET /break?bytes=100000&framing=${framing}&by=${by}&break=${after} HTTP/1.1\r\n${HOST}\r\n`);
    }
  }
}
await listens(`POST /break?bytes=3000&break=2000 HTTP/1.1\r\n${HOST}Content-Length: 40000\r\n\r\n`, body);

// No requests: a head that ends too soon, and heads that Node refuses.
const halved = await connected();
await say(halved, `GET /head HTTP/1.1\r\n${HOST}X-Cut: of`);
halved.end();
await heardOut(halved);
await listens(`GET /no-field HTTP/1.1\r\n${HOST}this is no field\r\n\r\n`);
await listens(`POST /two-ways HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
await listens(`POST /lengths HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`);
