// SPDX-License-Identifier: Apache-2.0

/** Files that were looked at, with their probes: placed when a file is first seen, taken away when it is gone. */

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { FileKey } from '../model/code-image.ts';
import type { ProbeAttacher } from '../model/probe-attacher.ts';
import { identityOf, type OpenFile } from './file-reader.ts';
import {
  type Attachment,
  IMAGES_MAX,
  ImageBook,
  type ImageRecord,
  identityText,
  seemsSameContent,
} from './image-book.ts';
import type { ImageCache } from './image-cache.ts';
import { Looks } from './looks.ts';
import { kernelDevice } from './mapped-files.ts';
import type { ProbeCounts } from './probe-counts.ts';
import type { ProbeFindings } from './probe-findings.ts';
import type { ProbeLog } from './probe-log.ts';
import type { Slices } from './slices.ts';

export interface ProbedImagesOptions {
  readonly attacher: ProbeAttacher;
  readonly findings: ProbeFindings;
  readonly counts: ProbeCounts;
  readonly cache: ImageCache;
  readonly now: () => number;
  readonly log: ProbeLog | undefined;
}

export class ProbedImages {
  readonly book = new ImageBook();
  readonly #attacher: ProbeAttacher;
  readonly #findings: ProbeFindings;
  readonly #counts: ProbeCounts;
  readonly #now: () => number;
  readonly #log: ProbeLog | undefined;
  readonly #looksAt: Looks;
  /** Identity → a look that is under way. */
  readonly #looks = new Map<string, Promise<ImageRecord>>();

  constructor({ attacher, findings, counts, cache, now, log }: ProbedImagesOptions) {
    this.#attacher = attacher;
    this.#findings = findings;
    this.#counts = counts;
    this.#now = now;
    this.#log = log;
    this.#looksAt = new Looks(cache, counts);
  }

  /** What looks at large files is made ready for the first. */
  warmUp(): void {
    this.#looksAt.warmUp();
  }

  /** Takes over `file`. One look at a time for each file. */
  async look(file: OpenFile, path: string, key: FileKey): Promise<ImageRecord> {
    const identity = identityText(file.identity);
    try {
      const before = this.book.ofKey(key);
      const isChanged = before !== undefined && before.identity !== identity;
      // Written in place: the kernel would go on to put the old file's instruction where the probe was.
      if (isChanged && !seemsSameContent(before.identity, identity)) this.#forget(before);
      let record = this.book.ofIdentity(identity);
      if (record === undefined) {
        const look = this.#looks.get(identity) ?? this.#inspect(file, path, identity, isChanged ? before : undefined);
        this.#looks.set(identity, look);
        record = await look;
      }
      record.goneSinceNs = undefined;
      this.#makeKnown(record, key, file);
      return record;
    } finally {
      this.#looks.delete(identity);
      file.close();
    }
  }

  /** `before`: what was known of this inode until now. */
  async #inspect(
    file: OpenFile,
    path: string,
    identity: string,
    before: ImageRecord | undefined,
  ): Promise<ImageRecord> {
    const { image, cut, needed, soname, exercise, failures } = await this.#looksAt.inspect(file, path, identity);
    if (cut) this.#findings.cut(image);
    for (const failure of failures) {
      this.#counts.failedSearches++;
      this.#log?.warn({ path, message: String(failure) }, 'a search for a TLS library failed');
    }
    const attachments: Attachment[] = [];
    let lookedAtNs: number | undefined;
    if (before !== undefined) {
      // A file that was only renamed or unlinked keeps its probes, without a moment in between.
      if (isDeepStrictEqual(before.image.probes, image.probes)) {
        attachments.push(...before.attachments.splice(0));
        lookedAtNs = before.image.lookedAtNs;
      }
      this.#forget(before);
    }
    for (const [point, { kind, fileOffset }] of image.probes.entries()) {
      if (attachments.some((one) => one.point === point)) continue;
      try {
        // By the descriptor: what was looked at is what gets the probe.
        const id = this.#attacher.attach(kind, file.exactPath, fileOffset);
        attachments.push({ id, point, provedNs: this.#now() });
        this.#counts.attached++;
      } catch (error) {
        this.#findings.refused(path, identity, error, image);
      }
    }
    const isProbed = image.probes.length > 0 && attachments.length === image.probes.length;
    const record: ImageRecord = {
      image: { ...image, lookedAtNs: lookedAtNs ?? this.#now(), isProbed },
      identity,
      needed,
      soname: soname === '' ? basename(path) : soname,
      isOnHost: leadsTo(path, identity),
      exercise,
      attachments,
      keys: new Map(),
      isAhead: false,
      goneSinceNs: undefined,
    };
    if (this.book.size >= IMAGES_MAX) this.#makeRoom();
    this.book.add(record);
    return record;
  }

  #makeKnown(record: ImageRecord, key: FileKey, { identity: { device, inode, changedNs } }: OpenFile): void {
    this.book.nameAs(record, key);
    // Where the kernel has another name for it, it may have another time for it, too.
    const isSame = kernelDevice(device) === key.device && inode === key.inode;
    try {
      this.#attacher.setImageKnown(key, true, isSame ? changedNs : 0n);
    } catch {
      // Its table is full: the file is told of each time, and found here.
      this.#counts.notKnown++;
    }
  }

  /** Takes probes away from files that nobody maps and that no path leads to any more, after `keptNs`. */
  async forgetGone(
    seen: ReadonlySet<string>,
    mapped: ReadonlySet<string>,
    keptNs: number,
    slices: Slices,
  ): Promise<void> {
    for (const record of this.book.records()) {
      const isMapped = [...record.keys.keys()].some((text) => mapped.has(text));
      if (isMapped || seen.has(record.identity) || isStill(record)) record.goneSinceNs = undefined;
      else {
        record.goneSinceNs ??= this.#now();
        const isOver = this.#now() - record.goneSinceNs >= keptNs;
        if (record.attachments.length === 0 || isOver) this.#forget(record);
      }
      await slices.breathe();
    }
  }

  #makeRoom(): void {
    for (const record of this.book.records()) {
      if (record.attachments.length > 0) continue;
      this.#counts.forgotten++;
      this.#forget(record);
      return;
    }
  }

  #forget(record: ImageRecord): void {
    this.#detach(record);
    for (const key of record.keys.values()) this.#attacher.setImageKnown(key, false);
    this.book.remove(record);
  }

  #detach(record: ImageRecord): void {
    for (const { id } of record.attachments.splice(0)) {
      this.#attacher.detach(id);
      this.#counts.detached++;
    }
  }

  /** All probes are taken away, when what is looked at now is done. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#looks.values());
    await this.#looksAt.close();
    for (const record of this.book.records()) this.#detach(record);
  }
}

/** Whether its path still leads to it. */
export function isStill(record: ImageRecord): boolean {
  return leadsTo(record.image.path, record.identity);
}

function leadsTo(path: string, identity: string): boolean {
  try {
    return identityAt(path) === identity;
  } catch {
    return false;
  }
}

export function identityAt(path: string): string {
  return identityText(identityOf(statSync(path, { bigint: true })));
}
