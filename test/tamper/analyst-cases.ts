// SPDX-License-Identifier: Apache-2.0

/** Who may ask over the API may change nothing, whatever the SQL. */
import { dayAgo } from './days.ts';
import type { RecordStage } from './record.ts';
import { faultsOf } from './record.ts';
import type { TamperCase } from './suite.ts';

const TRIED: readonly (readonly [name: string, sql: string])[] = [
  ['altered', "ALTER TABLE sworn.activities UPDATE exe = 'x' WHERE seq = 1"],
  ['removed', "ALTER TABLE sworn.activities DELETE WHERE agent_id = 'db-1'"],
  ['removed by a lightweight delete', 'DELETE FROM sworn.activities WHERE seq = 1'],
  ['inserted', 'INSERT INTO sworn.activities SELECT * FROM sworn.activities WHERE seq = 1'],
  ['partition dropped', `ALTER TABLE sworn.activities DROP PARTITION '${dayAgo(2)}'`],
  ['table dropped', 'DROP TABLE sworn.activities'],
  ['table emptied', 'TRUNCATE TABLE sworn.activities'],
  ['table renamed', 'RENAME TABLE sworn.activities TO sworn.gone'],
  ['checkpoints removed', 'ALTER TABLE sworn.checkpoints DELETE WHERE 1'],
  ['key inserted', "INSERT INTO sworn.log_keys VALUES ('db-1', 'x', 'accepted', now64(3))"],
  ['rows that go by themselves', 'ALTER TABLE sworn.activities MODIFY TTL toDateTime(received_at) + INTERVAL 1 SECOND'],
];

export const ANALYST_CASES: readonly TamperCase[] = TRIED.map(([name, sql]) => ({
  name: `refused: ${name}`,
  who: 'analyst',
  async run(stage: RecordStage) {
    await stage.restore();
    const { ok, status } = await stage.collector.post(sql);
    const found = [ok ? `the collector did it (${status})` : 'refused'];
    return { found, expected: ['refused'] };
  },
}));

/** After all of them. */
export const ANALYST_UNDONE: TamperCase = {
  name: 'refused: and nothing is changed by what was tried',
  who: 'analyst',
  async run(stage) {
    return { found: faultsOf(await stage.verify()), expected: [] };
  },
};
