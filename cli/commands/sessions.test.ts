// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HOSTILE, QUIET, type RecordedCollector, startRecordedCollector } from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

describe('sworn sessions', () => {
  let recorded: RecordedCollector;
  const sessions = (...words: string[]): Promise<Ended> =>
    runSworn(['sessions', ...words], { environment: recorded.environment });
  const ids = (out: string): string[] => out.match(/01a2048\d-[0-9a-f-]+/g) ?? [];
  before(async () => {
    recorded = await startRecordedCollector();
  });
  after(() => recorded.stop());

  it('lists the newest first, with what each did', async () => {
    const { code, out, err } = await sessions();
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(ids(out), [HOSTILE, QUIET]);
    const quiet = out.split('\n').find((line) => line.startsWith(QUIET)) as string;
    assert.match(quiet, /2026-01-31 08:00:00 +invoice-agent +verified +4 +1 +1 +1 +1 +node agent\.js$/);
    const hostile = out.split('\n').find((line) => line.startsWith(HOSTILE)) as string;
    assert.match(hostile, / running /);
  });

  it('narrows by identity, workload, host, time and count', async () => {
    const cases: [words: string[], expected: string[]][] = [
      [['--identity', 'invoice-agent'], [QUIET]],
      [
        ['--identity', '66666666-7777-8888-9999-000000000000'],
        [HOSTILE, QUIET],
      ],
      [['--workload', 'invoices'], [QUIET]],
      [
        ['--host', 'host-of-cli-test'],
        [HOSTILE, QUIET],
      ],
      [['--host', 'elsewhere'], []],
      [['--since', '2026-01-31T08:00:00.500Z'], [HOSTILE]],
      [['--limit', '1'], [HOSTILE]],
    ];
    for (const [words, expected] of cases)
      assert.deepEqual(ids((await sessions(...words)).out), expected, words.join(' '));
  });

  it('says so when there are none of this kind', async () => {
    assert.equal((await sessions('--identity', 'nobody')).out, 'No sessions of this kind.\n');
  });

  it('gives JSON Lines', async () => {
    const { out } = await sessions('--json');
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      rows.map((row) => row['session_id']),
      [HOSTILE, QUIET],
    );
    assert.equal(rows[1]?.['commands'], '4');
  });

  it('leaves the terminal alone, whatever was recorded', async () => {
    for (const words of [['sessions'], ['sessions', '--json']]) {
      const environment = { ...recorded.environment, NO_COLOR: '1' };
      const { out } = await onTerminal(words, 200, { environment });
      assert.ok(out.includes(HOSTILE));
      assertTame(out);
      assert.doesNotMatch(out, /^forged line/m);
    }
  });
});
