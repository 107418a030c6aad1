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
  /** Nanoseconds since the Unix epoch. */
  readonly atUnixNs: string;
  readonly ended: boolean;
}

export interface Absence {
  readonly sinceUnixNs: bigint;
  readonly reason: 'agent_stopped' | 'agent_not_running' | 'host_restarted' | 'mark_unreadable';
}

/**
 * A mark that cannot be read was written at the time of its file, and is of a time up to so much before: until its record is
 * on disk, and as far as bytes whose language was still thought about.
 */
const BEFORE_FILE_NS = 120_000_000_000n;

export class AliveMark {
  readonly #file: string;
  readonly #bootId: string;
  #hasName = false;
  /** Since when nothing was recorded, until now; undefined at the very first start. */
  readonly absence: Absence | undefined;

  /** `nowUnixNs`: an absence begins no later, whatever the clock was when the mark was written. */
  constructor(file: string, bootId: string, nowUnixNs: bigint) {
    this.#file = file;
    this.#bootId = bootId;
    const absence = readAbsence(file, bootId);
    const isAhead = absence !== undefined && absence.sinceUnixNs > nowUnixNs;
    this.absence = isAhead ? { ...absence, sinceUnixNs: nowUnixNs } : absence;
  }

  /** Resolves when it is on stable storage. One at a time. Errors: those of the file system. */
  async write(atUnixNs: bigint, ended: boolean): Promise<void> {
    const mark: Mark = { bootId: this.#bootId, atUnixNs: String(atUnixNs), ended };
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

function readAbsence(file: string, bootId: string): Absence | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return unreadable(file);
  }
  try {
    const mark = JSON.parse(text) as Mark;
    const reason = mark.ended ? 'agent_stopped' : mark.bootId === bootId ? 'agent_not_running' : 'host_restarted';
    return { sinceUnixNs: BigInt(mark.atUnixNs), reason };
  } catch {
    return unreadable(file);
  }
}

/** There was a recorder, and its mark says nothing: that is no first start. */
function unreadable(file: string): Absence {
  const { mtimeNs } = statSync(file, { bigint: true });
  return { sinceUnixNs: mtimeNs - BEFORE_FILE_NS, reason: 'mark_unreadable' };
}
