// SPDX-License-Identifier: Apache-2.0

/**
 * What workloads talk to besides PostgreSQL, in a process of its own that is not recorded: HTTP, and plain bytes
 * (byte-talk.ts) over TCP (IPv4 and IPv6) and over a unix socket.
 *
 *   bin/node test/faults/load/service.ts SOCKET      prints its places as one line of JSON
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { talk } from './byte-talk.ts';

/** `?reply=N` asks for a body of about N bytes; it says what was asked, and when that came by this host's clock. */
function answerHttp(request: IncomingMessage, response: ServerResponse): void {
  const receivedMs = Date.now();
  request.resume().on('end', () => {
    const asked = Number(new URL(request.url ?? '/', 'http://service').searchParams.get('reply') ?? 0);
    const body = JSON.stringify({ target: request.url, received_ms: receivedMs, padding: 'x'.repeat(asked) });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
}

const http = createHttpServer({ keepAliveTimeout: 600_000 }, answerHttp);
const bytes = createServer(talk);
const bytes6 = createServer(talk);
const unix = createServer(talk);

function listening(server: Server, where: { port: number; host: string } | { path: string }): Promise<void> {
  return new Promise((resolve) => server.listen(where, resolve));
}

const bytesSocket = process.argv[2] as string;
await listening(http, { port: 0, host: '127.0.0.1' });
await listening(bytes, { port: 0, host: '127.0.0.1' });
await listening(bytes6, { port: 0, host: '::1' });
await listening(unix, { path: bytesSocket });
const httpPort = (http.address() as AddressInfo).port;
const bytesPort = (bytes.address() as AddressInfo).port;
const bytesPort6 = (bytes6.address() as AddressInfo).port;
console.log(JSON.stringify({ httpPort, bytesPort, bytesPort6, bytesSocket }));
process.on('SIGTERM', () => process.exit(0));
