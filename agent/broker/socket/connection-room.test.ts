// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { keepRoom } from './connection-room.ts';

const MAX = 4;
let server: Server;
const turnedAway: (number | undefined)[] = [];
const held: ServerResponse[] = [];
const opened: Socket[] = [];

before(async () => {
  server = createServer((request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('answered');
  });
  keepRoom(server, MAX, (socket) => turnedAway.push(socket.remotePort));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(() => {
  for (const socket of opened) socket.destroy();
  server.close();
  server.closeAllConnections();
});

/** Accepted by the server when it is there. */
async function open(): Promise<Socket> {
  const accepted = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  opened.push(socket.on('error', () => undefined));
  await Promise.all([once(socket, 'connect'), accepted]);
  return socket;
}

const ask = (socket: Socket, path: string): void => {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
};

function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const take = (part: Buffer): void => {
      text += String(part);
      if (!text.includes('answered')) return;
      socket.off('data', take);
      resolve(text);
    };
    socket.on('data', take);
  });
}

async function allGone(): Promise<void> {
  turnedAway.length = 0;
  for (const socket of opened.splice(0)) socket.destroy();
  for (;;) {
    const left = await new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    if (left === 0) break;
    await nextTurn();
  }
}

test('the oldest connection that waits goes when there are too many, and none that is being answered', async () => {
  const busy = await open();
  const arrived = once(server, 'request');
  ask(busy, '/held');
  await arrived;
  const idle: Socket[] = [];
  for (let index = 1; index < MAX; index++) idle.push(await open());
  const [first, second] = idle.map(({ localPort }) => localPort);

  const late = await open();
  ask(late, '/');
  assert.match(await answerOf(late), /answered/);
  assert.deepEqual(turnedAway, [first]);
  await open();
  assert.deepEqual(turnedAway, [first, second]);

  held[0]?.end('answered');
  assert.match(await answerOf(busy), /answered/);
});

test('who has been answered waits again, behind those who came meanwhile', async () => {
  await allGone();
  const asked = await open();
  ask(asked, '/');
  const next = await open();
  await answerOf(asked);
  ask(asked, '/');
  await answerOf(asked);
  for (let index = 2; index < MAX; index++) await open();
  await open();
  assert.deepEqual(turnedAway, [next.localPort]);
});

test('who announces a body and sends none waits as well, until it is there', async () => {
  await allGone();
  const head = 'POST /held HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n';
  const sent: Socket[] = [];
  for (const body of ['ab', 'a', 'a']) {
    const arrived = once(server, 'request');
    const socket = await open();
    sent.push(socket);
    socket.write(head + body);
    const [request] = await arrived;
    request.resume();
    if (body === 'ab') await once(request, 'end');
  }
  await open();
  await open();
  await open();
  assert.deepEqual(turnedAway, [sent[1]?.localPort, sent[2]?.localPort]);
});
