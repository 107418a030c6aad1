// SPDX-License-Identifier: Apache-2.0

/**
 * The bundle of a session into a folder: rows read once, a log after the other, in the memory of a page. Where others'
 * activities lie between, hashes stand for them.
 */
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, type WriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { leafOf } from '../../proto/leaf.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { parseNote } from '../../proto/log/note.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { CliError } from '../exit.ts';
import {
  type ActivityLine,
  BUNDLE_FORMAT,
  type BundleFile,
  type BundleLog,
  type BundleManifest,
  formatActivityLine,
  formatHashLine,
  MANIFEST,
  PAGE,
  withoutPayload,
} from './bundle-format.ts';
import { BundlePage } from './bundle-page.ts';
import { checkpointOf } from './checkpoint-points.ts';
import type { Completeness } from './completeness.ts';
import { KeyRing } from './key-ring.ts';
import { BlockHashes } from './log-fill.ts';
import type { CheckpointClaim, RecordSource } from './record-source.ts';
import { notSealed, type SessionLog, SessionRows } from './session-rows.ts';
import { SubtreeRun } from './subtree-run.ts';

/** Above a tile of level 1 each block of 256 has one hash. */
const BLOCK_LEVEL = 8;
/** A checkpoint that a witness has cosigned is worth this many more leaves behind the session. */
const WITNESSED_WITHIN = 100_000;

export interface BundleRequest {
  readonly source: RecordSource;
  readonly rows: SessionRows;
  readonly session: string;
  /** An empty folder. */
  readonly folder: string;
  readonly withoutPayload: boolean;
  readonly withOthers: boolean;
  readonly completeness: Completeness;
  /** Name and version of whoever makes it. */
  readonly madeBy: string;
  readonly onProgress: (rows: number, of: number) => void;
  /** What of the page is data at most, of each kind; for tests. */
  readonly pageBytesMax?: number;
}

/** Errors: CliError for what cannot be proved, with what to do. */
export async function makeBundle(request: BundleRequest): Promise<BundleManifest> {
  const { source, rows, session, folder, madeBy } = request;
  const claims = await source.keys();
  const keys = new KeyRing([], claims);
  const collectors = new Set(
    (await source.agents()).map(({ agentId }) => agentId).filter((id) => keys.isCollector(id)),
  );
  const logs = await rows.logs(collectors, request.withOthers);
  if (logs.length === 0) throw new CliError(`there is nothing of the session ${session}`, 'See: sworn sessions');
  const total = logs.reduce((sum, log) => sum + log.rows, 0);
  const made = {
    by: madeBy,
    time: new Date().toISOString(),
    without_payload: request.withoutPayload,
    with_others: request.withOthers,
  };
  const page = new BundlePage(join(folder, PAGE), request.pageBytesMax);
  const files: BundleFile[] = [];
  const written: BundleLog[] = [];
  let done = 0;
  for (const [at, log] of logs.entries()) {
    const name = `log-${at + 1}.jsonl`;
    const { before, covering } = await around(source, keys, log);
    const file = new HashedFile(join(folder, name), name);
    const writer = new LogWriter(request, keys, log, file, page);
    const entry = await writer.write(before, covering, () => request.onProgress(++done, total));
    files.push(await file.end());
    written.push(entry);
  }
  const names = new Set(written.flatMap(({ checkpoint }) => parseNote(checkpoint).signatures.map(({ name }) => name)));
  const lines = new Map(
    claims
      .filter(({ verifier }) => verifier !== '' && names.has(verifier.split('+')[0] ?? ''))
      .map(({ verifier, origin }) => [verifier, origin]),
  );
  const manifest = {
    format: BUNDLE_FORMAT,
    session_id: session,
    made,
    logs: written,
    keys: [...lines].map(([line, origin]) => ({ line, origin })),
    completeness: { ...request.completeness },
  };
  files.push(await page.end(manifest));
  const whole = { ...manifest, files };
  writeFileSync(join(folder, MANIFEST), `${JSON.stringify(whole, undefined, 1)}\n`, { mode: 0o600 });
  return whole;
}

/** The last checkpoint in front of the log's part, and the one that proves it. */
async function around(
  source: RecordSource,
  keys: KeyRing,
  { agentId, firstSeq, lastSeq }: SessionLog,
): Promise<{ before: CheckpointClaim | undefined; covering: CheckpointClaim }> {
  let [before, covering]: (CheckpointClaim | undefined)[] = [];
  for await (const claim of source.checkpoints(agentId)) {
    if (claim.verdict !== 'cosigned') continue;
    if (claim.size < firstSeq && claim.subtrees.length > 0) before = claim;
    if (claim.size < lastSeq) continue;
    if (covering !== undefined && claim.size > covering.size + WITNESSED_WITHIN) break;
    const { fault, witnesses } = keys.judge(parseNote(claim.note), agentId);
    if (witnesses === 0 && covering !== undefined) continue;
    if (fault !== undefined) continue;
    covering = claim;
    if (witnesses > 0) break;
  }
  if (covering !== undefined) return { before, covering };
  throw new CliError(
    `no checkpoint covers ${agentId}:${lastSeq} yet`,
    'Agents seal every few seconds; try again in a moment, or see: sworn verify',
  );
}

class HashedFile {
  readonly #stream: WriteStream;
  readonly #hash: Hash = createHash('sha256');
  readonly #name: string;
  #bytes = 0;

  constructor(path: string, name: string) {
    this.#stream = createWriteStream(path, { mode: 0o600, flags: 'wx' });
    // Told by whoever waits for it next.
    this.#stream.on('error', () => {});
    this.#name = name;
  }

  async line(text: string): Promise<void> {
    const bytes = Buffer.from(`${text}\n`);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    if (!this.#stream.write(bytes)) await once(this.#stream, 'drain');
  }

  async end(): Promise<BundleFile> {
    this.#stream.end();
    await finished(this.#stream);
    return { name: this.#name, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}

class LogWriter {
  readonly #request: BundleRequest;
  readonly #keys: KeyRing;
  readonly #log: SessionLog;
  readonly #file: HashedFile;
  readonly #page: BundlePage;
  readonly #tree = new MerkleFrontier();
  readonly #run = new SubtreeRun();
  readonly #blocks: BlockHashes;

  constructor(request: BundleRequest, keys: KeyRing, log: SessionLog, file: HashedFile, page: BundlePage) {
    this.#request = request;
    this.#keys = keys;
    this.#log = log;
    this.#file = file;
    this.#page = page;
    this.#blocks = new BlockHashes(request.source, log.agentId);
  }

  async write(before: CheckpointClaim | undefined, covering: CheckpointClaim, onRow: () => void): Promise<BundleLog> {
    const { agentId } = this.#log;
    const { session } = this.#request;
    this.#page.beginLog();
    this.#startBehind(before);
    let [activities, firstSeq, lastSeq] = [0, 0, 0];
    for await (const row of this.#request.rows.rowsOf(this.#log)) {
      const { seq, host, activity, digests, erasureSeq } = row;
      const leaf = leafOf(activity, agentId, host, digests);
      if (!leaf.equals(row.leaf)) throw notSealed(agentId, seq);
      await this.#hideUpTo(seq - 1);
      await this.#flush();
      const line = { seq, host, activity, digests, erasureSeq, leaf };
      const isOthers = activity.sessionId !== '' && activity.sessionId !== session;
      await this.#show(this.#request.withoutPayload || isOthers ? withoutPayload(line) : line);
      if (activities === 0) firstSeq = seq;
      [activities, lastSeq] = [activities + 1, seq];
      onRow();
    }
    await this.#hideUpTo(covering.size);
    await this.#flush();
    const checkpoint = checkpointOf(covering.note, agentId);
    const isRoot = typeof checkpoint !== 'string' && this.#tree.root().equals(checkpoint.root);
    if (!isRoot || checkpoint.size !== covering.size || this.#keys.judge(parseNote(covering.note), agentId).fault)
      throw notSealed(agentId, lastSeq);
    const entry = {
      file: `log-${this.#page.logs}.jsonl`,
      agent_id: agentId,
      tree_size: covering.size,
      checkpoint: covering.note,
      activities,
      first_seq: firstSeq,
      last_seq: lastSeq,
    };
    await this.#page.endLog();
    return entry;
  }

  /** The roots of what a checkpoint was over stand for all of it. */
  #startBehind(before: CheckpointClaim | undefined): void {
    let rest = before?.size ?? 0;
    for (const subtree of before?.subtrees ?? []) {
      const level = Math.floor(Math.log2(rest));
      rest -= 2 ** level;
      this.#run.push(level, subtree);
    }
  }

  async #show(line: ActivityLine): Promise<void> {
    this.#tree.appendSubtree(0, line.leaf);
    this.#run.take(1);
    await this.#file.line(formatActivityLine(line));
    await this.#page.activity(line);
  }

  async #flush(): Promise<void> {
    for (const { level, start, hash } of this.#run.take()) {
      this.#tree.appendSubtree(level, hash);
      await this.#file.line(formatHashLine({ first: start + 1, last: start + 2 ** level, hash }));
      this.#page.subtree(level, hash);
    }
  }

  /** Hashes for all up to this number, out of tiles where there are whole blocks, else out of rows. */
  async #hideUpTo(seq: number): Promise<void> {
    const run = this.#run;
    while (run.end < seq) {
      const block = run.end / TILE_WIDTH;
      const isWhole = Number.isInteger(block) && run.end + TILE_WIDTH <= seq;
      const hash = isWhole ? await this.#blocks.of(block) : undefined;
      if (hash !== undefined) run.push(BLOCK_LEVEL, hash);
      else {
        // To the end of the block, or as far as there are no tiles.
        const blockEnd = (Math.floor(block) + 1) * TILE_WIDTH;
        await this.#leaves(isWhole ? Math.min(seq, run.end + SessionRows.leavesAPage) : Math.min(seq, blockEnd));
      }
    }
  }

  async #leaves(end: number): Promise<void> {
    const { agentId } = this.#log;
    const first = this.#run.end + 1;
    const leaves = await this.#request.rows.leaves(agentId, first, end - this.#run.end);
    let tile: { index: number; hashes: Buffer | undefined } | undefined;
    for (let seq = first; seq <= end; seq++) {
      let leaf = leaves.get(seq);
      if (leaf === undefined) {
        const index = Math.floor((seq - 1) / TILE_WIDTH);
        if (tile?.index !== index) tile = { index, hashes: await this.#request.source.tile(agentId, 0, index) };
        const at = ((seq - 1) % TILE_WIDTH) * 32;
        leaf = tile.hashes?.subarray(at, at + 32);
      }
      if (leaf?.length !== 32) throw notSealed(agentId, seq);
      this.#run.push(0, Buffer.from(leaf));
    }
  }
}
