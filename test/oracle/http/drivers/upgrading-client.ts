// SPDX-License-Identifier: Apache-2.0

/**
 * A workload: connections that change their language with `101 Switching Protocols`, and one that may not.
 *
 *   node upgrading-client.ts URL
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Something that does not come is a failure, and no wait for ever. */
setTimeout(() => process.exit(2), 60_000).unref();
const { hostname, port } = new URL(process.argv[2] as string);

/** Reads until the text came. */
async function heard(socket: Socket, text: string): Promise<void> {
  let all = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    all += chunk.toString('latin1');
    if (all.includes(text)) return;
  }
  throw new Error(`${text} did not come, but ${all}`);
}

/** Says the first part with the request, each other one when the one before came back; the server sends capitals. */
async function upgraded(protocol: string, ...parts: string[]): Promise<void> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const [first = '', ...others] = parts;
  const before = 'GET /before?bytes=30 HTTP/1.1\r\nHost: upgrading.example\r\n\r\n';
  socket.write(before);
  await heard(socket, 'line 0');
  const fields = `Host: upgrading.example\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  socket.write(`GET /upgrade/${protocol} HTTP/1.1\r\n${fields}\r\n${first}`);
  await heard(socket, first === '' ? '\r\n\r\n' : first.toUpperCase());
  for (const part of others) {
    socket.write(part);
    await heard(socket, part.toUpperCase());
  }
  socket.end();
  socket.resume();
  await once(socket, 'close');
}

await upgraded('nobodys', '', 'first frame', 'GET /no-request HTTP/1.1\r\n\r\n', 'x'.repeat(50_000));
await upgraded('early', 'sent before leave was given', 'and behind');
await upgraded('own.words/1.0', '', 'frame');

const socket = connect({ host: hostname, port: Number(port), noDelay: true });
await once(socket, 'connect');
const fields = 'Host: upgrading.example\r\nConnection: Upgrade\r\nUpgrade: refused\r\n';
socket.write(`GET /upgrade/refused?bytes=7 HTTP/1.1\r\n${fields}\r\n`);
// Node loses what stands behind such a request in the same packet.
await heard(socket, 'reply: ');
socket.write('GET /behind?bytes=70 HTTP/1.1\r\nHost: upgrading.example\r\nConnection: close\r\n\r\n');
socket.resume();
await once(socket, 'close');
