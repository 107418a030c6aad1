// SPDX-License-Identifier: Apache-2.0

/**
 * What becomes of a checkpoint that is the collector's own tree: shown to witnesses, stored with all signatures, kept by
 * anchors, and followed by its tiles. Rows of activities never wait for any of this.
 */
import { formatNote, type NoteSignature } from '../../proto/log/note.ts';
import { describeError } from '../model/error.ts';
import type { CheckpointRow, LogStore } from '../store/log-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { LogReader } from './log-reader.ts';
import { TileWriter } from './tile-writer.ts';
import type { Anchor, Witnessing } from './witnessing.ts';

/** What witnesses have together; then the checkpoint goes on without those that have not answered. */
const WITNESS_MS_MAX = 5_000;

export interface PublisherOptions {
  readonly store: LogStore;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly witnessing: Witnessing | undefined;
  readonly anchors: readonly Anchor[];
  readonly witnessMsMax?: number;
}

export interface SignedCheckpoint {
  readonly agentId: string;
  readonly origin: string;
  readonly text: string;
  readonly size: number;
  readonly root: Buffer;
  readonly subtrees: readonly Buffer[];
  /** The log's own signature first, then the collector's. */
  readonly signatures: readonly NoteSignature[];
  /** Of the last cosigned checkpoint of this log; 0 when there is none. */
  readonly oldSize: number;
}

export class Publisher {
  readonly reader: LogReader;
  readonly tiles: TileWriter;
  readonly rows: CheckpointWriter;
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    const { store, metrics, log } = options;
    this.#options = options;
    this.reader = new LogReader(store);
    this.rows = new CheckpointWriter(store);
    this.tiles = new TileWriter({ store, reader: this.reader, metrics, log });
  }

  /** Resolves with the row when it is stored. Errors: CollectorError; the same checkpoint may be published again. */
  async publish(checkpoint: SignedCheckpoint): Promise<CheckpointRow> {
    const { agentId, text, size, root, subtrees, signatures } = checkpoint;
    const note = formatNote({ text, signatures: [...signatures, ...(await this.#witnesses(checkpoint))] });
    const row = { agentId, size, root, timeMs: Date.now(), verdict: 'cosigned', note, subtrees, reason: '' } as const;
    await this.rows.write(row);
    this.#options.metrics.checkpoints.add(1, { verdict: 'cosigned' });
    for (const anchor of this.#options.anchors) {
      anchor.put(note).catch((error: unknown) => this.#warn(agentId, error, 'an anchor failed'));
    }
    this.tiles.offer(agentId, size);
    return row;
  }

  async #witnesses({
    agentId,
    origin,
    text,
    size,
    signatures,
    oldSize,
  }: SignedCheckpoint): Promise<readonly NoteSignature[]> {
    const { witnessing, metrics, witnessMsMax = WITNESS_MS_MAX } = this.#options;
    if (witnessing === undefined) return [];
    const late = Promise.withResolvers<readonly NoteSignature[]>();
    const timer = setTimeout(() => {
      metrics.witnessTimeouts.add();
      late.resolve([]);
    }, witnessMsMax);
    const note = formatNote({ text, signatures: signatures.slice(0, 1) });
    const proof = (from: number) => this.reader.consistency(agentId, from, size);
    try {
      return await Promise.race([witnessing.cosign(origin, note, oldSize, proof), late.promise]);
    } catch (error) {
      this.#warn(agentId, error, 'witnesses failed');
      return [];
    } finally {
      clearTimeout(timer);
    }
  }

  #warn(agentId: string, error: unknown, what: string): void {
    this.#options.log.warn({ agent: agentId, detail: describeError(error) }, what);
  }
}
