// SPDX-License-Identifier: Apache-2.0

/** An agent whose broker cannot listen ends, and says why: the service manager is not left to wait for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../../deploy/demo/program.ts';
import { root, whyNoRecording } from '../../test/oracle/recording/recording.ts';

/** These only turn a hang into a failure. */
const SAID_MS_MAX = 120_000;
const ENDS_MS_MAX = 60_000;

test('an agent whose broker finds its port taken ends with an error', { skip: whyNoRecording() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-start-'));
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const at = (name: string): string => join(folder, name);
  const config = { state_dir: at('state'), run_dir: at('run'), broker: { port }, tls: { enabled: false } };
  writeFileSync(at('agent.yaml'), JSON.stringify(config));
  const agent = startProgram({
    name: 'agent',
    command: [join(root, 'bin/sworn'), 'agent', '--config', at('agent.yaml')],
    logFile: at('agent.log'),
  });
  try {
    await agent.line((line) => line.includes(`cannot listen on its address. Port ${port}`), SAID_MS_MAX);
    assert.equal(await Promise.race([agent.ended, sleep(ENDS_MS_MAX, 'it goes on', { ref: false })]), 1);
  } finally {
    await agent.stop();
    taken.close();
    rmSync(folder, { recursive: true });
  }
});
