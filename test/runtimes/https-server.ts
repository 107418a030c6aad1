// SPDX-License-Identifier: Apache-2.0

/**
 * The HTTPS server of the matrix. A program:
 *
 *   node https-server.ts FOLDER      FOLDER has server.pem and server-key.pem; git/things is a bare repository, or missing
 *
 * It listens three times (TLS 1.3 only, TLS 1.2 only, no TLS), answers what targets ask for (test/oracle/http/reply-plan.ts)
 * and writes down, beside its exchanges, the very bytes that it received and sent inside of TLS (plaintext.ts).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type SecureVersion, type TLSSocket } from 'node:tls';
import { replyPlan } from '../oracle/http/reply-plan.ts';
import { seededBytes, seededText } from '../oracle/http/seeded-bytes.ts';
import { Exchange, folder, followed, nextConnection } from '../oracle/http/server-book.ts';
import type { FieldLine } from '../oracle/http/server-log.ts';
import { Tap, writePlaintext } from './plaintext.ts';

const parser = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
parser.on('request', (request, response) => void answer(request, response));
parser.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  response.writeContinue();
  void answer(request, response, [100]);
});
parser.on('clientError', (_error, socket) => socket.destroy());

async function answer(request: IncomingMessage, response: ServerResponse, interim: number[] = []): Promise<void> {
  const exchange = new Exchange(request);
  exchange.interim.push(...interim);
  response.on('error', () => {});
  await exchange.whole();
  if (/^\/[^/]+\/git\//.test(request.url ?? '')) await answerByGit(exchange, response);
  else answerAsPlanned(exchange, response);
  await new Promise<void>((resolve) => {
    if (response.writableFinished) resolve();
    else response.once('finish', resolve).once('close', resolve);
  });
  exchange.isSent = response.writableFinished;
  exchange.reason = response.statusMessage;
  exchange.log();
}

function answerAsPlanned(exchange: Exchange, response: ServerResponse): void {
  const { url = '/' } = exchange.request;
  const plan = replyPlan(url);
  const body = plan.kind === 'binary' ? seededBytes(url, plan.bytes) : seededText('reply', plan.bytes);
  const fields: [string, string][] = [['content-type', 'text/plain; charset=utf-8']];
  if (plan.framing === 'until-close') {
    response.shouldKeepAlive = false;
    response.removeHeader('transfer-encoding');
  }
  if (plan.framing === 'length') fields.push(['content-length', String(body.length)]);
  head(exchange, response, plan.status, fields);
  const step = Math.ceil(body.length / plan.parts) || 1;
  for (let at = 0; at < body.length; at += step) send(exchange, response, body.subarray(at, at + step));
  response.end();
}

/** git http-backend, a CGI program: RFC 3875. */
async function answerByGit(exchange: Exchange, response: ServerResponse): Promise<void> {
  const { request } = exchange;
  const { pathname, search } = new URL(request.url ?? '/', 'http://any');
  const child = spawn('git', ['-c', 'http.receivepack=true', '-c', 'safe.directory=*', 'http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env['PATH'] ?? '',
      GIT_PROJECT_ROOT: join(folder, 'git'),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname.replace(/^\/[^/]+\/git/, ''),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? '',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(exchange.received.length),
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'tests',
    },
  });
  child.stdin.on('error', () => {});
  child.stdin.end(exchange.received);
  const printed = Buffer.concat(await child.stdout.toArray());
  const end = printed.indexOf('\r\n\r\n');
  const lines = printed.subarray(0, end).toString('latin1').split('\r\n');
  const all = lines.map((line): [string, string] => {
    const colon = line.indexOf(': ');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
  });
  const status = Number(all.find(([name]) => name === 'status')?.[1].slice(0, 3) ?? 200);
  head(
    exchange,
    response,
    status,
    all.filter(([name]) => name !== 'status'),
  );
  send(exchange, response, printed.subarray(end + 4));
  response.end();
}

function head(exchange: Exchange, response: ServerResponse, status: number, fields: readonly FieldLine[]): void {
  exchange.status = status;
  exchange.sentFields = fields;
  response.statusCode = status;
  for (const [name, value] of fields) response.setHeader(name, value);
}

function send(exchange: Exchange, response: ServerResponse, part: Buffer): void {
  if (part.length === 0) return;
  exchange.sent(part);
  response.write(part);
}

/** The HTTP library gets the tap in place of the socket. */
function serve(socket: TLSSocket | Socket, raw: Socket): void {
  const { remotePort: port = 0 } = socket;
  const tap = new Tap(socket);
  const closed = new Promise((resolve) => tap.once('close', resolve));
  followed.set(tap, {
    ...{ port, connection: nextConnection(), requests: 0, latest: undefined, closed },
    ...{ upgradedReadBytes: 0, upgradedWrittenBytes: 0 },
  });
  const tls = 'getProtocol' in socket ? (socket.getProtocol() ?? '') : '';
  const serverName = ('servername' in socket && socket.servername) || '';
  const isResumed = 'isSessionReused' in socket && socket.isSessionReused();
  raw.once('close', () => {
    const { bytesRead: wireReadBytes, bytesWritten: wireWrittenBytes } = raw;
    writePlaintext(folder, { port, tls, serverName, isResumed, wireReadBytes, wireWrittenBytes }, tap);
  });
  parser.emit('connection', tap as Duplex);
}

function secure(version: SecureVersion): Server {
  const raws = new Map<number, Socket>();
  const server = createTlsServer({
    key: readFileSync(join(folder, 'server-key.pem')),
    cert: readFileSync(join(folder, 'server.pem')),
    minVersion: version,
    maxVersion: version,
    ALPNProtocols: ['http/1.1'],
  });
  server.on('tlsClientError', (error) => console.error(`${version}: ${error.message}`));
  server.on('connection', (raw) => raws.set(raw.remotePort ?? 0, raw));
  return server.on('secureConnection', (socket) => {
    const raw = raws.get(socket.remotePort ?? 0);
    if (raw !== undefined) serve(socket, raw);
  });
}

const servers: Server[] = [secure('TLSv1.3'), secure('TLSv1.2'), createPlainServer((socket) => serve(socket, socket))];
const ports: number[] = [];
for (const server of servers) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.push((server.address() as AddressInfo).port);
}
console.log(`listens on ${ports.join(' ')}`);
process.on('SIGTERM', () => {
  for (const server of servers) server.close();
  parser.closeAllConnections();
});
