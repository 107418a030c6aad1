// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
/**
 * Files into a ZIP archive, one after the other, without any of them in memory.
 *
 * Limits   4 GiB less a byte for each file and for all: without Zip64, so that everything reads it
 * Source   PKWARE APPNOTE 6.3.10, sections 4.3 and 4.4; sizes stand behind the data (4.3.9)
 */
import { createReadStream, type WriteStream } from 'node:fs';
import { crc32, createDeflateRaw } from 'node:zlib';

const BYTES_MAX = 2 ** 32 - 1;
/** Sizes behind the data; names are UTF-8. */
const FLAGS = 0x0808;
const DEFLATE = 8;
const VERSION = 20;
/** 1980-01-01: the times of the files say nothing. */
const DOS_DATE = 0x21;

interface Entry {
  readonly name: Buffer;
  readonly offset: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
}

export class ZipWriter {
  readonly #target: WriteStream;
  readonly #entries: Entry[] = [];
  #at = 0;

  constructor(target: WriteStream) {
    this.#target = target;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#at += bytes.length;
    if (this.#at > BYTES_MAX) throw new RangeError('it does not fit into a ZIP file of 4 GiB');
    if (!this.#target.write(bytes)) await once(this.#target, 'drain');
  }

  /** Errors: RangeError when it becomes too large; those of the file. */
  async add(name: string, file: string): Promise<void> {
    const entry = { name: Buffer.from(name), offset: this.#at };
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(VERSION, 4);
    header.writeUInt16LE(FLAGS, 6);
    header.writeUInt16LE(DEFLATE, 8);
    header.writeUInt16LE(DOS_DATE, 12);
    header.writeUInt16LE(entry.name.length, 26);
    await this.#write(Buffer.concat([header, entry.name]));
    const start = this.#at;
    let [crc, bytes] = [0, 0];
    const deflate = createDeflateRaw();
    const source = createReadStream(file);
    source.on('data', (chunk) => {
      crc = crc32(chunk, crc);
      bytes += chunk.length;
    });
    source.on('error', (error) => deflate.destroy(error));
    for await (const chunk of source.pipe(deflate)) await this.#write(chunk as Buffer);
    if (bytes > BYTES_MAX) throw new RangeError('it does not fit into a ZIP file of 4 GiB');
    const done = { ...entry, crc, bytes, packedBytes: this.#at - start };
    const behind = Buffer.alloc(16);
    behind.writeUInt32LE(0x08074b50, 0);
    writeSizes(behind, 4, done);
    await this.#write(behind);
    this.#entries.push(done);
  }

  /** The directory at its end. */
  async end(): Promise<void> {
    const start = this.#at;
    for (const entry of this.#entries) {
      const header = Buffer.alloc(46);
      header.writeUInt32LE(0x02014b50, 0);
      // Made on Unix: the mode of the file stands in the upper half of its attributes.
      header.writeUInt16LE((3 << 8) | VERSION, 4);
      header.writeUInt16LE(VERSION, 6);
      header.writeUInt16LE(FLAGS, 8);
      header.writeUInt16LE(DEFLATE, 10);
      header.writeUInt16LE(DOS_DATE, 14);
      writeSizes(header, 16, entry);
      header.writeUInt16LE(entry.name.length, 28);
      header.writeUInt32LE((0o100600 << 16) >>> 0, 38);
      header.writeUInt32LE(entry.offset, 42);
      await this.#write(Buffer.concat([header, entry.name]));
    }
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(this.#entries.length, 8);
    end.writeUInt16LE(this.#entries.length, 10);
    end.writeUInt32LE(this.#at - start, 12);
    end.writeUInt32LE(start, 16);
    await this.#write(end);
  }
}

function writeSizes(target: Buffer, at: number, { crc, packedBytes, bytes }: Entry): void {
  target.writeUInt32LE(crc, at);
  target.writeUInt32LE(packedBytes, at + 4);
  target.writeUInt32LE(bytes, at + 8);
}
