// SPDX-License-Identifier: Apache-2.0

/** The servers that captures are made against: node:http in this process, and Python's http.server beside it. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { portOf } from './recorder.ts';
import { SECRETS } from './secrets.ts';

export interface RunningServer {
  readonly name: string;
  readonly port: number;
  stop(): void;
}

const DOCUMENT = JSON.stringify({ items: Array.from({ length: 40 }, (_, id) => ({ id, name: `item ${id}` })) });

const ENCODERS: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: (text) => gzipSync(text),
  deflate: (text) => deflateSync(text),
  br: (text) => brotliCompressSync(text),
  zstd: (text) => zstdCompressSync(text),
};

/** Answers by path; what the paths do stands in the code. */
export async function nodeServer(): Promise<RunningServer> {
  const server = createServer(
    {
      headersTimeout: 300,
      connectionsCheckingInterval: 100,
      shouldUpgradeCallback: (request) => request.headers.upgrade === 'websocket',
    },
    answer,
  );
  server.on('checkContinue', (request, response) => {
    if (request.url === '/refused') response.writeHead(417, { 'content-length': '0' }).end();
    else {
      response.writeContinue();
      answer(request, response);
    }
  });
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    // One text frame "hello", then a close frame (RFC 6455, section 5).
    socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]));
    socket.end(Buffer.from([0x88, 2, 3, 0xe8]));
    socket.on('error', () => {});
  });
  server.on('connect', (_request, socket, head) => {
    const upstream = connect(portOf(server), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { name: `node:http ${process.version}`, port: portOf(server), stop: () => stopServer(server) };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  const encoding = path.slice(1);
  const encode = ENCODERS[encoding];
  request.on('error', () => {});
  if (encode !== undefined) {
    const body = encode(DOCUMENT);
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-encoding': encoding,
      'content-length': body.length,
    });
    response.end(body);
    return;
  }
  switch (path) {
    case '/none':
      response.writeHead(204).end();
      return;
    case '/unchanged':
      response.writeHead(304, { etag: '"a"' }).end();
      return;
    case '/missing':
      response.writeHead(404, { 'content-type': 'text/plain' }).end('no such thing\n');
      return;
    case '/too-large':
      // Refused while it still arrives.
      request.once('data', () => {
        response.writeHead(413, { 'content-length': '10' });
        response.end('too large\n');
        request.resume();
      });
      return;
    case '/large':
      response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '1500000' });
      response.end('y'.repeat(1_500_000));
      return;
    case '/trailers':
      response.writeHead(200, { 'content-type': 'text/plain', trailer: 'x-checksum' });
      response.write('first part, ');
      setTimeout(() => {
        response.addTrailers({ 'x-checksum': 'abc123' });
        response.end('second part');
      }, 30);
      return;
    case '/hints':
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      response.writeProcessing();
      response.end('hinted');
      return;
    case '/session':
      response.setHeader('set-cookie', [`session=${SECRETS.setCookie}; HttpOnly`, 'theme=dark']);
      response.end('welcome');
      return;
    case '/oauth2/token':
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({
            token_type: 'Bearer',
            expires_in: 3599,
            access_token: SECRETS.issuedJwt,
            refresh_token: SECRETS.refreshToken,
          }),
        );
      });
      return;
    default:
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ method: request.method, url: path }));
      });
  }
}

/** Connections that were upgraded are the server's no more; they are the recorder's to close. */
function stopServer(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** HTTP/1.0 by default, and a body that ends with the connection. */
const PYTHON_SERVER = `
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain')
        self.end_headers()
        self.wfile.write(b'ends with the connection\\n')
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, sys.version.split()[0], flush=True)
server.serve_forever()
`;

export async function pythonServer(): Promise<RunningServer> {
  const child = spawn('python3', ['-c', PYTHON_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const [port, version] = line.toString().trim().split(' ');
  return {
    name: `Python ${version} http.server`,
    port: Number(port),
    stop: () => {
      child.kill();
    },
  };
}
