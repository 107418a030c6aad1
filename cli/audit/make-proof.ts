// SPDX-License-Identifier: Apache-2.0

/** A proof of one activity, out of the store: from the checkpoint before it to the first one that covers it. */
import type { Addon } from '../../agent/source/ebpf/addon.ts';
import { leafOf } from '../../proto/leaf.ts';
import { HASH_BYTES, inclusionProof, nodeHash, type SubtreeHash } from '../../proto/log/merkle.ts';
import { CliError } from '../exit.ts';
import { activityOfRow } from './activity-of-row.ts';
import type { Proof } from './proof.ts';
import type { CheckpointClaim, RecordSource } from './record-source.ts';
import { rowPlan } from './row-plan.ts';

/** A checkpoint covers 100,000 activities at most; without subtrees at the one before, earlier ones are read too. */
const LEAVES_MAX = 10_000_000;
const PAGE_ROWS = 32_768;

export async function makeProof(
  source: RecordSource,
  addon: Pick<Addon, 'RowLeafWriter'>,
  agentId: string,
  seq: number,
): Promise<Proof> {
  const rows = await source.rows(agentId, seq);
  const row = rows[0] === undefined ? undefined : activityOfRow(rows[0]);
  if (row === undefined) throw new CliError(`there is no activity ${agentId}:${seq}`, 'See: sworn show, sworn query');
  const leaf = leafOf(row.activity, agentId, row.host, row.digests);
  if (rows.length > 1 || !leaf.equals(row.leaf)) throw notProved(agentId, seq);
  const { before, covering } = await around(source, agentId, seq);
  const start = before?.size ?? 0;
  if (covering.size - start > LEAVES_MAX) throw notProved(agentId, seq);
  const leaves = await leavesOf(source, addon, agentId, start, covering.size);
  const inclusion = inclusionProof(seq - 1, covering.size, subtreeOf(start, before?.subtrees ?? [], leaves));
  const { activity, digests, host } = row;
  return { agentId, host, seq, activity, digests, treeSize: covering.size, inclusion, checkpoint: covering.note };
}

function notProved(agentId: string, seq: number): CliError {
  return new CliError(
    `${agentId}:${seq} cannot be proved: it is not what was sealed`,
    'See what is wrong: sworn verify',
  );
}

async function around(
  source: RecordSource,
  agentId: string,
  seq: number,
): Promise<{ before: CheckpointClaim | undefined; covering: CheckpointClaim }> {
  let before: CheckpointClaim | undefined;
  for await (const claim of source.checkpoints(agentId)) {
    if (claim.verdict !== 'cosigned') continue;
    if (claim.size >= seq) return { before, covering: claim };
    if (claim.subtrees.length > 0) before = claim;
  }
  throw new CliError(
    `no checkpoint covers ${agentId}:${seq} yet`,
    'Agents seal every few seconds; try again in a moment, or see: sworn verify',
  );
}

/** Leaves of rows and, where retention removed them, of tiles: from `start` on, up to `end`. */
async function leavesOf(
  source: RecordSource,
  addon: Pick<Addon, 'RowLeafWriter'>,
  agentId: string,
  start: number,
  end: number,
): Promise<Buffer> {
  const { plan, texts } = rowPlan();
  const writer = new addon.RowLeafWriter(plan, texts);
  const leaves = Buffer.alloc((end - start) * HASH_BYTES);
  for (let from = start; from < end; from += PAGE_ROWS) {
    const count = Math.min(PAGE_ROWS, end - from);
    const computed = leaves.subarray((from - start) * HASH_BYTES, (from - start + count) * HASH_BYTES);
    const states = Buffer.alloc(count);
    writer.read(await source.page(agentId, from + 1, count), from + 1, computed, Buffer.alloc(computed.length), states);
    for (let at = states.indexOf(0); at !== -1; at = states.indexOf(0, at + 1)) {
      const index = from + at;
      const tile = await source.tile(agentId, 0, Math.floor(index / 256));
      const inTile = (index % 256) * HASH_BYTES;
      if (tile === undefined || tile.length < inTile + HASH_BYTES) throw notProved(agentId, index + 1);
      computed.set(tile.subarray(inTile, inTile + HASH_BYTES), at * HASH_BYTES);
    }
  }
  return leaves;
}

/** Hashes of complete subtrees, out of the right edge at `start` and the leaves behind it. */
function subtreeOf(start: number, edge: readonly Uint8Array[], leaves: Buffer): SubtreeHash {
  // The complete subtrees at `start`, by where they begin.
  const edges = new Map<string, Uint8Array>();
  let at = 0;
  for (const subtree of edge) {
    const width = 2 ** Math.floor(Math.log2(start - at));
    edges.set(`${Math.log2(width)} ${at / width}`, subtree);
    at += width;
  }
  const hashOf = (level: number, index: number): Uint8Array => {
    const known = edges.get(`${level} ${index}`);
    if (known !== undefined) return known;
    if (level === 0) return leaves.subarray((index - start) * HASH_BYTES, (index - start + 1) * HASH_BYTES);
    return nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1));
  };
  return hashOf;
}
