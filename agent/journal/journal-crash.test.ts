// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Journal } from './journal.ts';
import { readBack } from './reading-back.ts';
import { commandIndex } from './sample-activities.ts';

const KILLS = 50;

/** Lets the process run until a while after it opened the journal, kills it, gives the last number that it acknowledged. */
async function runAndKill(folder: string, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'appending-process.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  const opened = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      resolve();
    });
  });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await Promise.race([opened, ended]);
  await sleep(afterMs);
  child.kill('SIGKILL');
  await ended;
  assert.equal(child.signalCode, 'SIGKILL');
  // The last line may be cut.
  return Number(output.split('\n').at(-2));
}

test(`survives ${KILLS} kills at random points: what was acknowledged is there, once, under its number`, async (t) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'sworn-crash-')), 'journal');
  t.after(() => rmSync(join(folder, '..'), { recursive: true }));
  let acknowledged = 0;
  let torn = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const afterMs = Math.random() * 100;
    acknowledged = Math.max(acknowledged, await runAndKill(folder, afterMs));
    const journal = await Journal.open({ folder, agentId: 'agent-1', host: 'host-1', diskFreeBytesMin: 0 });
    const { report } = journal;
    assert.deepEqual([report.damagedEntries, report.altered, report.unreadableSegments], [0, [], []]);
    assert.ok(report.lastSeq >= acknowledged, `kill ${kill} after ${afterMs} ms: ${report.lastSeq} < ${acknowledged}`);
    if (report.tornBytes > 0) torn += 1;
    await journal.flush();
    const from = Math.max(1, journal.firstSeq);
    for (const [index, activity] of (await readBack(journal, from, { bytesMax: 1e6 })).entries()) {
      const { loss } = activity;
      if (loss) assert.deepEqual([loss.where, loss.reason], ['journal', 'torn_tail']);
      else assert.equal(commandIndex(activity), from + index);
    }
    await journal.close();
    // The loss that tells of a torn end is an entry too.
    acknowledged = journal.durableSeq;
  }
  t.diagnostic(`${acknowledged} entries, ${torn} torn ends`);
});
