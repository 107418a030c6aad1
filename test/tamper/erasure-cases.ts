// SPDX-License-Identifier: Apache-2.0

import { activityOfRow, JSON_COLUMNS_SQL, type JsonRow } from '../../cli/audit/activity-of-row.ts';
/** Payload that was erased with a tombstone (erased-5), and what pretends to be that. */
import { asReceived } from '../../collector/testing/full-activities.ts';
import { payloadDigests } from '../../proto/leaf.ts';
import { copyRows, makeLeavesAnew, signAnew } from './forger.ts';
import { KINDS_ROWS, type RecordStage } from './record.ts';
import { onRecord, type TamperCase } from './suite.ts';

const ERASED = "agent_id = 'erased-5'";
const update = (change: string, where: string): string =>
  `ALTER TABLE sworn.activities UPDATE ${change} WHERE ${where}`;

/** As the collector erases a command, by hand. */
export async function eraseByHand(stage: RecordStage, agentId: string, seq: number, stone: number): Promise<void> {
  const [row] = await stage.collector.ask<JsonRow>(
    `SELECT ${JSON_COLUMNS_SQL} FROM sworn.activities AS a WHERE a.agent_id = {agent:String} AND a.seq = {seq:UInt64}`,
    { agent: agentId, seq },
  );
  const digests = [...payloadDigests(asReceived(activityOfRow(row!)!.activity))].map(
    ([name, digest]) => `'${name}', unhex('${Buffer.from(digest).toString('hex')}')`,
  );
  await stage.sql(
    update(
      `resource = '', statement = '', statement_shape = '', parameters = '', request = '', response = '', error_message = '',
       request_sha256_bytes = unhex(repeat('00', 32)), response_sha256_bytes = unhex(repeat('00', 32)), attributes = map(),
       salt_bytes = unhex(repeat('00', 16)), payload_digests = map(${digests.join(', ')}), erasure_seq = ${stone}`,
      `agent_id = '${agentId}' AND seq = ${seq}`,
    ),
  );
}

/** A tombstone that says of these rows that they were dropped, in the log of a collector. */
export async function forgeTombstone(
  stage: RecordStage,
  agentId: string,
  first: number,
  last: number,
): Promise<number> {
  const { collectorId } = stage.collector;
  const seq = (await stage.size(collectorId)) + 1;
  await stage.sql(
    copyRows(
      `agent_id = '${collectorId}' AND kind = 'erasure' AND action = 'payload_erased'`,
      `toUInt64(${seq}) AS seq, 'rows_dropped' AS action, 'retention' AS reason, map('${agentId}', '${first}-${last}') AS erased_agents,
       toUInt64(${last - first + 1}) AS erased_activities, received_at - INTERVAL 2 HOUR AS received_at`,
    ),
  );
  await makeLeavesAnew(stage, collectorId, seq, seq);
  return seq;
}

const drop = (stage: RecordStage, first: number, last: number): Promise<void> =>
  stage.sql(`ALTER TABLE sworn.activities DELETE WHERE agent_id = 'db-1' AND seq BETWEEN ${first} AND ${last}`);

export const ERASURE_CASES: readonly TamperCase[] = [
  onRecord(
    'clickhouse',
    'payload_edited: something else where payload was erased',
    (stage) => stage.sql(update("statement = 'SELECT 1'", `${ERASED} AND seq = 1`)),
    ['payload_edited erased-5:1-1'],
  ),
  onRecord(
    'clickhouse',
    'digest_missing: the digests of erased payload are taken away',
    (stage) => stage.sql(update('payload_digests = map()', `${ERASED} AND seq = 1`)),
    ['digest_missing erased-5:1-1'],
  ),
  onRecord(
    'clickhouse',
    'digest_missing: a digest of erased payload is another one',
    (stage) =>
      stage.sql(
        update(
          "payload_digests = mapApply((k, v) -> (k, toFixedString(repeat('x', 32), 32)), payload_digests)",
          `${ERASED} AND seq = 1`,
        ),
      ),
    ['digest_missing erased-5:1-1'],
  ),
  onRecord(
    'clickhouse',
    'payload_edited: payload erased by hand, and no tombstone named',
    (stage) => eraseByHand(stage, 'db-1', 5, 0),
    ['payload_edited db-1:5-5'],
  ),
  onRecord(
    'clickhouse',
    'payload_edited: payload erased by hand, in the name of a tombstone of others',
    (stage) => eraseByHand(stage, 'db-1', 5, 1),
    ['payload_edited db-1:5-5'],
  ),
  onRecord(
    'clickhouse',
    'removed: a tombstone, and with it the reason of what is gone',
    (stage) =>
      stage.sql(`ALTER TABLE sworn.activities DELETE WHERE agent_id = '${stage.collector.collectorId}' AND seq = 1`),
    (stage) => [`removed ${stage.collector.collectorId}:1-1`, `payload_edited erased-5:1-${KINDS_ROWS}`],
  ),
  onRecord(
    'clickhouse',
    'altered: the reason in a tombstone',
    (stage) => stage.sql(update("reason = 'another'", `agent_id = '${stage.collector.collectorId}' AND seq = 1`)),
    (stage) => [`altered ${stage.collector.collectorId}:1-1`],
  ),
  onRecord(
    'clickhouse',
    'removed: rows, and a tombstone that nobody signed says they were dropped',
    async (stage) => {
      await drop(stage, 1, 100);
      await forgeTombstone(stage, 'db-1', 1, 100);
    },
    ['removed db-1:1-100'],
  ),
  onRecord(
    'operator',
    'removed: rows, and a tombstone that the collector signed says they were dropped',
    async (stage) => {
      const { collectorId } = stage.collector;
      await drop(stage, 1, 250);
      const seq = await forgeTombstone(stage, 'db-1', 1, 250);
      await signAnew(stage, collectorId, { log: stage.privateKey }, [...stage.ownSizes, seq]);
    },
    [],
    'the operator may drop rows; each of them is listed as erased, with the tombstone and its reason',
  ),
];
