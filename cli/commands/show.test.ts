// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  activityOf,
  HOSTILE,
  QUIET,
  type RecordedCollector,
  startRecordedCollector,
} from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

const LONG = '01a20480-0000-7000-8000-000000000009';

describe('sworn show', () => {
  let recorded: RecordedCollector;
  const show = (...words: string[]): Promise<Ended> =>
    runSworn(['show', ...words], { environment: recorded.environment });
  before(async () => {
    recorded = await startRecordedCollector();
  });
  after(() => recorded.stop());

  it('tells a session from its beginning to its end', async () => {
    const { code, out, err } = await show(QUIET);
    assert.deepEqual([code, err], [0, '']);
    const [head, body] = out.split('\n\n') as [string, string];
    assert.match(head, /^identity +invoice-agent 66666666-7777-8888-9999-000000000000 \(verified\)$/m);
    assert.match(head, /^did +4 commands, 1 errors, 1 processes, 1 connections, 1 losses, 1 findings, 1 alerts$/m);
    // Time and process stand before it.
    const told = body
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(36).replaceAll(/ {2,}/g, ' '));
    assert.deepEqual(told, [
      'session started node agent.js',
      'exec node agent.js',
      'opened tcp 127.0.0.1:8080',
      'http 200 5.0 ms GET /invoices?state=open',
      'closed 40.0 ms tcp 127.0.0.1:8080 120 B out, 3400 B in, http 2 B lost',
      'postgresql ok 1.5 ms 1 INSERT INTO invoices VALUES ($1, $2) ["7","Contoso"]',
      'postgresql 42703 0.9 ms SELECT total FROM invoices column "total" does not exist',
      'postgresql ok 2.0 ms 12 DELETE FROM invoices',
      'ALERT high Rows deleted without a WHERE clause: invoice-agent: DELETE FROM invoices at bank@127.0.0.1:5432',
      'LOSS ring/full 77 bytes too fast',
      'FINDING io_uring /usr/bin/node may send unseen',
      'exit 3 /usr/bin/node',
      'session ended 95.0 ms 4 commands, 0 processes, 0 losses',
    ]);
  });

  it('takes the beginning of an id, and the last session', async () => {
    assert.match((await show('01a20481')).out, new RegExp(QUIET));
    assert.match((await show('last')).out, new RegExp(HOSTILE));
  });

  it('asks for more when an id is not enough, and says when there is none', async () => {
    const several = await show('01a2048');
    assert.equal(several.code, 2);
    assert.ok(several.err.includes(QUIET) && several.err.includes(HOSTILE));
    const none = await show("x' OR 1=1");
    assert.equal(none.code, 2);
    assert.match(none.err, /no session begins with/);
  });

  it('shows only the kinds that are asked for', async () => {
    const { out } = await show(QUIET, '--kind', 'alert,loss');
    assert.deepEqual(out.split('\n\n')[1]?.match(/ALERT|LOSS|postgresql|exec/g), ['ALERT', 'LOSS']);
  });

  it('adds parameters and what came back', async () => {
    const { out } = await show(QUIET, '--full', '--kind', 'command');
    assert.match(out, /^ {4}response {4}\{"invoices":\[\]\}$/m);
    assert.match(out, /^ {4}parameters {2}\["7","Contoso"\]$/m);
  });

  it('gives JSON Lines, every row once, however many there are', async () => {
    const detail = { command: { protocol: 'postgresql', operation: 'SELECT', statement: 'SELECT 1' } };
    await recorded.deliver(Array.from({ length: 2500 }, (_, at) => activityOf(LONG, 5 + at, 0, detail)));
    const { code, out } = await show(LONG, '--json');
    assert.equal(code, 0);
    const seqs = out
      .trimEnd()
      .split('\n')
      .map((line) => Number((JSON.parse(line) as { seq: string }).seq));
    assert.equal(new Set(seqs).size, 2500);
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
    );
    assert.equal((await show(LONG)).out.match(/SELECT 1$/gm)?.length, 2500);
  });

  it('leaves the terminal alone, whatever was recorded', async () => {
    for (const words of [[], ['--full'], ['--json']]) {
      const environment = { ...recorded.environment, NO_COLOR: '1' };
      const { code, out } = await onTerminal(['show', HOSTILE, ...words], 120, { environment });
      assert.equal(code, 0);
      assert.match(out, /DELETE/);
      assertTame(out);
      assert.doesNotMatch(out, /^forged line/m);
    }
  });
});
