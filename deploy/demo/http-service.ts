// SPDX-License-Identifier: Apache-2.0

/**
 * The demo's HTTP service: a real server of another program, in a process of its own. It writes down what it was asked and
 * what it answered, one JSON object a line, so that the record can be compared with it. It speaks TLS only, and in it HTTP/2
 * or HTTP/1.1, as its client wants.
 *
 *   bin/node deploy/demo/http-service.ts LOGFILE CERTIFICATE KEY      prints the port that it listens on
 */
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';

const [log, certificate, key] = process.argv.slice(2) as [string, string, string];

/** Method and path → status and body. */
const routes: Readonly<Record<string, readonly [number, object]>> = {
  'GET /health': [200, { status: 'ok' }],
  'GET /invoices': [
    200,
    {
      invoices: [
        { id: 1, customer: 'Contoso' },
        { id: 2, customer: 'Fabrikam' },
      ],
    },
  ],
  'POST /invoices': [201, { id: 3 }],
  'POST /export': [500, { error: 'the exporter is out of memory' }],
  'GET /reports': [200, { reports: [] }],
  'POST /reports': [202, { queued: true }],
};

const secrets = { cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true };
const server = createSecureServer(secrets, (request, response) => {
  answer(request, response).catch((error: unknown) => response.destroy(error as Error));
});

async function answer(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  const asked = createHash('sha256');
  let requestBytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    asked.update(part);
    requestBytes += part.length;
  }
  const path = (request.url ?? '').split('?')[0];
  const [status, value] = routes[`${request.method} ${path}`] ?? [404, { error: 'there is no such thing' }];
  const body = Buffer.from(JSON.stringify(value));
  const line = {
    method: request.method,
    target: request.url,
    status,
    clientPort: request.socket.remotePort,
    requestBytes,
    requestSha256: asked.digest('hex'),
    responseBytes: body.length,
    responseSha256: createHash('sha256').update(body).digest('hex'),
  };
  appendFileSync(log, `${JSON.stringify(line)}\n`);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.on('SIGTERM', () => process.exit(0));
