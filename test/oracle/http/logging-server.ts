// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
/**
 * The server of the tests: answers what targets ask for (reply-plan.ts) and writes down all that it received and sent
 * (server-log.ts). A program, so that it can be a workload too:
 *
 *   node logging-server.ts FOLDER
 */
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CONTENT_CODINGS, contentOf } from './content-codings.ts';
import { type ReplyPlan, replyPlan } from './reply-plan.ts';
import { seededBytes, seededText } from './seeded-bytes.ts';
import { type FieldLine, keepBody, type LoggedBody, type LoggedConnection, type LoggedExchange } from './server-log.ts';

const folder = process.argv[2] as string;
const logFile = join(folder, 'server.log');

/** Followed from its first byte to its last. */
interface Followed {
  readonly port: number;
  requests: number;
  latest: IncomingMessage | undefined;
  readonly closed: Promise<unknown>;
  upgradedReadBytes: number;
  upgradedWrittenBytes: number;
}

const followed = new WeakMap<Duplex, Followed>();

function write(entry: LoggedExchange | LoggedConnection): void {
  appendFileSync(logFile, `${JSON.stringify(entry)}\n`);
}

function follow(socket: Socket): void {
  // What is in a tunnel is a connection to the HTTP library once more.
  if (followed.has(socket)) return;
  const one: Followed = {
    port: socket.remotePort ?? 0,
    requests: 0,
    latest: undefined,
    closed: new Promise((resolve) => socket.once('close', resolve)),
    upgradedReadBytes: 0,
    upgradedWrittenBytes: 0,
  };
  followed.set(socket, one);
  socket.on('error', () => {});
  socket.on('close', () => {
    const { port, upgradedReadBytes, upgradedWrittenBytes } = one;
    write({
      kind: 'connection',
      port,
      upgradedReadBytes,
      upgradedWrittenBytes,
      readBytes: socket.bytesRead,
      writtenBytes: socket.bytesWritten,
    });
  });
}

/** One exchange while it goes on. */
class Exchange {
  readonly request: IncomingMessage;
  readonly #received: Buffer[] = [];
  readonly #sent: Buffer[] = [];
  readonly #socket: Followed;
  readonly #index: number;
  readonly interim: number[] = [];
  sentFields: readonly FieldLine[] = [];
  sentTrailers: readonly FieldLine[] = [];
  status = 0;
  reason = '';
  isSent = false;
  #isLogged = false;

  constructor(request: IncomingMessage) {
    this.request = request;
    this.#socket = followed.get(request.socket) as Followed;
    this.#index = this.#socket.requests++;
    this.#socket.latest = request;
    request.on('data', (chunk: Buffer) => this.#received.push(chunk));
    request.on('error', () => {});
  }

  async whole(): Promise<void> {
    const { request } = this;
    if (request.readableEnded || request.destroyed || request.socket.destroyed) return;
    // Behind a reply Node does not tell the request that the connection ended.
    const ended = new Promise((resolve) => {
      for (const event of ['end', 'close']) request.once(event, resolve);
    });
    await Promise.race([ended, this.#socket.closed]);
  }

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  sent(bytes: Buffer): void {
    this.#sent.push(bytes);
  }

  log(): void {
    if (this.#isLogged) return;
    this.#isLogged = true;
    const { request } = this;
    const coding = this.sentFields.find(([name]) => name === 'content-encoding')?.[1] ?? '';
    write({
      kind: 'exchange',
      port: this.#socket.port,
      index: this.#index,
      method: request.method ?? '',
      target: request.url ?? '',
      version: request.httpVersion,
      fields: fieldLines(request.rawHeaders),
      trailers: fieldLines(request.rawTrailers),
      request: bodyOf(this.received, request.headers['content-encoding'] ?? ''),
      isRefused: false,
      isReceived: request.complete,
      interim: this.interim,
      status: this.status,
      reason: this.reason,
      sentFields: this.sentFields,
      sentTrailers: this.sentTrailers,
      response: bodyOf(Buffer.concat(this.#sent), coding),
      isSent: this.isSent,
    });
  }
}

function fieldLines(raw: readonly string[]): FieldLine[] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] as string, raw[2 * i + 1] as string]);
}

function bodyOf(carried: Buffer, coding: string): LoggedBody {
  let content = carried;
  try {
    content = contentOf(carried, coding);
  } catch {
    // It broke off.
  }
  const [carriedSha256, contentSha256] = [keepBody(folder, carried), keepBody(folder, content)];
  return { carriedBytes: carried.length, carriedSha256, contentBytes: content.length, contentSha256 };
}

async function answer(request: IncomingMessage, response: ServerResponse, interim: number[] = []): Promise<void> {
  const exchange = new Exchange(request);
  exchange.interim.push(...interim);
  response.on('error', () => {});
  const plan = replyPlan(request.url ?? '/');
  if (!plan.isEarly) await exchange.whole();
  if (!plan.isEarly && !request.complete) {
    exchange.log();
    return;
  }
  if (plan.answer !== 'reply') {
    if (plan.answer === 'end') request.socket.destroy();
    else await once(response, 'close');
    exchange.log();
    return;
  }
  for (const status of plan.interim) {
    exchange.interim.push(status);
    if (status === 102) response.writeProcessing();
    else response.writeEarlyHints({ link: '</style.css>; rel=preload' });
  }
  await reply(exchange, response, plan);
  await exchange.whole();
  if (!response.writableFinished && !response.destroyed) {
    await new Promise<void>((resolve) => response.once('finish', resolve).once('close', resolve));
  }
  exchange.isSent = response.writableFinished;
  exchange.log();
}

async function reply(exchange: Exchange, response: ServerResponse, plan: ReplyPlan): Promise<void> {
  const { method } = exchange.request;
  const body = contentFor(exchange, plan);
  response.statusCode = plan.status;
  for (const [name, value] of fieldsFor(exchange, plan)) response.setHeader(name, value);
  const carried = CONTENT_CODINGS[plan.coding]?.encode(body) ?? body;
  if (plan.coding !== '') response.setHeader('content-encoding', plan.coding);
  if (plan.framing === 'length' && plan.status !== 204 && plan.status !== 304 && !plan.hasTrailers) {
    response.setHeader('content-length', carried.length);
  } else if (plan.framing === 'until-close') {
    response.shouldKeepAlive = false;
    response.removeHeader('transfer-encoding');
  }
  exchange.sentFields = Object.entries(response.getHeaders()).flatMap(([name, value]): FieldLine[] =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)]),
  );
  exchange.status = plan.status;
  if (plan.hasTrailers) {
    exchange.sentTrailers = [
      ['x-digest', keepBody(folder, carried)],
      ['x-twice', 'one'],
      ['x-twice', 'two'],
    ];
    response.addTrailers(exchange.sentTrailers as [string, string][]);
  }
  const hasBody = method !== 'HEAD' && plan.status !== 204 && plan.status !== 304;
  const toSend = plan.breakAfterBytes < 0 ? carried : carried.subarray(0, plan.breakAfterBytes);
  const step = Math.ceil(toSend.length / plan.parts) || 1;
  for (let at = 0; at < toSend.length && !response.destroyed; at += step) {
    const part = toSend.subarray(at, at + step);
    if (hasBody) exchange.sent(part);
    await written(response, part);
  }
  if (plan.breakAfterBytes < 0) response.end();
  else await breakOff(response, plan);
  exchange.reason = response.statusMessage;
}

/** Until the part has left, or the client has gone away: then nobody tells of the part. */
function written(response: ServerResponse, part: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('close', done);
      resolve();
    };
    response.once('close', done);
    response.write(part, done);
  });
}

/** Not before all that was written has left. */
async function breakOff(response: ServerResponse, plan: ReplyPlan): Promise<void> {
  response.flushHeaders();
  await nextTurn();
  const socket = response.socket as Socket;
  if (plan.breakBy === 'reset') socket.resetAndDestroy();
  else socket.destroy();
}

function contentFor(exchange: Exchange, plan: ReplyPlan): Buffer {
  const { url = '' } = exchange.request;
  if (plan.kind === 'echo') return exchange.received;
  if (plan.events > 0) {
    const events = Array.from({ length: plan.events }, (_, n) => `id: ${n}\nevent: tick\ndata: {"n": ${n}}\n\n`);
    return Buffer.from(events.join(''));
  }
  return plan.kind === 'binary' ? seededBytes(url, plan.bytes) : seededText('reply', plan.bytes);
}

function fieldsFor(exchange: Exchange, plan: ReplyPlan): [string, string | string[]][] {
  const fields: [string, string | string[]][] = [
    ['x-request', `${exchange.request.method} Grüße`.replace(/[^ -~]/g, '?')],
    ['x-several', ['first', 'second; with="quotes"', '']],
  ];
  if (plan.events > 0) fields.push(['content-type', 'text/event-stream'], ['cache-control', 'no-store']);
  else if (plan.kind === 'text') fields.push(['content-type', 'text/plain; charset=utf-8']);
  else fields.push(['content-type', 'application/octet-stream']);
  if (plan.hasTrailers) fields.push(['trailer', 'x-digest, x-twice']);
  if (plan.status >= 300 && plan.status < 400 && plan.status !== 304) fields.push(['location', '/elsewhere?bytes=17']);
  if (plan.status === 401) fields.push(['www-authenticate', 'Basic realm="the tests"']);
  return fields;
}

/** Speaks something else afterwards: what comes is sent back in capitals, until the client ends. */
function upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const one = followed.get(socket) as Followed;
  const exchange = new Exchange(request);
  const fields: FieldLine[] = [
    ['Connection', 'Upgrade'],
    ['Upgrade', request.headers.upgrade ?? ''],
  ];
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
  Object.assign(exchange, { status: 101, reason: 'Switching Protocols', sentFields: fields, isSent: true });
  exchange.log();
  const back = (bytes: Buffer): void => {
    one.upgradedReadBytes += bytes.length;
    const shout = Buffer.from(bytes.toString('latin1').toUpperCase(), 'latin1');
    one.upgradedWrittenBytes += shout.length;
    socket.write(shout);
  };
  if (head.length > 0) back(head);
  socket.on('data', back);
  socket.on('end', () => socket.end());
}

/** The tunnel leads back to this server. */
function tunnel(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const exchange = new Exchange(request);
  socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
  Object.assign(exchange, { status: 200, reason: 'Connection established', isSent: true });
  exchange.log();
  if (head.length > 0) socket.unshift(head);
  server.emit('connection', socket);
}

/** What is no request is answered as Node answers it by itself. */
function refuse(error: Error & { rawPacket?: Buffer }, socket: Duplex): void {
  const one = followed.get(socket);
  const isBroken = one?.latest?.complete === false;
  if (one === undefined || isBroken || !socket.writable) {
    socket.destroy();
    return;
  }
  const [, method = '', target = ''] = /^(\S+) (\S+)/.exec(error.rawPacket?.toString('latin1') ?? '') ?? [];
  const nothing = bodyOf(Buffer.alloc(0), '');
  write({
    ...{
      kind: 'exchange',
      port: one.port,
      index: one.requests++,
      method,
      target,
      version: '',
      fields: [],
      trailers: [],
    },
    ...{ request: nothing, isRefused: true, isReceived: false, interim: [], status: 400, reason: 'Bad Request' },
    ...{ sentFields: [], sentTrailers: [], response: nothing, isSent: true },
  });
  socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
}

const server = createServer({
  ...{ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 },
  shouldUpgradeCallback: ({ headers }) => headers.upgrade !== 'refused',
});
server.on('connection', follow);
server.on('request', (request, response) => void answer(request, response));
server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  if (new URL(request.url ?? '/', 'http://any').searchParams.has('refuse')) {
    void answer(request, response);
    return;
  }
  response.writeContinue();
  void answer(request, response, [100]);
});
server.on('upgrade', (request, socket, head) => upgrade(request, socket as Socket, head));
server.on('clientError', refuse);
server.on('connect', (request, socket, head) => tunnel(request, socket as Socket, head));
server.listen(0, '127.0.0.1', () => console.log(`listens on ${(server.address() as AddressInfo).port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
