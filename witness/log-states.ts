// SPDX-License-Identifier: Apache-2.0

/**
 * What a witness last cosigned of each log: a file each, written whole and forced to disk before anything is signed.
 *
 * A crash leaves the old file or the new one. A file that cannot be read stops its log, not the witness: nothing is signed
 * for a log of which it is not known how far it was.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checkpoint, parseCheckpoint } from '../proto/log/checkpoint.ts';
import { parseNote } from '../proto/log/note.ts';
import { WitnessError } from './witness-error.ts';

/** What most file systems take as a name. */
const NAME_BYTES_MAX = 255;
const SUFFIX = '.checkpoint';

/** The file of a log. Errors: WitnessError `config_invalid` for an origin that is too long for one. */
export function stateFileName(origin: string): string {
  const name = `${encodeURIComponent(origin)}${SUFFIX}`;
  if (Buffer.byteLength(name) + '.new'.length > NAME_BYTES_MAX)
    throw new WitnessError('config_invalid', `the origin ${origin} is too long`);
  return name;
}

export class LogStates {
  readonly #folder: string;
  readonly #known = new Map<string, Checkpoint>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /**
   * The last checkpoint that was cosigned; undefined when there has been none.
   *
   * Errors   WitnessError `state_unusable`
   */
  last(origin: string): Checkpoint | undefined {
    const known = this.#known.get(origin);
    if (known !== undefined) return known;
    const path = join(this.#folder, stateFileName(origin));
    try {
      const checkpoint = parseCheckpoint(parseNote(readFileSync(path)).text);
      if (checkpoint.origin !== origin) throw new Error(`it is of ${checkpoint.origin}`);
      this.#known.set(origin, checkpoint);
      return checkpoint;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new WitnessError('state_unusable', `${path} cannot be used: ${(cause as Error).message}`, { cause });
    }
  }

  /** Resolves when it would outlive a crash. One call at a time for an origin. */
  async keep(checkpoint: Checkpoint, note: string): Promise<void> {
    const path = join(this.#folder, stateFileName(checkpoint.origin));
    const aside = `${path}.new`;
    const file = await open(aside, 'w', 0o600);
    try {
      await file.writeFile(note);
      await file.sync();
    } finally {
      await file.close();
    }
    // From here on it may be what a restart finds.
    this.#known.delete(checkpoint.origin);
    await rename(aside, path);
    await syncFolder(this.#folder);
    this.#known.set(checkpoint.origin, checkpoint);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
