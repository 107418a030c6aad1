// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askAgent } from './agent-client.ts';

test('each question has its own connection: the agent may close one that is idle at any time', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-agent-client-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'agent.sock');
  let connections = 0;
  const server = createServer((_, response) => response.end('{}'));
  server.on('connection', () => connections++);
  server.listen(path);
  await once(server, 'listening');
  t.after(() => server.close());
  for (let i = 0; i < 3; i++) assert.deepEqual(await askAgent(path, 'GET', '/status'), {});
  assert.equal(connections, 3);
});
