// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStartedAt, processKeyOf } from './proc.ts';

const WAIT_MS_MAX = 20_000;

it('a process that has ended does not run, though its parent has not asked for it', async () => {
  // The shell's child becomes sleep's, which asks nobody.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 61'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const key = processKeyOf(Number(line));
    assert.ok(key !== undefined && isStartedAt(key));
    process.kill(Number(line), 'SIGKILL');
    for (const until = Date.now() + WAIT_MS_MAX; isStartedAt(key); await sleep(10)) {
      assert.ok(Date.now() < until, 'it is still said to run');
    }
    assert.ok(processKeyOf(Number(line)) !== undefined, 'it is there, and nobody has asked');
  } finally {
    parent.kill();
  }
});
