// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ActivityRow } from './print/activity-line.ts';
import { inReadingOrder } from './session-rows.ts';

const time = (second: number): string => `2026-01-31 08:00:${String(second).padStart(2, '0')}.000000000`;
const row = (name: string, kind: string, action: string, begin: number, end = begin): ActivityRow => ({
  ...{ name, kind, action, time: time(begin), end_time: time(end) },
});

async function order(rows: readonly ActivityRow[]): Promise<unknown[]> {
  const names: unknown[] = [];
  for await (const one of inReadingOrder(rowsOf(rows))) names.push(one['name']);
  return names;
}

async function* rowsOf(rows: readonly ActivityRow[]): AsyncGenerator<ActivityRow> {
  yield* rows;
}

describe('the rows of a session', () => {
  it('have ends where things ended, and commands where they began', async () => {
    const rows = [
      row('session ended', 'session', 'ended', 0, 9),
      row('session started', 'session', 'started', 0),
      row('closed', 'connection', 'closed', 1, 6),
      row('opened', 'connection', 'opened', 1, 2),
      row('long command', 'command', '', 3, 8),
      row('short-lived', 'connection', 'closed', 4, 5),
      row('exit', 'process', 'exit', 7),
    ];
    const expected = ['session started', 'opened', 'long command', 'short-lived', 'closed', 'exit', 'session ended'];
    assert.deepEqual(await order(rows), expected);
  });

  it('have an alert behind what raised it', async () => {
    const rows = [row('alert', 'alert', '', 3), row('delete', 'command', '', 3), row('next', 'command', '', 4)];
    assert.deepEqual(await order(rows), ['delete', 'alert', 'next']);
  });

  it('have the end of the session last when all has one time', async () => {
    const rows = [
      row('ended', 'session', 'ended', 1),
      row('exec', 'process', 'exec', 1),
      row('exit', 'process', 'exit', 1),
    ];
    assert.deepEqual(await order(rows), ['exec', 'exit', 'ended']);
  });

  it('keep the order of the collector among what has one time, and are all there', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) =>
      row(
        `r${i}`,
        i % 3 === 0 ? 'connection' : 'command',
        'closed',
        Math.floor(i / 60),
        Math.min(59, Math.floor(i / 60) + (i % 7)),
      ),
    );
    const names = await order(rows);
    assert.equal(new Set(names).size, rows.length);
    const commands = names.filter((name) => Number(String(name).slice(1)) % 3 !== 0);
    assert.deepEqual(
      commands,
      rows.filter((_, i) => i % 3 !== 0).map(({ name }) => name),
    );
  });
});
