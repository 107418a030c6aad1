// SPDX-License-Identifier: Apache-2.0

/**
 * What a journal holds, read from its files while no agent has them: number → leaf of each entry whose group was written to
 * its end. Files are read on from where the last look ended, because delivered ones are removed meanwhile.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checksumSeed,
  FRAMES_START,
  firstSeqOfName,
  LEAF_FROM_END,
  readFrame,
  readHeader,
} from '../../agent/journal/segment-format.ts';

const LEAF_BYTES = 32;

/** The files of a journal: a folder, or a simulated disk. */
export interface JournalFiles {
  names(): readonly string[];
  bytes(name: string): Buffer;
}

export function filesIn(folder: string): JournalFiles {
  return { names: () => readdirSync(folder), bytes: (name) => readFileSync(join(folder, name)) };
}

export class JournalLeaves {
  readonly #files: JournalFiles;
  /** By file: behind its last mark. What is behind that when an agent was killed is cut off by the next one. */
  readonly #readTo = new Map<string, number>();
  /** Hex, by seq. */
  readonly leaves = new Map<number, string>();

  constructor(files: JournalFiles) {
    this.#files = files;
  }

  /** Returns numbers that the journal holds twice with different leaves. */
  read(): number[] {
    const changed: number[] = [];
    for (const name of [...this.#files.names()].sort()) {
      if (firstSeqOfName(name) === undefined) continue;
      const bytes = this.#files.bytes(name);
      const found = readHeader(bytes);
      // A segment that was being made.
      if (found.kind !== 'header') continue;
      const { segmentId } = found.header;
      const seed = checksumSeed(segmentId);
      let group: [seq: number, leaf: string][] = [];
      for (let at = this.#readTo.get(name) ?? FRAMES_START; ; ) {
        const frame = readFrame(bytes, at, 0, segmentId, seed);
        if (frame.kind === 'entry') {
          const leafAt = frame.end - LEAF_FROM_END;
          group.push([frame.seq, bytes.toString('hex', leafAt, leafAt + LEAF_BYTES)]);
        } else if (frame.kind === 'mark') {
          for (const [seq, leaf] of group) {
            if ((this.leaves.get(seq) ?? leaf) !== leaf) changed.push(seq);
            this.leaves.set(seq, leaf);
          }
          group = [];
          this.#readTo.set(name, frame.end);
        } else {
          break;
        }
        at = frame.end;
      }
    }
    return changed;
  }
}
