// SPDX-License-Identifier: Apache-2.0

/**
 * The server of the tests: answers what targets ask for (reply-plan.ts) and writes down all that it received and sent
 * (server-book.ts). A program, so that it can be a workload too:
 *
 *   node logging-server.ts FOLDER
 *
 * SIGUSR2 lets go of the replies that are held.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CONTENT_CODINGS } from './content-codings.ts';
import { type ReplyPlan, replyPlan } from './reply-plan.ts';
import { seededBytes, seededText } from './seeded-bytes.ts';
import { bodyOf, Exchange, type Followed, folder, follow, followed, write } from './server-book.ts';
import { type FieldLine, keepBody } from './server-log.ts';

const letGo = once(process, 'SIGUSR2');

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
  if (plan.isHeld) await letGo;
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
    ['x-request', `${exchange.request.method} ${exchange.request.url}`.slice(0, 100)],
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
      connection: one.connection,
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
