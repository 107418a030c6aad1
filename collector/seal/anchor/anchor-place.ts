// SPDX-License-Identifier: Apache-2.0

/** Where checkpoints are kept outside of the store: a file that grows, or a folder with a file for each. */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseCheckpoint } from '../../../proto/log/checkpoint.ts';
import { parseNote } from '../../../proto/log/note.ts';
import { ENTRY_BREAK, formatEntry } from '../../../proto/log/note-file.ts';

/** One place. `keep` is called by one at a time, and again with the same notes after it failed. */
export interface AnchorPlace {
  readonly name: string;
  /** Resolves when all of them would outlive a crash. Errors: those of the disk. */
  keep(notes: readonly string[]): Promise<void>;
}

/** Notes appended to a file, an empty line behind each (proto/log/note-file.ts). */
export class AnchorFile implements AnchorPlace {
  readonly name: string;
  /** Whether the file surely ends where an entry ends. */
  #endsWhole = false;

  constructor(path: string) {
    this.name = path;
  }

  async keep(notes: readonly string[]): Promise<void> {
    const isWhole = this.#endsWhole;
    this.#endsWhole = false;
    const before = isWhole || (await endsWhole(this.name)) ? '' : ENTRY_BREAK;
    const file = await open(this.name, 'a', 0o640);
    try {
      await file.appendFile(before + notes.map(formatEntry).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    this.#endsWhole = true;
  }
}

async function endsWhole(path: string): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size === 0) return true;
    if (size < ENTRY_BREAK.length) return false;
    const { buffer } = await file.read(
      Buffer.alloc(ENTRY_BREAK.length),
      0,
      ENTRY_BREAK.length,
      size - ENTRY_BREAK.length,
    );
    return buffer.toString() === ENTRY_BREAK;
  } finally {
    await file.close();
  }
}

/** Of one size: there are few that say different things, each of them worth keeping. */
const SAME_SIZE_MAX = 100;

/**
 * `<folder>/<origin, escaped>/<size>`, and `<size>.2` and so on where that is taken by another note.
 *
 * Files are only ever made, never changed, renamed or removed: the folder may be an object store that locks what it has.
 */
export class AnchorFolder implements AnchorPlace {
  readonly name: string;

  constructor(path: string) {
    this.name = path;
  }

  async keep(notes: readonly string[]): Promise<void> {
    for (const note of notes) await this.#keepOne(note);
  }

  async #keepOne(note: string): Promise<void> {
    const { origin, size } = parseCheckpoint(parseNote(note).text);
    // The folder itself is the operator's: one that is missing is a mount that is away.
    const folder = join(this.name, escapedOrigin(origin));
    await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    for (let copy = 1; copy <= SAME_SIZE_MAX; copy++) {
      const path = join(folder, copy === 1 ? String(size) : `${size}.${copy}`);
      if (await make(path, note)) return syncFolder(folder);
      if (await says(path, note)) return;
    }
    throw new Error(`${folder} has ${SAME_SIZE_MAX} files of size ${size} already`);
  }
}

/** A name for an origin: no separator, no dot at its beginning. */
export function escapedOrigin(origin: string): string {
  return encodeURIComponent(origin).replace(/^\./, '%2E');
}

async function make(path: string, text: string): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'wx', 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return true;
}

/** The same checkpoint with no fewer signatures; one that a crash tore says something else. */
async function says(path: string, note: string): Promise<boolean> {
  try {
    const [there, given] = [parseNote(await readFile(path)), parseNote(note)];
    return there.text === given.text && there.signatures.length >= given.signatures.length;
  } catch {
    return false;
  }
}

async function syncFolder(path: string): Promise<void> {
  for (const folder of [path, dirname(path)]) {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } catch (error) {
      // What object stores are mounted as may not know this.
      if (!['EINVAL', 'ENOSYS', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    } finally {
      await handle.close();
    }
  }
}
