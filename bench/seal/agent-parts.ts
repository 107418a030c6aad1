// SPDX-License-Identifier: Apache-2.0

/**
 * What single steps of sealing take by themselves, one after the other in a process of its own, and the least that they could:
 * SHA-256 over as many blocks in one piece.
 *
 *   node bench/seal/agent-parts.ts TURNS    prints CPU time, microseconds: of a step, of a checkpoint, of a mark
 */
import { createHash, generateKeyPairSync, hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realDisk } from '../../agent/journal/disk.ts';
import { JournalMark } from '../../agent/seal/journal-mark.ts';
import { Seal } from '../../agent/seal/seal.ts';
import { SealStateFile } from '../../agent/seal/seal-state.ts';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { CollectorKey } from '../../collector/seal/collector-key.ts';
import { canonicalBytes, leafOf } from '../../proto/leaf.ts';
import { DETAILS } from '../../proto/leaf-fields.ts';
import { leafTable } from '../../proto/leaf-table.ts';
import { formatNote, formatVerifier, parseNote } from '../../proto/log/note.ts';
import { sworn } from '../../proto/record.ts';
import { AGENT_ID, HOST, ownCpuUs, recordedActivities } from './agent-stage.ts';

const DIFFERENT = 5000;
const LEAF_AND_NODE_BYTES = 65;
const CHAIN_AND_LEAF_BYTES = 64;
/** Salt, and the numbers of detail and field. */
const DIGEST_HEAD_BYTES = 18;
const BLOCK_BYTES = 64;
/** Its end mark and its length, which each message has. */
const PADDING_BYTES_MIN = 9;
const BATCH = 1500;

const turns = Number(process.argv[2]);
const addon = loadAddon();
const writer = new addon.LeafWriter(leafTable(), AGENT_ID, HOST);
const activities = recordedActivities(DIFFERENT) as unknown as readonly sworn.v1.Activity.$Properties[];
const encoded = activities.map((one) => Buffer.from(sworn.v1.Activity.encode(one).finish()));

function each(work: (at: number) => void, count = DIFFERENT): number {
  for (let at = 0; at < count; at += 1) work(at);
  const before = ownCpuUs();
  for (let turn = 0; turn < turns; turn += 1) for (let at = 0; at < count; at += 1) work(at);
  return (ownCpuUs() - before) / turns / count;
}

/** What is hashed for an activity: its fields of payload, its leaf, the chain when it is written and read, a node of the tree. */
function hashedBlocks(activity: sworn.v1.Activity.$Properties): number {
  const blocks = (bytes: number): number => Math.ceil((bytes + PADDING_BYTES_MIN) / BLOCK_BYTES);
  const detail = DETAILS.find(({ name }) => (activity as Record<string, unknown>)[name] != null)!;
  const message = (activity as Record<string, Record<string, unknown>>)[detail.name]!;
  let sum = blocks(1 + canonicalBytes(activity, AGENT_ID, HOST).length);
  for (const { name, payload } of detail.fields) {
    const bytes = payload ? valueBytes(message[name]) : 0;
    if (bytes > 0) sum += blocks(DIGEST_HEAD_BYTES + bytes);
  }
  return sum + 2 * blocks(CHAIN_AND_LEAF_BYTES) + blocks(LEAF_AND_NODE_BYTES);
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof Uint8Array) return value.length;
  if (value === null || typeof value !== 'object') return 0;
  return Object.entries(value).reduce((sum, [key, one]) => sum + 2 + Buffer.byteLength(`${key}${one}`), 0);
}

const blocks = activities.reduce((sum, one) => sum + hashedBlocks(one), 0);
const piece = Buffer.alloc(blocks * BLOCK_BYTES, 1);
const floor = each(() => createHash('sha256').update(piece).digest(), 1) / DIFFERENT;

const leaf = each((at) => {
  if (!writer.writeInto(encoded[at]!, encoded[at]!.length)) throw new Error('the addon left a leaf to others');
});
const leafInJavaScript = each((at) => leafOf(activities[at]!, AGENT_ID, HOST));
const chain = Buffer.alloc(32);
const chainWritten = each((at) => writer.chain(chain, encoded[at]!, encoded[at]!.length));
const chainAndLeaf = Buffer.alloc(CHAIN_AND_LEAF_BYTES);
// As agent/journal/segment-walk.ts has it.
const chainRead = each((at) => {
  const bytes = encoded[at]!;
  bytes.copy(chainAndLeaf, 32, bytes.length - 32, bytes.length);
  chainAndLeaf.write(hash('sha256', chainAndLeaf, 'latin1'), 0, 'latin1');
});
const lengthBytes = (length: number): Buffer =>
  length < 128 ? Buffer.of(length) : Buffer.of((length & 127) | 128, length >> 7);
const batch = Buffer.concat(encoded.slice(0, BATCH).flatMap((one) => [lengthBytes(one.length), one]));
const subtrees = Buffer.alloc(54 * 32);
let size = 0;
const tree =
  each(() => {
    size = addon.appendLeaves(subtrees, size, batch, 0, BATCH);
  }, 1) / BATCH;

/** CPU time of a whole checkpoint: signed, its cosignature checked, the state on disk. Without the collector's part. */
async function checkpoints(folder: string): Promise<number> {
  const agent = generateKeyPairSync('ed25519');
  const collector = new CollectorKey('bench-collector', generateKeyPairSync('ed25519').privateKey);
  const file = await SealStateFile.open(realDisk, join(folder, 'seal.state'), AGENT_ID);
  const seal = new Seal({
    agentId: AGENT_ID,
    privateKey: agent.privateKey,
    file,
    journal: { firstSeq: 1, durableSeq: 1, deliveredSeq: 0 },
    append: addon.appendLeaves,
    checkpointMs: 0,
    onTrouble: (trouble) => console.error(trouble),
  });
  seal.hello();
  seal.begin(0, formatVerifier(collector.cosigner));
  let spentUs = 0;
  const count = turns * 20;
  for (let at = 0; at < count; at += 1) {
    const firstSeq = 1 + at * BATCH;
    seal.sent({ firstSeq, count: BATCH, bytes: batch });
    const lastSeq = firstSeq + BATCH - 1;
    const beforeUs = ownCpuUs();
    const note = seal.checkpoint(lastSeq)!;
    const signedUs = ownCpuUs();
    const { text, signatures } = parseNote(note);
    const cosigned = formatNote({ text, signatures: [...signatures, collector.cosign(text, 1_790_000_000)] });
    const cosignedUs = ownCpuUs();
    seal.cosigned(cosigned);
    seal.stored(lastSeq);
    await written(seal, lastSeq);
    spentUs += ownCpuUs() - cosignedUs + signedUs - beforeUs;
  }
  await seal.close();
  return spentUs / count;
}

function written(seal: Seal, lastSeq: number): Promise<void> {
  return new Promise((resolve) => {
    seal.onPersisted = () => {
      if (seal.forgettableSeq >= lastSeq) resolve();
    };
  });
}

async function marks(folder: string): Promise<number> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const mark = await JournalMark.open(realDisk, join(folder, 'journal.mark'), AGENT_ID, privateKey);
  const count = turns * 20;
  const before = ownCpuUs();
  for (let at = 1; at <= count; at += 1) await mark.write({ seq: at, chain });
  const spentUs = ownCpuUs() - before;
  await mark.close();
  return spentUs / count;
}

const folder = mkdtempSync(join(tmpdir(), 'sworn-bench-'));
try {
  console.log(
    JSON.stringify({
      leaf_us: leaf,
      chain_written_us: chainWritten,
      chain_read_us: chainRead,
      tree_us: tree,
      checkpoint_us: await checkpoints(folder),
      mark_us: await marks(folder),
      floor_us: floor,
      hashed_bytes: Math.round((blocks * BLOCK_BYTES) / DIFFERENT),
      encoded_bytes: Math.round(encoded.reduce((sum, { length }) => sum + length, 0) / DIFFERENT),
      leaf_in_javascript_us: leafInJavaScript,
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
