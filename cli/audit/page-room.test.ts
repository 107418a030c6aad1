// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { CollectorClient } from '../collector-client.ts';
import { PageRoom } from './page-room.ts';

const TOKEN_VARIABLE = 'SWORN_TEST_PAGE_ROOM_TOKEN';
process.env[TOKEN_VARIABLE] = 'a-token';

async function answering(t: TestContext, answer: (response: ServerResponse) => void): Promise<CollectorClient> {
  const server: Server = createServer((request, response) => {
    request.resume();
    request.once('end', () => answer(response));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return new CollectorClient({ url: `http://127.0.0.1:${port}`, tokenFile: '', tokenVariable: TOKEN_VARIABLE });
}

describe('room for a page', () => {
  it('holds what was sent, byte by byte, one answer after the other', async (t) => {
    const bodies = [3_000_000, 70_000, 0, 5_000_001].map((bytes) => randomBytes(bytes));
    const left = [...bodies];
    const client = await answering(t, (response) => response.end(left.shift()));
    const room = new PageRoom();
    for (const body of bodies) {
      const page = await room.fill(await client.stream('SELECT 1', 'Native'));
      assert.ok(page.equals(body), `${body.length} bytes`);
    }
  });

  it('is none of half an answer', async (t) => {
    const client = await answering(t, (response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.write(randomBytes(200_000), () => response.destroy());
    });
    const answer = await client.stream('SELECT 1', 'Native');
    await assert.rejects(new PageRoom().fill(answer));
  });
});

describe('a long answer', () => {
  it('is refused in the words of a short one', async (t) => {
    const error = { code: 'query_limit', message: 'too much' };
    const client = await answering(t, (response) => response.writeHead(422).end(JSON.stringify({ error })));
    await assert.rejects(client.stream('SELECT 1', 'Native'), /too much \(query_limit\)/);
  });

  it('is not looked for where the collector does not send it', async (t) => {
    const client = await answering(t, (response) => response.writeHead(302, { location: 'http://elsewhere/' }).end());
    await assert.rejects(client.stream('SELECT 1', 'Native'), /cannot be reached/);
  });
});
