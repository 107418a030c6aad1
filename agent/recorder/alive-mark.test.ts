// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AliveMark } from './alive-mark.ts';

const SECOND_NS = 1_000_000_000n;
const NOON = { unixNs: 1_790_000_000n * SECOND_NS, bootNs: 500n * SECOND_NS };

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-mark-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'alive.json');
}

/** So many seconds later by the time since boot, and by the wall clock. */
function later(bootSeconds: number, wallSeconds = bootSeconds) {
  const { unixNs, bootNs } = NOON;
  return { unixNs: unixNs + BigInt(wallSeconds) * SECOND_NS, bootNs: bootNs + BigInt(bootSeconds) * SECOND_NS };
}

test('without a mark it is the first start; with one the absence goes from it until now', async (t) => {
  const file = fileFor(t);
  const first = new AliveMark(file, 'boot-1', NOON);
  assert.equal(first.absence, undefined);
  await first.write(NOON, false);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { absence } = new AliveMark(file, 'boot-1', later(60));
  assert.deepEqual(absence, {
    sinceUnixNs: NOON.unixNs,
    untilUnixNs: later(60).unixNs,
    reason: 'agent_not_running',
  });
  assert.equal(new AliveMark(file, 'boot-2', later(60)).absence?.reason, 'host_restarted');
  await first.write(later(1), true);
  assert.equal(new AliveMark(file, 'boot-1', later(60)).absence?.reason, 'agent_stopped');
});

test('a wall clock that was set meanwhile: the absence takes in the time by both', async (t) => {
  const file = fileFor(t);
  await new AliveMark(file, 'boot-1', NOON).write(NOON, false);
  // A minute passed. Back by an hour: it was from 11:00 on by the new clock, until 12:01 by the old one.
  const back = new AliveMark(file, 'boot-1', later(60, 60 - 3600)).absence;
  assert.deepEqual([back?.sinceUnixNs, back?.untilUnixNs], [later(0, -3600).unixNs, later(0, 60).unixNs]);
  const ahead = new AliveMark(file, 'boot-1', later(60, 60 + 3600)).absence;
  assert.deepEqual([ahead?.sinceUnixNs, ahead?.untilUnixNs], [NOON.unixNs, later(0, 3660).unixNs]);
});

test('a mark of another boot that is ahead of the clock still gives a span', async (t) => {
  const file = fileFor(t);
  await new AliveMark(file, 'boot-1', NOON).write(NOON, false);
  const { absence } = new AliveMark(file, 'boot-2', { ...later(0, -3600), bootNs: SECOND_NS });
  assert.equal(absence?.reason, 'host_restarted');
  assert.ok(absence.sinceUnixNs < later(0, -3600).unixNs);
  assert.ok(absence.untilUnixNs > NOON.unixNs);
});

test('a mark that cannot be read is no first start: the absence is since before its file', async (t) => {
  const file = fileFor(t);
  const mark = new AliveMark(file, 'boot-1', NOON);
  await mark.write(NOON, false);
  for (const text of ['', '{"bootId":"boot-1","atUni', 'null', '{"bootId":"boot-1","atUnixNs":"x","ended":false}']) {
    writeFileSync(file, text);
    utimesSync(file, Number(NOON.unixNs / SECOND_NS), Number(NOON.unixNs / SECOND_NS));
    const { absence } = new AliveMark(file, 'boot-2', later(600));
    assert.equal(absence?.reason, 'mark_unreadable', text);
    assert.ok(absence.sinceUnixNs < NOON.unixNs, text);
    assert.equal(absence.untilUnixNs, later(600).unixNs, text);
  }
});

test('a mark that cannot be read, of a clock that was set back since: the absence begins before now', async (t) => {
  const file = fileFor(t);
  await new AliveMark(file, 'boot-1', NOON).write(NOON, false);
  writeFileSync(file, '');
  const hourAgo = { unixNs: NOON.unixNs - 3600n * SECOND_NS, bootNs: SECOND_NS };
  utimesSync(file, Number(NOON.unixNs / SECOND_NS), Number(NOON.unixNs / SECOND_NS));
  const { absence } = new AliveMark(file, 'boot-2', hourAgo);
  assert.equal(absence?.reason, 'mark_unreadable');
  assert.ok(absence.sinceUnixNs < hourAgo.unixNs);
  assert.ok(absence.untilUnixNs > NOON.unixNs);
});
