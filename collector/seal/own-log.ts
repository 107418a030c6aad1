// SPDX-License-Identifier: Apache-2.0

/**
 * The log of the collector's own rows: alerts, losses that only it can see, erasures. Sealed as an agent's is, with a
 * checkpoint every few seconds when there is something new and one at the end.
 *
 * A file beside the key keeps the last checkpoint. When the store has less than that, or something else, then it was set back
 * while the collector was away; it cannot go on as if nothing were, and says so.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { formatCheckpoint, parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { openNote, parseNote } from '../../proto/log/note.ts';
import { describeError } from '../model/error.ts';
import type { CheckpointRow, LogStore } from '../store/log-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { type CollectorKey, logNameOf } from './collector-key.ts';
import type { Incident } from './incident.ts';
import type { Publisher } from './publisher.ts';

const INTERVAL_MS = 10_000;

export interface OwnLogOptions {
  readonly collectorId: string;
  readonly key: CollectorKey;
  readonly store: LogStore;
  readonly publisher: Publisher;
  /** Where the last checkpoint is kept. */
  readonly file: string;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly report: (incident: Incident) => Promise<void>;
  readonly intervalMs?: number;
}

export class OwnLog {
  readonly #options: OwnLogOptions;
  #tree = new MerkleFrontier();
  /** The highest seq that is stored; the tree is behind it when an insert had an unknown outcome. */
  #lastSeq = 0;
  #cosigned: CheckpointRow | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sealing: Promise<void> = Promise.resolve();

  constructor(options: OwnLogOptions) {
    this.#options = options;
  }

  get cosigned(): CheckpointRow | undefined {
    return this.#cosigned;
  }

  /** Take up where the store ends, at `lastSeq`, and begin to seal. */
  async start(lastSeq: number): Promise<void> {
    const { collectorId, store } = this.#options;
    this.#lastSeq = lastSeq;
    const cosigned = await store.cosigned(collectorId);
    this.#cosigned =
      cosigned === undefined || cosigned.size <= lastSeq ? cosigned : await store.cosigned(collectorId, lastSeq);
    if (this.#cosigned !== undefined) this.#tree = MerkleFrontier.at(this.#cosigned.size, this.#cosigned.subtrees);
    const kept = this.#kept();
    const size = Math.max(kept?.size ?? 0, cosigned?.size ?? 0);
    if (size > lastSeq) {
      await this.#lost(size, `only ${lastSeq} of its own ${size} rows are left`);
    } else if (kept !== undefined) {
      const tree = await this.#options.publisher.reader.treeAt(collectorId, kept.size);
      if (tree === undefined) await this.#lost(kept.size, 'some of its own rows are missing');
      else if (!tree.root().equals(kept.root)) await this.#lost(kept.size, 'its own rows are not those it signed');
    }
    this.#timer = setInterval(() => void this.seal(), this.#options.intervalMs ?? INTERVAL_MS);
    this.#timer.unref();
  }

  /** Rows were stored. */
  append(firstSeq: number, leaves: readonly Uint8Array[]): void {
    this.#lastSeq = Math.max(this.#lastSeq, firstSeq + leaves.length - 1);
    if (firstSeq !== this.#tree.size + 1) return;
    for (const leaf of leaves) this.#tree.append(leaf);
  }

  /** Sign and publish where the log stands, when it has grown. Never throws. */
  seal(): Promise<void> {
    this.#sealing = this.#sealing.then(() => this.#seal());
    return this.#sealing;
  }

  /** The last checkpoint. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.seal();
  }

  async #seal(): Promise<void> {
    const { collectorId, key, publisher, metrics, log } = this.#options;
    try {
      await this.#catchUp();
      const tree = this.#tree;
      if (tree.size === (this.#cosigned?.size ?? 0)) return;
      const origin = logNameOf(collectorId);
      const point = { size: tree.size, root: tree.root(), subtrees: tree.subtrees };
      const text = formatCheckpoint({ origin, size: point.size, root: point.root, extensions: [] });
      const oldSize = this.#cosigned?.size ?? 0;
      const signatures = [key.sign(text)];
      const row = await publisher.publish({ agentId: collectorId, origin, text, ...point, signatures, oldSize });
      this.#keep(row.note);
      this.#cosigned = row;
    } catch (error) {
      metrics.ownLogErrors.add();
      log.warn({ detail: describeError(error) }, 'the own record is sealed another time');
    }
  }

  /** Read what was stored by inserts whose outcome nobody heard of. */
  async #catchUp(): Promise<void> {
    const { collectorId, publisher } = this.#options;
    if (this.#tree.size >= this.#lastSeq) return;
    // A copy: rows that are stored meanwhile must not be mixed in.
    const tree = MerkleFrontier.at(this.#tree.size, this.#tree.subtrees);
    const extension = await publisher.reader.extend(tree, collectorId, this.#lastSeq);
    if (extension.kind === 'conflict') throw new RangeError(`own row ${extension.seq} is stored twice`);
    if (extension.kind === 'hole') throw new RangeError(`own row ${tree.size + 1} is missing`);
    this.#tree = tree;
  }

  /** The checkpoint of the file; undefined when there is none that this key has signed. */
  #kept(): { size: number; root: Buffer } | undefined {
    const { file, key, log } = this.#options;
    try {
      const note = parseNote(readFileSync(file));
      if (openNote(note, [key.signer]).length === 0) return undefined;
      return parseCheckpoint(note.text);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        log.warn({ file, detail: describeError(error) }, 'the last checkpoint of the own record cannot be read');
      }
      return undefined;
    }
  }

  #keep(note: string): void {
    const { file } = this.#options;
    writeFileSync(`${file}.new`, note, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  }

  async #lost(size: number, what: string): Promise<void> {
    const { collectorId, report } = this.#options;
    const summary = `${collectorId}: ${what}. It had signed a checkpoint of ${size}: the store was set back or changed.`;
    await report({ rule: 'store_rolled_back', agentId: collectorId, host: '', seq: size, summary });
  }
}
