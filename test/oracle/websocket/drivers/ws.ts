// SPDX-License-Identifier: Apache-2.0

/**
 * Both sides of WebSocket by the package `ws`. Each writes down what it sends as lines: path, then the message in base64.
 *
 *   node ws.ts PACKAGE LOG server        on a port of loopback that it prints; answers every message twice as long
 *   node ws.ts PACKAGE LOG client PORT   a conversation at /plain, one at /deflated
 */
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

setTimeout(() => process.exit(2), 60_000).unref();
const [folder = '', log = '', way = '', port = ''] = process.argv.slice(2);
const { WebSocket, WebSocketServer } = createRequire(`${folder}/`)(folder);

const MESSAGES = ['hello', 'snow ☃', 'x'.repeat(125), 'y'.repeat(126), 'z'.repeat(70_000), Buffer.from([0, 1, 0xff])];

// biome-ignore lint/suspicious/noExplicitAny: the package is not among ours, so its types are not here
function tell(socket: any, path: string, message: string | Buffer): void {
  appendFileSync(log, `${path} ${Buffer.from(message as string).toString('base64')}\n`);
  socket.send(message);
}

async function talk(path: string, perMessageDeflate: boolean, code: number): Promise<void> {
  const options = { perMessageDeflate: perMessageDeflate && { threshold: 0 } };
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
  await new Promise((resolve) => socket.once('open', resolve));
  for (const message of MESSAGES) {
    const answered = new Promise((resolve) => socket.once('message', resolve));
    tell(socket, path, message);
    await answered;
  }
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close(code, 'that is all');
  await closed;
}

if (way === 'client') {
  await talk('/plain', false, 1000);
  await talk('/deflated', true, 4001);
} else {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 } });
  server.on('listening', () => console.log((server.address() as AddressInfo).port));
  // biome-ignore lint/suspicious/noExplicitAny: as above
  server.on('connection', (socket: any, request: { url: string }) => {
    socket.on('message', (message: Buffer, isBinary: boolean) => {
      const twice = Buffer.concat([message, message]);
      tell(socket, request.url, isBinary ? twice : twice.toString());
    });
  });
}
