// SPDX-License-Identifier: Apache-2.0

/** The bound on age, by a clock of the test. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Journal } from './journal.ts';
import { readBack } from './reading-back.ts';
import { sampleCommand } from './sample-activities.ts';

const DAY_MS = 86_400_000;

async function scratch(t: TestContext, ageMaxMs: number) {
  const folder = join(mkdtempSync(join(tmpdir(), 'sworn-journal-age-')), 'journal');
  const clock = { nowNs: 1_790_000_000_000_000_000n };
  const options = { folder, agentId: 'agent-1', host: 'host-1', flushDelayMs: 1, ageMaxMs, nowNs: () => clock.nowNs };
  const journal = await Journal.open(options);
  t.after(async () => {
    await journal.close();
    rmSync(join(folder, '..'), { recursive: true });
  });
  return {
    journal,
    segments: () => readdirSync(folder).filter((name) => name.endsWith('.segment')).length,
    /** One activity a day. */
    async days(count: number): Promise<void> {
      for (let day = 0; day < count; day++) {
        clock.nowNs += BigInt(DAY_MS) * 1_000_000n;
        journal.append(sampleCommand(day));
        await journal.flush();
      }
    },
  };
}

describe('a journal with a bound on age', () => {
  test('removes what is too old, and tells what nobody had of it', async (t) => {
    const { journal, days } = await scratch(t, 8 * DAY_MS);
    await days(20);
    const { losses, firstSeq } = journal.state;
    const tooOld = losses.get('too_old')?.events ?? 0;
    assert.equal(firstSeq, tooOld + 1);
    assert.ok(tooOld >= 8 && tooOld <= 14, `${tooOld} of 20 days`);
    const read = await readBack(journal);
    // Each number is given out all the same: a loss stands where an activity was.
    assert.deepEqual(
      read.map(({ seq }) => Number(seq)),
      read.map((_, i) => i + 1),
    );
    const told = read.flatMap(({ loss }) => (loss?.reason === 'too_old' ? [Number(loss.events)] : []));
    assert.equal(
      told.reduce((sum, events) => sum + events, 0),
      tooOld,
    );
  });

  test('loses nothing of what was delivered in time', async (t) => {
    const { journal, days, segments } = await scratch(t, 8 * DAY_MS);
    for (let day = 0; day < 20; day++) {
      await days(1);
      journal.forget(journal.durableSeq);
    }
    assert.equal(journal.state.losses.size, 0);
    assert.ok(segments() <= 3, `${segments()} files`);
  });

  test('keeps what is old and not delivered when there is no bound', async (t) => {
    const { journal, days } = await scratch(t, 0);
    await days(400);
    assert.equal(journal.firstSeq, 1);
    assert.equal(journal.state.losses.size, 0);
  });
});
