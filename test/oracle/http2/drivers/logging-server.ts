// SPDX-License-Identifier: Apache-2.0

/**
 * The server of the tests: HTTP/2 in cleartext, HTTP/2 in TLS and gRPC, each on a port of its own, and a log of what was
 * received and sent, a JSON object a line.
 *
 *   node logging-server.ts FOLDER    with key.pem and certificate.pem in it
 *
 * A path asks for its answer: /any?status=404&bytes=1000&coding=gzip&trailers&interim&reset
 */
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { CALLS } from '../calls.ts';
import type { LoggedCall, LoggedConnection, LoggedStream } from '../server-log.ts';

const folder = process.argv[2] as string;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function write(entry: LoggedStream | LoggedConnection | LoggedCall): void {
  appendFileSync(join(folder, 'server.log'), `${JSON.stringify(entry)}\n`);
}

function serve(server: Http2Server, isEncrypted: boolean): Promise<number> {
  server.on('stream', (stream: ServerHttp2Stream, fields: IncomingHttpHeaders, _flags: number, raw: string[]) => {
    void answer(stream, fields, raw);
  });
  server.on('sessionError', () => {});
  if (!isEncrypted) {
    server.on('connection', (socket: Socket) => {
      const port = socket.remotePort ?? 0;
      socket.on('close', () => {
        write({ kind: 'connection', port, readBytes: socket.bytesRead, writtenBytes: socket.bytesWritten });
      });
    });
  }
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

async function answer(stream: ServerHttp2Stream, fields: IncomingHttpHeaders, raw: readonly string[]): Promise<void> {
  const path = String(fields[':path']);
  const { searchParams: plan } = new URL(path, 'http://any');
  const port = stream.session?.socket.remotePort ?? 0;
  stream.on('error', () => {});
  const ended = new Promise((resolve) => stream.once('close', resolve));
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.race([new Promise((resolve) => stream.once('end', resolve)), ended]);
  const request = Buffer.concat(chunks);
  const content = plan.has('echo')
    ? request
    : Buffer.from('0123456789abcdef'.repeat(1 + Number(plan.get('bytes') ?? 0) / 16)).subarray(
        0,
        Number(plan.get('bytes') ?? 0),
      );
  const carried = plan.has('coding') ? gzipSync(content) : content;
  const statusCode = Number(plan.get('status') ?? 200);
  if (!stream.destroyed && plan.has('interim')) stream.additionalHeaders({ ':status': 103, link: '</style.css>' });
  if (!stream.destroyed && plan.has('reset')) {
    stream.close(Number(plan.get('reset')));
  } else if (!stream.destroyed) {
    stream.respond(
      {
        ':status': statusCode,
        'x-path': path.slice(0, 80),
        'set-cookie': ['a=1', 'b=2'],
        ...(plan.has('coding') && { 'content-encoding': 'gzip' }),
      },
      { waitForTrailers: plan.has('trailers') },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': sha256(carried) }));
    stream.end(carried);
  }
  await ended;
  write({
    kind: 'stream',
    port,
    id: stream.id ?? 0,
    method: String(fields[':method']),
    path,
    authority: String(fields[':authority'] ?? fields.host ?? ''),
    fields: Array.from({ length: raw.length / 2 }, (_, i): [string, string] => [raw[2 * i]!, raw[2 * i + 1]!]).filter(
      ([name]) => !name.startsWith(':'),
    ),
    requestBytes: request.length,
    requestSha256: sha256(request),
    status: plan.has('reset') ? 0 : statusCode,
    resetCode: stream.rstCode ?? 0,
    responseBytes: carried.length,
    contentSha256: sha256(content),
    hasTrailers: plan.has('trailers'),
  });
}

function serveCalls(): Promise<number> {
  const server = new Server();
  const log = (path: string, messages: readonly Buffer[], code: number, text: string): void => {
    write({ kind: 'call', path, messages: messages.map((one) => one.toString('hex')), code, text });
  };
  server.addService(CALLS, {
    say: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      log(CALLS.say.path, [request], 0, '');
      done(null, request);
    },
    fail: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const details = 'no such thing: ü, 100%';
      log(CALLS.fail.path, [request], status.NOT_FOUND, details);
      done({ code: status.NOT_FOUND, details });
    },
    count: (call: ServerWritableStream<Buffer, Buffer>) => {
      log(CALLS.count.path, [call.request], 0, '');
      for (let n = 0; n < 20; n++) call.write(Buffer.from([8, n]));
      call.end();
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

const clear = createServer();
const secure = createSecureServer({
  key: readFileSync(join(folder, 'key.pem')),
  cert: readFileSync(join(folder, 'certificate.pem')),
});
const ports = [await serve(clear, false), await serve(secure, true), await serveCalls()];
console.log(`listens on ${ports.join(' ')}`);
process.on('SIGTERM', () => process.exit(0));
