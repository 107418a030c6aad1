// SPDX-License-Identifier: Apache-2.0

/** A proof of one activity, out of the store: from the checkpoint before it to the first one that covers it. */
import type { Addon } from '../../agent/source/ebpf/addon.ts';
import { leafOf } from '../../proto/leaf.ts';
import { HASH_BYTES, inclusionProof, nodeHash, type SubtreeHash } from '../../proto/log/merkle.ts';
import { CliError } from '../exit.ts';
import { activityOfRow } from './activity-of-row.ts';
import { fillHoles } from './log-fill.ts';
import { LogSegment } from './log-segment.ts';
import type { Proof } from './proof.ts';
import type { CheckpointClaim, RecordSource } from './record-source.ts';
import { rowPlan } from './row-plan.ts';

/** A checkpoint covers 100,000 activities at most; without subtrees at the one before, earlier ones are read too. */
const LEAVES_MAX = 2_000_000;
const PAGE_ROWS = 32_768;
/** Subtrees over 256 leaves. */
const BLOCK_LEVEL = 8;

export async function makeProof(
  source: RecordSource,
  addon: Pick<Addon, 'RowLeafWriter' | 'growTree'>,
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
  const segment = await segmentOf(source, addon, agentId, start, covering.size);
  if (segment.holes.length > 0) throw notProved(agentId, segment.holes[0]?.[0] ?? seq);
  const inclusion = inclusionProof(seq - 1, covering.size, subtreeOf(segment, before?.subtrees ?? []));
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

/** The leaves from `start` on, up to `end`, of rows and, where retention removed them, of tiles. */
async function segmentOf(
  source: RecordSource,
  addon: Pick<Addon, 'RowLeafWriter' | 'growTree'>,
  agentId: string,
  start: number,
  end: number,
): Promise<LogSegment> {
  const { plan, texts } = rowPlan();
  const writer = new addon.RowLeafWriter(plan, texts);
  const segment = new LogSegment(start, undefined, addon.growTree);
  for (let from = start; from < end; from += PAGE_ROWS) {
    const count = Math.min(PAGE_ROWS, end - from);
    const computed = Buffer.alloc(count * HASH_BYTES);
    const states = Buffer.alloc(count);
    const { bytes } = await source.page(agentId, from + 1, count, undefined, true);
    writer.read(bytes, from + 1, computed, Buffer.alloc(computed.length), states);
    for (let at = 0; at < count; ) {
      const isThere = states[at] !== 0;
      let to = at + 1;
      while (to < count && (states[to] !== 0) === isThere) to++;
      if (isThere) segment.append(computed.subarray(at * HASH_BYTES, to * HASH_BYTES));
      else segment.skip(to - at);
      at = to;
    }
  }
  await fillHoles(source, agentId, segment);
  return segment;
}

/** Hashes of complete subtrees, out of the right edge at the segment's start, its leaves, and blocks of them. */
function subtreeOf(segment: LogSegment, edge: readonly Uint8Array[]): SubtreeHash {
  const known = new Map<string, Uint8Array>(
    [...segment.blocks].map(([block, hash]) => [`${BLOCK_LEVEL} ${block}`, hash]),
  );
  let at = 0;
  for (const subtree of edge) {
    const width = 2 ** Math.floor(Math.log2(segment.size - at));
    known.set(`${Math.log2(width)} ${at / width}`, subtree);
    at += width;
  }
  const hashOf = (level: number, index: number): Uint8Array => {
    const found = known.get(`${level} ${index}`) ?? (level === 0 ? segment.leafAt(index + 1) : undefined);
    if (found !== undefined) return found;
    if (level === 0) throw new RangeError(`leaf ${index} is not there`);
    return nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1));
  };
  return hashOf;
}
