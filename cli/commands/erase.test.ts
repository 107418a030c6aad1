// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { HOSTILE, QUIET, type RecordedCollector, startRecordedCollector } from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

describe('sworn erase', () => {
  let recorded: RecordedCollector;
  let environment: Record<string, string>;
  const erase = (...words: string[]): Promise<Ended> => runSworn(['erase', ...words], { environment });
  before(async () => {
    recorded = await startRecordedCollector();
    environment = { ...recorded.environment, SWORN_ADMIN_TOKEN: recorded.collector.adminToken };
  });
  after(() => recorded.stop());

  const withPayload = async (session: string) => {
    const [row] = await recorded.collector.ask<{ n: string }>(
      "SELECT count() AS n FROM commands WHERE session_id = {session:String} AND statement != ''",
      { session },
    );
    return Number(row!.n);
  };

  it('says what is missing: what, why, and a yes', async () => {
    const nothing = await erase('--reason', 'x');
    assert.deepEqual([nothing.code, nothing.out], [2, '']);
    assert.match(nothing.err, /nothing says what is to be erased/);
    const why = await erase('--session', QUIET);
    assert.equal(why.code, 2);
    assert.match(why.err, /needs a reason/);
    const unsure = await erase('--session', QUIET, '--reason', 'x');
    assert.equal(unsure.code, 2);
    assert.match(unsure.err, /--yes/);
    assert.ok((await withPayload(QUIET)) > 0, 'nothing was erased');
  });

  it('is refused to who may only read', async () => {
    const { code, err } = await runSworn(['erase', '--session', QUIET, '--dry-run'], {
      environment: { ...recorded.environment, SWORN_ADMIN_TOKEN: recorded.collector.apiToken },
    });
    assert.equal(code, 2);
    assert.match(err, /forbidden/);
    assert.match(err, /admin-token/);
  });

  it('counts, and changes nothing, with --dry-run', async () => {
    const { code, out } = await erase('--session', QUIET, '--dry-run', '--json');
    assert.equal(code, 0);
    const counted = JSON.parse(out) as { seq: null; activities: number; agents: { agent_id: string }[] };
    assert.equal(counted.seq, null);
    assert.ok(counted.activities >= 4);
    assert.equal(counted.agents[0]?.agent_id, 'cli-test');
    assert.ok((await withPayload(QUIET)) > 0);
  });

  it('erases what matches and nothing else, and shows the tombstone', async () => {
    const others = await withPayload(HOSTILE);
    const { code, out, err } = await erase('--session', QUIET, '--reason', 'request 4711', '--yes');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^agent +activities +of seq\ncli-test +\d+ +\d+ to \d+\n/);
    assert.match(out, /\d+ activities erased\./);
    const tombstone = /Tombstone: activity (\d+) of/.exec(out)?.[1];
    assert.equal(await withPayload(QUIET), 0);
    assert.equal(await withPayload(HOSTILE), others);
    const [row] = await recorded.collector.ask<{ n: string }>(
      `SELECT count() AS n FROM commands WHERE session_id = {session:String} AND erasure_seq = ${tombstone}`,
      { session: QUIET },
    );
    assert.ok(Number(row!.n) > 0);
    const list = await erase('--list');
    assert.match(
      list.out,
      new RegExp(`${tombstone} +payload erased +\\{"session":"${QUIET}"\\} .*admin +request 4711`),
    );
    const again = await erase('--session', QUIET, '--reason', 'again', '--yes');
    assert.equal(again.out, 'Nothing matches that still has its payload.\n');
  });

  it('lists what others wrote without letting it act on the terminal', async () => {
    const reason = 'x\u001b[2J\u001b]0;owned\u0007';
    assert.equal((await erase('--session', HOSTILE, '--reason', reason, '--yes')).code, 0);
    const { out } = await onTerminal(['erase', '--list'], 160, { environment: { ...environment, NO_COLOR: '1' } });
    assertTame(out);
  });

  it('says by the running collector what goes by its age', async () => {
    const { code, out } = await runSworn(['collector', 'retention', '--dry-run'], { environment });
    assert.deepEqual([code, out], [0, 'Nothing goes by its age: see the section retention of the configuration.\n']);
  });
});
