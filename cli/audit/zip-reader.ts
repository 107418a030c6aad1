// SPDX-License-Identifier: Apache-2.0

/**
 * Files out of a ZIP archive that came from outside. What an archive has beyond a bundle's (Zip64, encryption, several
 * disks, other ways of packing) is refused.
 *
 * Errors   RangeError, with what is wrong with it
 * Source   PKWARE APPNOTE 6.3.10, sections 4.3 and 4.4
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  readonly packedBytes: number;
  readonly isDeflated: boolean;
  /** Of its header. */
  readonly offset: number;
}

const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const DIRECTORY_BYTES_MAX = 16 * 1024 * 1024;
const ENTRY_BYTES = 46;
const HEADER_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

export class ZipReader {
  readonly entries: readonly ZipEntry[];
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.entries = withFile(path, readDirectory);
  }

  /** What is in it; the stream fails when there is more or less than its entry says, or it is packed wrongly. */
  open({ offset, packedBytes, isDeflated }: ZipEntry): Readable {
    const start = withFile(this.#path, (file, size) => {
      const header = readAt(file, offset, HEADER_BYTES);
      if (header.readUInt32LE(0) !== 0x04034b50) throw new RangeError('a file in it has no header');
      const at = offset + HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
      if (at + packedBytes > size) throw new RangeError('a file in it ends behind the archive');
      return at;
    });
    if (packedBytes === 0) return createReadStream('/dev/null');
    const source = createReadStream(this.#path, { start, end: start + packedBytes - 1 });
    if (!isDeflated) return source;
    const inflate = createInflateRaw();
    source.on('error', (error) => inflate.destroy(error));
    return source.pipe(inflate);
  }
}

function withFile<T>(path: string, act: (file: number, size: number) => T): T {
  const file = openSync(path, 'r');
  try {
    return act(file, fstatSync(file).size);
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, at: number, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  if (readSync(file, bytes, 0, count, at) !== count) throw new RangeError('the archive is cut off');
  return bytes;
}

function readDirectory(file: number, size: number): ZipEntry[] {
  const tail = readAt(
    file,
    Math.max(0, size - END_BYTES - COMMENT_BYTES_MAX),
    Math.min(size, END_BYTES + COMMENT_BYTES_MAX),
  );
  const at = tail.lastIndexOf(Buffer.from('504b0506', 'hex'));
  if (at < 0 || at + END_BYTES > tail.length) throw new RangeError('it is no ZIP archive, or its end is missing');
  const count = tail.readUInt16LE(at + 10);
  const [bytes, start] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  if (start + bytes > size || bytes > DIRECTORY_BYTES_MAX) throw new RangeError('its directory is not where it says');
  const directory = readAt(file, start, bytes);
  const entries: ZipEntry[] = [];
  let next = 0;
  for (let index = 0; index < count; index++) {
    if (next + ENTRY_BYTES > bytes || directory.readUInt32LE(next) !== 0x02014b50)
      throw new RangeError('its directory cannot be read');
    const [flags, method] = [directory.readUInt16LE(next + 8), directory.readUInt16LE(next + 10)];
    if ((flags & ENCRYPTED) !== 0 || (method !== STORED && method !== DEFLATED))
      throw new RangeError('a file in it is encrypted, or packed in a way that bundles are not');
    const nameBytes = directory.readUInt16LE(next + 28);
    const nameEnd = next + ENTRY_BYTES + nameBytes;
    if (nameEnd > bytes) throw new RangeError('its directory cannot be read');
    entries.push({
      name: directory.toString('utf8', next + ENTRY_BYTES, nameEnd),
      packedBytes: directory.readUInt32LE(next + 20),
      bytes: directory.readUInt32LE(next + 24),
      isDeflated: method === DEFLATED,
      offset: directory.readUInt32LE(next + 42),
    });
    next = nameEnd + directory.readUInt16LE(next + 30) + directory.readUInt16LE(next + 32);
  }
  return entries;
}
