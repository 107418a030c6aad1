// SPDX-License-Identifier: Apache-2.0

/**
 * Whether what the agent stands on is still there: its programs on their hooks, its journal's files on disk. Only somebody
 * with the rights of root takes them away while it runs; then the record says so, for as long as there is one.
 *
 * A file of the journal is known by its inode. The newest grows; the others never change again, and their change time,
 * which no call sets, says so. One that was cut and is written on is as long as before, with a hole in it: so the last
 * bytes of each look are read again at the next one.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { FindingReport } from '../model/finding.ts';

export interface OwnProgram {
  readonly name: string;
  readonly attached: boolean;
}

export interface OwnFile {
  readonly path: string;
  /** It has at least so many bytes. */
  readonly bytes: number;
  /** Nothing more is written to it. */
  readonly isComplete: boolean;
}

export interface OwnPartsOptions {
  readonly programs: () => readonly OwnProgram[];
  readonly files: () => readonly OwnFile[];
  readonly onFinding: (finding: FindingReport) => void;
  /** In the time of the source. */
  readonly now: () => number;
}

interface KnownFile {
  readonly identity: string;
  /** Change time of a file that was complete when it was looked at. */
  changedNs: bigint | undefined;
  /** Of one that grows: the bytes before `end`, as they were. */
  tail: { readonly end: number; readonly bytes: Buffer } | undefined;
  told: boolean;
}

type Change = 'removed' | 'replaced' | 'truncated' | 'changed';

const HOW: Readonly<Record<Change, string>> = {
  removed: 'is gone',
  replaced: 'is another file than the one that was written',
  truncated: 'is shorter than what was written',
  changed: 'was changed by somebody else',
};

/** More than a mark, with which each write ends. */
const TAIL_BYTES = 256;

export class OwnParts {
  readonly #options: OwnPartsOptions;
  /** Those that were attached once. */
  readonly #attached = new Set<string>();
  readonly #files = new Map<string, KnownFile>();
  #lookedNs: number;
  #looking = false;

  constructor(options: OwnPartsOptions) {
    this.#options = options;
    this.#lookedNs = options.now();
  }

  /** Never throws; a look that is asked for while one is under way is left out. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const sinceNs = this.#lookedNs;
    try {
      this.#lookAtPrograms(sinceNs);
      await this.#lookAtFiles(sinceNs);
    } finally {
      this.#lookedNs = this.#options.now();
      this.#looking = false;
    }
  }

  #lookAtPrograms(sinceNs: number): void {
    for (const { name, attached } of this.#options.programs()) {
      if (attached) this.#attached.add(name);
      else if (this.#attached.delete(name)) {
        const message = `Somebody took the program ${name} off its hook: what it saw is not recorded any more. Find out who has the rights of root here, and restart the agent.`;
        this.#find('probe_detached', name, message, {}, sinceNs);
      }
    }
  }

  async #lookAtFiles(sinceNs: number): Promise<void> {
    const files = this.#options.files();
    for (const file of files) {
      const change = await this.#changeOf(file);
      const known = this.#files.get(file.path);
      if (change === undefined || known?.told === true) continue;
      // Forgotten in order while it was looked at.
      if (change === 'removed' && !this.#options.files().some(({ path }) => path === file.path)) continue;
      if (known !== undefined) known.told = true;
      else this.#files.set(file.path, { identity: '', changedNs: undefined, tail: undefined, told: true });
      const message = `A file of the journal ${HOW[change]}: part of the record is lost or altered unless the collector has it. Only root can have done it.`;
      this.#find('journal_file_changed', file.path, message, { change }, sinceNs);
    }
    const paths = new Set(files.map(({ path }) => path));
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path);
  }

  async #changeOf(file: OwnFile): Promise<Change | undefined> {
    try {
      const handle = await open(file.path, 'r');
      try {
        return await this.#compare(file, handle);
      } finally {
        await handle.close();
      }
    } catch (error) {
      // Anything else is trouble of the disk, which the journal tells.
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'removed' : undefined;
    }
  }

  async #compare({ path, bytes, isComplete }: OwnFile, handle: FileHandle): Promise<Change | undefined> {
    const { dev, ino, size, ctimeNs } = await handle.stat({ bigint: true });
    const identity = `${dev}:${ino}`;
    let known = this.#files.get(path);
    if (known === undefined) {
      known = { identity, changedNs: undefined, tail: undefined, told: false };
      this.#files.set(path, known);
    }
    if (known.identity !== identity) return 'replaced';
    if (size < BigInt(bytes)) return 'truncated';
    if (!isComplete) {
      const { tail } = known;
      if (tail !== undefined && !tail.bytes.equals(await tailOf(handle, tail.end))) return 'changed';
      known.tail = { end: bytes, bytes: await tailOf(handle, bytes) };
      return undefined;
    }
    known.changedNs ??= ctimeNs;
    return known.changedNs === ctimeNs ? undefined : 'changed';
  }

  #find(
    kind: string,
    subject: string,
    message: string,
    attributes: Readonly<Record<string, string>>,
    sinceNs: number,
  ): void {
    const untilNs = this.#options.now();
    this.#options.onFinding({ kind, subject, message, sinceNs, untilNs, events: 1, bytes: 0, attributes });
  }
}

async function tailOf(handle: FileHandle, end: number): Promise<Buffer> {
  const start = Math.max(0, end - TAIL_BYTES);
  const bytes = Buffer.alloc(end - start);
  await handle.read(bytes, 0, bytes.length, start);
  return bytes;
}
