// SPDX-License-Identifier: Apache-2.0

/** Files that were looked at, by what they are and by the keys that the kernel has for them. */

import type { CodeImage, FileKey } from '../model/code-image.ts';
import type { Exercise } from './canary.ts';
import type { FileIdentity } from './file-reader.ts';
import { keyText } from './mapped-files.ts';

/** A probe that is in place. */
export interface Attachment {
  id: number;
  /** Index in `image.probes`. */
  readonly point: number;
  /** When it was last seen to work, or attached. */
  provedNs: number;
}

export interface ImageRecord {
  readonly image: CodeImage;
  readonly identity: string;
  /** DT_NEEDED. */
  readonly needed: readonly string[];
  /** DT_SONAME, else the name of its file. */
  readonly soname: string;
  /** Its path leads to it in the agent's own root, too: not only in a container's. */
  readonly isOnHost: boolean;
  readonly exercise: Exercise;
  readonly attachments: Attachment[];
  /** As the kernel names it; more than one where a file system has its own device numbers. */
  readonly keys: Map<string, FileKey>;
  /** It lies where the host has its programs and libraries. */
  isAhead: boolean;
  /** Since when nobody maps it and its path leads elsewhere; undefined while either is not so. */
  goneSinceNs: number | undefined;
}

/** As many as the kernel side's table of known files has room for. */
export const IMAGES_MAX = 65_536;

export class ImageBook {
  readonly #byIdentity = new Map<string, ImageRecord>();
  readonly #byKey = new Map<string, ImageRecord>();
  readonly #byPath = new Map<string, ImageRecord>();

  get size(): number {
    return this.#byIdentity.size;
  }

  records(): IterableIterator<ImageRecord> {
    return this.#byIdentity.values();
  }

  add(record: ImageRecord): void {
    this.#byIdentity.set(record.identity, record);
    if (record.isOnHost || !this.#byPath.has(record.image.path)) this.#byPath.set(record.image.path, record);
  }

  /** The kernel names this file so; a key that was another file's is that one's no more. */
  nameAs(record: ImageRecord, key: FileKey): void {
    const text = keyText(key);
    this.#byKey.get(text)?.keys.delete(text);
    record.keys.set(text, key);
    this.#byKey.set(text, record);
  }

  remove(record: ImageRecord): void {
    this.#byIdentity.delete(record.identity);
    for (const text of record.keys.keys()) if (this.#byKey.get(text) === record) this.#byKey.delete(text);
    if (this.#byPath.get(record.image.path) === record) this.#byPath.delete(record.image.path);
  }

  ofIdentity(identity: string): ImageRecord | undefined {
    return this.#byIdentity.get(identity);
  }

  ofKey(key: FileKey): ImageRecord | undefined {
    return this.#byKey.get(keyText(key));
  }

  ofPath(path: string): ImageRecord | undefined {
    return this.#byPath.get(path);
  }

  /** Libraries that a program needs at its start and those that they need, by their names, wherever they are. */
  neededBy(path: string): ImageRecord[] {
    const byName = new Map<string, ImageRecord>();
    for (const record of this.#byIdentity.values())
      if (record.isAhead || !byName.has(record.soname)) byName.set(record.soname, record);
    const found = new Set<ImageRecord>();
    const pending = [this.#byPath.get(path)];
    for (const record of pending) {
      for (const name of record?.needed ?? []) {
        const library = byName.get(name);
        if (library === undefined || found.has(library)) continue;
        found.add(library);
        pending.push(library);
      }
    }
    return [...found];
  }
}

/** Shape: device:inode:size:mtime:ctime */
export function identityText({ device, inode, changedNs, modifiedNs, sizeBytes }: FileIdentity): string {
  return `${device}:${inode}:${sizeBytes}:${modifiedNs}:${changedNs}`;
}

/** Whether only names, links or rights seem to have changed. Whoever owns a file can make that seem so. */
export function seemsSameContent(identity: string, other: string): boolean {
  return identity.slice(0, identity.lastIndexOf(':')) === other.slice(0, other.lastIndexOf(':'));
}
