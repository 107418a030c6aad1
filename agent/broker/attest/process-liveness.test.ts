// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isProcessAlive, NS_PER_TICK, parseProcessStat, readProcessStat } from './process-liveness.ts';

const rest = (start: string): string => `S 42 ${'0 '.repeat(17)}${start} 9 9`;

test('counts the fields of /proc/PID/stat from the last bracket, whatever the program is called', () => {
  const expected = { state: 'S', parentPid: 42, startTicks: 12345n };
  for (const name of ['node', 'a b', 'a) S 1 (b', ')', '(', '1) R 1 1 1']) {
    assert.deepEqual(parseProcessStat(`7 (${name}) ${rest('12345')}`), expected, name);
  }
  for (const text of ['', '7 (x)', `7 (x) ${rest('x')}`, '7 (x) S']) assert.equal(parseProcessStat(text), undefined);
});

test('knows a running process by its start, to the tick that /proc has, and no longer once it ended', async () => {
  const child = spawn('sleep', ['60']);
  const pid = child.pid ?? 0;
  const stat = readProcessStat(pid);
  const startNs = (stat?.startTicks ?? 0n) * NS_PER_TICK;
  assert.ok(isProcessAlive({ pid, startNs }));
  assert.ok(isProcessAlive({ pid, startNs: startNs + NS_PER_TICK - 1n }), 'the kernel is more exact than /proc');
  assert.ok(!isProcessAlive({ pid, startNs: startNs + NS_PER_TICK }), 'another process with the same pid');
  assert.ok(!isProcessAlive({ pid, startNs: startNs - 1n }));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(!isProcessAlive({ pid, startNs }));
});

test('does not take a process that has ended but was not waited for as alive', async () => {
  // The shell becomes a sleep, which never waits for its child; only then is the child let go.
  const shell = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60 3<&-'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  try {
    const pid = Number(String((await once(shell.stdout as NodeJS.ReadableStream, 'data'))[0]));
    while (readFileSync(`/proc/${shell.pid}/comm`, 'latin1') !== 'sleep\n') await setTimeout(5);
    (shell.stdio[3] as NodeJS.WritableStream).end();
    for (let tries = 0; readProcessStat(pid)?.state !== 'Z'; tries += 1) {
      assert.ok(tries < 2000, 'it never became a zombie');
      await setTimeout(10);
    }
    const startNs = (readProcessStat(pid)?.startTicks ?? 0n) * NS_PER_TICK;
    assert.ok(!isProcessAlive({ pid, startNs }));
  } finally {
    shell.kill('SIGKILL');
  }
});
