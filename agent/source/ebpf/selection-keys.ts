// SPDX-License-Identifier: Apache-2.0

/** Selections → keys of the kernel side's selection maps. */
import { realpathSync } from 'node:fs';
import type { Selection } from '../kernel-event-source.ts';
import { type Capture, selectionKind } from './addon.ts';
import { cgroupId } from './cgroup.ts';
import { limits, sessionBy } from './layout.generated.ts';

export class SelectionKeys {
  readonly #capture: Capture;
  readonly #exeKeys = new Map<string, Uint8Array>();

  constructor(capture: Capture) {
    this.#capture = capture;
  }

  /** Errors: RangeError when a path is too long to be selected. */
  select(selection: Selection): void {
    if (selection.by === 'uid') {
      const key = Buffer.alloc(4);
      key.writeUInt32LE(selection.uid);
      this.#capture.select(selectionKind.uid, key, selection.id, sessionBy.process);
    } else if (selection.by === 'exe') {
      this.#selectExe(selection.path, selection.id);
    } else {
      this.#selectCgroup(selection.path, selection.id);
    }
  }

  /** A link that was configured may come to point elsewhere; what it named before stays selected. */
  refresh(selections: readonly Selection[]): void {
    for (const selection of selections) {
      if (selection.by === 'exe') this.#selectExe(selection.path, selection.id);
    }
  }

  /** The kernel knows a program by its real path. */
  #selectExe(path: string, id: number): void {
    let real = path;
    try {
      real = realpathSync(path);
    } catch {
      // Not installed yet: looked for again at a refresh.
    }
    const key = exeKey(real);
    const before = this.#exeKeys.get(path);
    if (before !== undefined && Buffer.compare(before, key) === 0) return;
    this.#capture.select(selectionKind.exe, key, id, sessionBy.process);
    this.#exeKeys.set(path, key);
  }

  /** By path first, for one that is made from now on; then by id, if it is there already. */
  #selectCgroup(path: string, id: number): void {
    this.#capture.select(selectionKind.cgroupPath, cgroupPathKey(path), id, sessionBy.cgroup);
    const inode = cgroupId(path);
    if (inode === undefined) return;
    const key = Buffer.alloc(8);
    key.writeBigUInt64LE(inode);
    this.#capture.select(selectionKind.cgroup, key, id, sessionBy.cgroup);
  }
}

function cgroupPathKey(path: string): Uint8Array {
  const key = Buffer.alloc(limits.pathKeyBytes);
  // As the kernel writes it: without a slash at the end.
  const written = path.length > 1 ? path.replace(/\/+$/, '') : path;
  if (Buffer.byteLength(written) >= key.length) throw tooLong(path);
  key.write(written);
  return key;
}

/** As the kernel side writes paths: components from the leaf to the root, each a length and a name. */
export function exeKey(path: string): Uint8Array {
  const key = Buffer.alloc(limits.pathKeyBytes);
  let at = 0;
  for (const name of path.split('/').filter(Boolean).reverse()) {
    const bytes = Buffer.from(name);
    // The last byte stays zero: the kernel side reads one less.
    if (bytes.length > 255 || at + 1 + bytes.length >= key.length) throw tooLong(path);
    key[at] = bytes.length;
    bytes.copy(key, at + 1);
    at += 1 + bytes.length;
  }
  return key;
}

function tooLong(path: string): RangeError {
  return new RangeError(`path is too long to be selected: ${path}`);
}
