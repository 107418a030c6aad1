// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: the HTTP clients of Node (fetch, which is undici; node:http with a keep-alive agent; sockets that pipeline),
 * used in the ways that agents use them.
 *
 *   node node-clients.ts URL
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CODING_NAMES, CONTENT_CODINGS } from '../content-codings.ts';
import { seededBytes, seededText } from '../seeded-bytes.ts';

/** Something that does not come is a failure, and no wait for ever. */
setTimeout(() => process.exit(2), 120_000).unref();
const url = process.argv[2] as string;

async function* slices(bytes: Buffer, step: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += step) {
    yield bytes.subarray(at, at + step);
    await nextTurn();
  }
}

async function fetched(target: string, init: RequestInit = {}): Promise<void> {
  const response = await fetch(`${url}${target}`, init);
  await response.arrayBuffer();
}

async function withFetch(): Promise<void> {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']) {
    const body = ['POST', 'PUT', 'PATCH'].includes(method) ? JSON.stringify({ method, text: 'Grüße' }) : null;
    await fetched('/fetch?kind=echo', { method, body, headers: { 'content-type': 'application/json' } });
  }
  for (const coding of CODING_NAMES) {
    await fetched(`/fetch/coded?bytes=40000&coding=${coding}&framing=chunked&parts=3`);
    await fetched(`/fetch/coded?bytes=0&coding=${coding}`);
  }
  // A body whose length nobody knows: in chunks.
  const body = Readable.toWeb(Readable.from(slices(seededBytes('fetch', 300_000), 7000)));
  await fetched('/fetch/stream?bytes=9', { method: 'POST', body, duplex: 'half' } as RequestInit);
  const form = new FormData();
  form.set('name', 'Grüße');
  form.set('file', new Blob([new Uint8Array(seededBytes('form', 5000))]), 'bytes.bin');
  await fetched('/fetch/form?bytes=9', { method: 'POST', body: form });
  await fetched('/fetch/query', { method: 'POST', body: new URLSearchParams({ a: '1', b: 'x y' }) });
  await fetched('/fetch/moved?status=307', { method: 'POST', body: 'again' });
  await Promise.all(
    Array.from({ length: 40 }, (_, n) => fetched(`/fetch/many/${n}?bytes=${n * 50}&status=${n % 5 ? 200 : 404}`)),
  );
  const events = await fetch(`${url}/fetch/events?events=100&framing=chunked&parts=25`);
  for await (const _ of events.body as unknown as AsyncIterable<Uint8Array>);
}

async function asked(options: RequestOptions, target: string, body?: Iterable<Buffer>): Promise<IncomingMessage> {
  const outgoing = request(`${url}${target}`, options);
  for (const part of body ?? []) {
    if (!outgoing.write(part)) await once(outgoing, 'drain');
  }
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  for await (const _ of incoming);
  return incoming;
}

async function withAgent(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let n = 0; n < 30; n++) {
    await asked({ agent }, `/agent/${n}?bytes=${n * 400}&framing=${n % 2 ? 'chunked' : 'length'}&parts=${n % 7 || 1}`);
  }
  for (const status of [200, 201, 204, 205, 301, 304, 400, 404, 409, 429, 500, 503]) {
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      await asked({ agent, method }, `/agent?status=${status}&bytes=33&interim=${status % 2 ? '103' : ''}`);
    }
  }
  const text = seededText('agent', 90_000);
  for (const [coding, { encode }] of Object.entries(CONTENT_CODINGS)) {
    const carried = encode(text);
    const headers = { 'content-encoding': coding, 'content-type': 'text/plain' };
    await asked({ agent, method: 'POST', headers }, '/agent/coded?bytes=5', [carried]);
    const length = { ...headers, 'content-length': carried.length };
    await asked({ agent, method: 'PUT', headers: length }, '/agent/coded?bytes=5', [carried]);
  }
  const parts = [seededBytes('one', 1), seededBytes('two', 70_000), Buffer.from('end')];
  await asked({ agent, method: 'POST', headers: { 'x-list': ['a', 'b'] } }, '/agent/parts?kind=echo', parts);
  await asked({ agent, method: 'POST' }, '/agent/trailers?bytes=500&framing=chunked&trailers', parts);
  await trailing(agent);
  await expecting(agent);
  await asked({ agent, method: 'POST' }, '/agent/early?status=413&bytes=100&early', parts);
  agent.destroy();
}

/** Trailers of a request. */
async function trailing(agent: Agent): Promise<void> {
  const outgoing = request(`${url}/agent/trailing?bytes=5`, { agent, method: 'POST', headers: { Trailer: 'X-End' } });
  outgoing.write('body');
  outgoing.addTrailers({ 'X-End': 'Ende' });
  outgoing.end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  for await (const _ of incoming);
}

async function expecting(agent: Agent): Promise<void> {
  const headers = { expect: '100-continue', 'content-length': 50_000 };
  const outgoing = request(`${url}/agent/expecting?bytes=5`, { agent, method: 'PUT', headers });
  outgoing.flushHeaders();
  await once(outgoing, 'continue');
  outgoing.end(seededBytes('expecting', 50_000));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  for await (const _ of incoming);
}

/** All requests in one write, or byte by byte; the answers are read as they come, and end with the connection. */
async function pipelined(step: number): Promise<void> {
  const head = (method: string, target: string, more = '') =>
    `${method} ${target} HTTP/1.1\r\nHost: pipeline.example\r\n${more}\r\n`;
  const asks: string[] = [];
  for (let n = 0; n < 25; n++) {
    asks.push(head('GET', `/pipeline/${n}?bytes=${n * 90}&framing=${n % 3 ? 'chunked' : 'length'}`));
    asks.push(head('HEAD', `/pipeline/${n}?bytes=${n}`));
    asks.push(head('POST', `/pipeline/${n}?kind=echo`, `Content-Length: ${n}\r\n`) + 'x'.repeat(n));
    asks.push(
      `${head('PUT', `/pipeline/${n}?status=204`, 'Transfer-Encoding: chunked\r\n')}5;ext=1\r\nhello\r\n0\r\n\r\n`,
    );
    asks.push('\r\n');
  }
  asks.push(head('GET', '/pipeline/last?bytes=20', 'Connection: close\r\n'));
  const bytes = Buffer.from(asks.join(''));
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  socket.resume();
  const ended = once(socket, 'close');
  for (let at = 0; at < bytes.length; at += step) {
    await new Promise<void>((resolve) => socket.write(bytes.subarray(at, at + step), () => resolve()));
  }
  await ended;
}

await Promise.all([withFetch(), withAgent(), pipelined(1_000_000), pipelined(1), pipelined(977)]);
