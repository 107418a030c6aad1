// SPDX-License-Identifier: Apache-2.0

/** Ranges of a file. Programs are hundreds of megabytes: nothing here ever holds a whole one. */

import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

export interface FileReader {
  readonly sizeBytes: number;
  /**
   * What is there of the range: shorter at the end of the file, empty beyond it and for what is no range at all, such as
   * numbers that a damaged file gave. The caller owns the bytes, unless it gives room for them: then they may be in that
   * (`into`, at least as long as the range), until the next read into it.
   */
  read(offset: number, bytes: number, into?: Buffer): Buffer;
}

/** One range that is asked for at once. Longer ones are walked in pieces. */
export const READ_BYTES_MAX = 256 * 1024;

/** What names a file's content: when any of it changes, it is another file to us. */
export interface FileIdentity {
  /** As stat(2) has them. */
  readonly device: bigint;
  readonly inode: bigint;
  readonly changedNs: bigint;
  readonly modifiedNs: bigint;
  readonly sizeBytes: bigint;
}

/** A regular file that is open; it stays the same file whatever happens to its name. */
export class OpenFile implements FileReader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly identity: FileIdentity;
  readonly ownerUid: number;
  readonly mode: number;
  readonly #fd: number;

  /** @throws the system's error; `ENOTSUP` when it is no regular file */
  constructor(path: string) {
    this.path = path;
    // A name may lead to a pipe or a terminal by now: never wait for one, never make one ours.
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const stat = fstatSync(this.#fd, { bigint: true });
      if (!stat.isFile()) throw Object.assign(new Error(`${path} is no regular file`), { code: 'ENOTSUP' });
      this.identity = identityOf(stat);
      this.sizeBytes = Number(stat.size);
      this.ownerUid = Number(stat.uid);
      this.mode = Number(stat.mode);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /** A path that leads to exactly this file while it is open, in this process. */
  get exactPath(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  get descriptor(): number {
    return this.#fd;
  }

  read(offset: number, bytes: number, into?: Buffer): Buffer {
    return readRange(this.#fd, this.sizeBytes, offset, bytes, into);
  }

  /** What it is by now: it may be written while it is open. */
  currentIdentity(): FileIdentity {
    return identityOf(fstatSync(this.#fd, { bigint: true }));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

export function identityOf(stat: BigIntStats): FileIdentity {
  const { dev, ino, ctimeNs, mtimeNs, size } = stat;
  return { device: dev, inode: ino, changedNs: ctimeNs, modifiedNs: mtimeNs, sizeBytes: size };
}

/** A file that somebody else has open, and keeps open meanwhile. */
export class BorrowedFile implements FileReader {
  readonly sizeBytes: number;
  readonly #fd: number;

  constructor(descriptor: number, sizeBytes: number) {
    this.#fd = descriptor;
    this.sizeBytes = sizeBytes;
  }

  read(offset: number, bytes: number, into?: Buffer): Buffer {
    return readRange(this.#fd, this.sizeBytes, offset, bytes, into);
  }
}

function readRange(fd: number, sizeBytes: number, offset: number, bytes: number, into?: Buffer): Buffer {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset >= sizeBytes || bytes <= 0) return Buffer.alloc(0);
  const wanted = Math.min(bytes, READ_BYTES_MAX, sizeBytes - offset);
  const buffer = into ?? Buffer.allocUnsafe(wanted);
  let have = 0;
  while (have < wanted) {
    const got = readSync(fd, buffer, have, wanted - have, offset + have);
    if (got === 0) break;
    have += got;
  }
  return buffer.subarray(0, have);
}

/** Bytes that are in memory already. */
export class BytesReader implements FileReader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  read(offset: number, bytes: number): Buffer {
    if (!Number.isSafeInteger(offset) || offset < 0 || bytes <= 0) return Buffer.alloc(0);
    return this.#bytes.subarray(offset, offset + Math.min(bytes, READ_BYTES_MAX));
  }
}

/**
 * The bound on all that is read of one file: tables of a hostile file can send a search over it again and again. When it is
 * reached, reads give nothing more, and `isSpent` says that the answer may be short.
 */
export class BudgetReader implements FileReader {
  readonly sizeBytes: number;
  readonly #reader: FileReader;
  #left: number;

  constructor(reader: FileReader, bytesMax: number) {
    this.#reader = reader;
    this.sizeBytes = reader.sizeBytes;
    this.#left = bytesMax;
  }

  get isSpent(): boolean {
    return this.#left < 0;
  }

  read(offset: number, bytes: number, into?: Buffer): Buffer {
    const found = this.#left < 0 ? Buffer.alloc(0) : this.#reader.read(offset, bytes, into);
    // A page is the least that a read costs.
    this.#left -= Math.max(found.length, PAGE_BYTES);
    return found;
  }
}

const PAGE_BYTES = 4096;
