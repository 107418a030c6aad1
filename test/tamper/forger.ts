// SPDX-License-Identifier: Apache-2.0

/** Who changes a record so that it fits itself: leaves made anew out of rows, trees out of leaves, checkpoints signed again. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { activityOfRow, JSON_COLUMNS_SQL, type JsonRow } from '../../cli/audit/activity-of-row.ts';
import { leafOf } from '../../proto/leaf.ts';
import { formatCheckpoint } from '../../proto/log/checkpoint.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { createVerifier, formatNote, formatVerifier, signText } from '../../proto/log/note.ts';
import type { RecordStage } from './record.ts';

export function makeKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}

export function logKeyLine(agentId: string, key: KeyObject): string {
  return formatVerifier(createVerifier(`sworn/${agentId}`, createPublicKey(key)));
}

export function cosignKeyLine(collectorId: string, key: KeyObject): string {
  return formatVerifier(createVerifier(`sworn/${collectorId}`, createPublicKey(key), 'cosignature'));
}

const unhex = (bytes: Buffer): string => `unhex('${bytes.toString('hex')}')`;

/** Each row has the leaf that comes out of it, as it now stands. */
export async function makeLeavesAnew(stage: RecordStage, agentId: string, first: number, last: number): Promise<void> {
  const rows = await stage.collector.ask<JsonRow>(
    `SELECT ${JSON_COLUMNS_SQL} FROM sworn.activities AS a
     WHERE a.agent_id = {agent:String} AND a.seq BETWEEN {first:UInt64} AND {last:UInt64}`,
    { agent: agentId, first, last },
  );
  const leaves = rows.map((row) => {
    const { activity, host, digests, seq } = activityOfRow(row)!;
    return [seq, leafOf(activity, agentId, host, digests)] as const;
  });
  const seqs = leaves.map(([seq]) => seq).join(', ');
  const hex = leaves.map(([, leaf]) => `'${leaf.toString('hex')}'`).join(', ');
  await stage.sql(
    `ALTER TABLE sworn.activities UPDATE leaf_bytes = toFixedString(unhex(transform(seq, [${seqs}], [${hex}], '')), 32)
     WHERE agent_id = '${agentId}' AND seq BETWEEN ${first} AND ${last}`,
  );
}

/** As a forger signs for one: with a key for the log, and one for the collector where it cosigns. */
export interface Signers {
  readonly log: KeyObject;
  readonly collector?: { readonly id: string; readonly key: KeyObject };
}

/** Checkpoints of all sizes that a log has them of, over the leaves that stand there now. `sizes`: these instead. */
export async function signAnew(stage: RecordStage, agentId: string, by: Signers, sizes?: readonly number[]) {
  const wanted = new Set(sizes ?? (await stage.sizes(agentId)));
  const rows = await stage.collector.ask<{ leaf: string }>(
    'SELECT hex(leaf_bytes) AS leaf FROM sworn.activities WHERE agent_id = {agent:String} ORDER BY seq',
    { agent: agentId },
  );
  await stage.sql(`ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = '${agentId}'`);
  const tree = new MerkleFrontier();
  const values: string[] = [];
  for (const { leaf } of rows) {
    tree.append(Buffer.from(leaf, 'hex'));
    if (!wanted.has(tree.size)) continue;
    const { size } = tree;
    const root = tree.root();
    const note = signedNote(agentId, size, root, by);
    const subtrees = tree.subtrees.map(unhex).join(', ');
    values.push(
      `('${agentId}', ${size}, ${unhex(root)}, now64(3), 'cosigned', ${unhex(Buffer.from(note))}, [${subtrees}], '')`,
    );
  }
  if (values.length === 0) return;
  await stage.sql(
    `INSERT INTO sworn.checkpoints (agent_id, size, root_bytes, time, verdict, note, subtrees, reason) VALUES ${values.join(', ')}`,
  );
}

export function signedNote(agentId: string, size: number, root: Buffer, { log, collector }: Signers): string {
  const origin = `sworn/${agentId}`;
  const text = formatCheckpoint({ origin, size, root, extensions: [] });
  const signatures = [signText(text, origin, log)];
  if (collector !== undefined) {
    signatures.push(signText(text, `sworn/${collector.id}`, collector.key, Math.floor(Date.now() / 1000)));
  }
  return formatNote({ text, signatures });
}

/** Keys of a log, as the store has them, become these. */
export async function replaceKeys(stage: RecordStage, agentId: string, lines: readonly string[], origin: string) {
  await stage.sql(`ALTER TABLE sworn.log_keys DELETE WHERE agent_id = '${agentId}'`);
  await addKeys(stage, agentId, lines, origin);
}

export async function addKeys(stage: RecordStage, agentId: string, lines: readonly string[], origin: string) {
  const rows = lines.map((line) => `('${agentId}', '${line}', '${origin}', now64(3))`).join(', ');
  await stage.sql(`INSERT INTO sworn.log_keys (agent_id, verifier, origin, time) VALUES ${rows}`);
}

/** A copy of rows, with some columns made anew. */
export function copyRows(where: string, replaced: string): string {
  return `INSERT INTO sworn.activities SELECT * REPLACE (${replaced}) FROM (SELECT * FROM sworn.activities WHERE ${where})`;
}
