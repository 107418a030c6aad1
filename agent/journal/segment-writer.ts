// SPDX-License-Identifier: Apache-2.0

/**
 * Brings groups to stable storage. A write or sync that failed leaves it unknown what is on disk, and a second sync may
 * claim success for pages that the kernel dropped: so after an error the file is opened anew and the same bytes are written
 * again, at the same place, before the next sync.
 */
import { dirname } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';
import type { Group } from './group-queue.ts';
import { journalErrorOf } from './journal-error.ts';
import type { Segment } from './segment.ts';

export class SegmentWriter {
  readonly #disk: Disk;
  #file: DiskFile | undefined;
  #segment: Segment | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Resolves when all of `groups` are on stable storage; rejects with a JournalError, and then they are to be given again. */
  async write(groups: readonly Group[]): Promise<void> {
    for (let from = 0; from < groups.length; ) {
      const { segment } = groups[from]!;
      const until = groups.findIndex((group, index) => index > from && group.segment !== segment);
      const same = groups.slice(from, until === -1 ? undefined : until);
      try {
        await this.#writeTo(segment, same);
      } catch (cause) {
        await this.close().catch(() => {});
        throw journalErrorOf(cause, `Writing ${segment.path}.`);
      }
      from += same.length;
    }
  }

  async #writeTo(segment: Segment, groups: readonly Group[]): Promise<void> {
    const { offset } = groups[0]!;
    if (segment !== this.#segment || this.#file === undefined) {
      await this.close();
      this.#file = await this.#disk.open(segment.path, 'change');
      this.#segment = segment;
    }
    await this.#file.write(
      groups.map(({ bytes, used }) => bytes.subarray(0, used)),
      offset,
    );
    await this.#file.sync();
    // A new file is there after a power loss only when its name is.
    if (offset === 0) await this.#disk.syncFolder(dirname(segment.path));
    const last = groups.at(-1)!;
    segment.durableEnd = last.offset + last.used;
    segment.durableSeq = last.lastSeq;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#segment = undefined;
    await file?.close();
  }
}
