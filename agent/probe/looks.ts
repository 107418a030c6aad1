// SPDX-License-Identifier: Apache-2.0

/** One look for each content: remembered where it was seen before, else taken, in a thread of its own when it is large. */

import { OpenFile } from './file-reader.ts';
import { identityText, seemsSameContent } from './image-book.ts';
import { type CachedLook, type ImageCache, inspectionOf, lookOf } from './image-cache.ts';
import { type Inspection, inspecting } from './inspect-image.ts';
import { LARGE_BYTES, LargeFiles } from './large-files.ts';
import type { ProbeCounts } from './probe-counts.ts';
import { Slices } from './slices.ts';

export interface LookBounds {
  /** Files from here on are looked at in a thread of its own. */
  readonly largeBytes: number;
  /** To know a file of a hundred megabytes by all that it holds takes 100 ms: only worth it where a look takes long. */
  readonly worthKnowingMs: number;
}

const BOUNDS: LookBounds = { largeBytes: LARGE_BYTES, worthKnowingMs: 50 };

export class Looks {
  readonly #cache: ImageCache;
  readonly #counts: ProbeCounts;
  readonly #bounds: LookBounds;
  readonly #largeFiles = new LargeFiles();
  /** Contents that are just being made known. */
  readonly #learning = new Set<Promise<void>>();

  constructor(cache: ImageCache, counts: ProbeCounts, bounds = BOUNDS) {
    this.#bounds = bounds;
    this.#cache = cache;
    this.#counts = counts;
  }

  warmUp(): void {
    this.#largeFiles.warmUp();
  }

  /** Errors: those of reading the file; `ESTALE` when it was written meanwhile; `ERR_LOOK_ENDED`, see LargeFiles. */
  async inspect(file: OpenFile, path: string, identity: string): Promise<Inspection> {
    const known = this.#remembered(this.#cache.ofIdentity(identity), file, path);
    if (known !== undefined) return known;
    const moved = await this.#moved(file, path, identity);
    if (moved !== undefined) return moved;
    const startedMs = performance.now();
    const isLarge = file.sizeBytes >= this.#bounds.largeBytes;
    const inspection = await (isLarge
      ? this.#largeFiles.inspect(file, path)
      : new Slices().run(inspecting(file, path)));
    throwIfWritten(file, path, identity);
    this.#counts.inspected++;
    // A mistake of ours may be mended when it is looked at again.
    if (inspection.failures.length > 0) return inspection;
    const look = lookOf(file, identity, '', inspection);
    this.#cache.keep(look);
    if (isLarge && performance.now() - startedMs >= this.#bounds.worthKnowingMs) this.#learn(file, path, look);
    return inspection;
  }

  /** Resolves when the contents that are being made known are known. */
  async learned(): Promise<void> {
    await Promise.allSettled(this.#learning);
  }

  /** Ends the thread; looks must be over. */
  async close(): Promise<void> {
    await this.#largeFiles.close();
    await Promise.allSettled(this.#learning);
  }

  #remembered(look: CachedLook | undefined, file: OpenFile, path: string): Inspection | undefined {
    if (look === undefined) return undefined;
    const inspection = inspectionOf(look, file, path);
    if (inspection !== undefined) this.#counts.remembered++;
    else {
      this.#counts.misremembered++;
      this.#cache.forget(look);
    }
    return inspection;
  }

  /** The same content elsewhere: a copy, or a file of another container. */
  async #moved(file: OpenFile, path: string, identity: string): Promise<Inspection | undefined> {
    const ofSize = this.#cache.ofSize(file.sizeBytes);
    if (ofSize.length === 0) return undefined;
    const sha256 = await this.#largeFiles.sha256(file);
    throwIfWritten(file, path, identity);
    const look = ofSize.find((one) => one.sha256 === sha256);
    const inspection = this.#remembered(look, file, path);
    if (inspection !== undefined) this.#cache.keep(lookOf(file, identity, sha256, inspection));
    return inspection;
  }

  #learn(file: OpenFile, path: string, look: CachedLook): void {
    let again: OpenFile;
    try {
      again = new OpenFile(file.exactPath);
    } catch {
      // It is known by what it is all the same.
      return;
    }
    const learning = this.#largeFiles
      .sha256(again)
      .then((sha256) => {
        throwIfWritten(again, path, look.identity);
        this.#cache.keep({ ...look, sha256 });
      })
      .catch(() => undefined)
      .finally(() => {
        again.close();
        this.#learning.delete(learning);
      });
    this.#learning.add(learning);
  }
}

/** A probe belongs to an instruction: in a file that is just being written nobody knows where those are. */
function throwIfWritten(file: OpenFile, path: string, identity: string): void {
  if (seemsSameContent(identityText(file.currentIdentity()), identity)) return;
  throw Object.assign(new Error(`${path} was written while it was looked at`), { code: 'ESTALE' });
}
