// SPDX-License-Identifier: Apache-2.0

/**
 * When the recorder was last known to record: a small file, rewritten every second. After a crash it bounds the span that
 * nobody saw. It is synced before it takes the place of the one before it: a host that loses power has one of the two.
 */
import { readFileSync, statSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

interface Mark {
  readonly bootId: string;
  /** Nanoseconds since the Unix epoch, and since the boot. */
  readonly atUnixNs: string;
  readonly atBootNs?: string;
  readonly ended: boolean;
}

/** One moment by two clocks: the wall clock may be set, the time since boot may not. */
export interface Moment {
  readonly unixNs: bigint;
  readonly bootNs: bigint;
}

/** By the wall clock as it was and as it is: when it was set meanwhile, the span takes in both. */
export interface Absence {
  readonly sinceUnixNs: bigint;
  readonly untilUnixNs: bigint;
  readonly reason: 'agent_stopped' | 'agent_not_running' | 'host_restarted' | 'mark_unreadable';
}

/**
 * A mark is of a time so much before its file at most: until its record is on disk, and as far as bytes whose language was
 * still thought about. And an agent lives on for no longer than that without writing another one.
 */
const MARK_AGE_NS = 120_000_000_000n;

export class AliveMark {
  readonly #file: string;
  readonly #bootId: string;
  #hasName = false;
  /** Since when nothing was recorded, until now; undefined at the very first start. */
  readonly absence: Absence | undefined;

  constructor(file: string, bootId: string, now: Moment) {
    this.#file = file;
    this.#bootId = bootId;
    this.absence = readAbsence(file, bootId, now);
  }

  /** Resolves when it is on stable storage. One at a time. Errors: those of the file system. */
  async write(at: Moment, ended: boolean): Promise<void> {
    const mark: Mark = { bootId: this.#bootId, atUnixNs: String(at.unixNs), atBootNs: String(at.bootNs), ended };
    const file = await open(`${this.#file}.new`, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(mark));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${this.#file}.new`, this.#file);
    // Without its name a host that lost power would have a first start again. Later it is in the place of an older one.
    if (!this.#hasName) await syncFolder(dirname(this.#file));
    this.#hasName = true;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function readAbsence(file: string, bootId: string, now: Moment): Absence | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return unreadable(file, now);
  }
  try {
    return absenceOf(JSON.parse(text) as Mark, bootId, now);
  } catch {
    return unreadable(file, now);
  }
}

function absenceOf(mark: Mark, bootId: string, now: Moment): Absence {
  const reason = mark.ended ? 'agent_stopped' : mark.bootId === bootId ? 'agent_not_running' : 'host_restarted';
  const atNs = BigInt(mark.atUnixNs);
  // How long ago that is only a clock knows that nobody sets; over a restart of the host there is none.
  const isSameBoot = mark.bootId === bootId && mark.atBootNs !== undefined;
  const agoNs = isSameBoot ? now.bootNs - BigInt(mark.atBootNs) : atNs > now.unixNs ? MARK_AGE_NS : 0n;
  return { sinceUnixNs: least(atNs, now.unixNs - agoNs), untilUnixNs: most(now.unixNs, atNs + agoNs), reason };
}

/** There was a recorder, and its mark says nothing: that is no first start. */
function unreadable(file: string, now: Moment): Absence {
  const { mtimeNs } = statSync(file, { bigint: true });
  // Its file may be of a clock that was ahead, and then set back: what is lost is of a time before now all the same.
  const sinceUnixNs = least(mtimeNs, now.unixNs) - MARK_AGE_NS;
  return { sinceUnixNs, untilUnixNs: most(now.unixNs, mtimeNs + MARK_AGE_NS), reason: 'mark_unreadable' };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
