// SPDX-License-Identifier: Apache-2.0

/**
 * Headers of one direction. All blocks are one stream of zlib, so each needs those before it: one that was missed or cannot be
 * read ends the reading of headers for good.
 *
 * Shape    compressed; then count u32 · (length u32 · name · length u32 · value)*, names in lower case
 * Bounds   BLOCK_BYTES_MAX of a block, before and after
 * Errors   never throws; undefined when it cannot be read
 * Source   SPDY Protocol, draft 3.1, sections 2.6.10 and 2.6.10.1; RFC 1950
 */
import { constants, inflateRawSync } from 'node:zlib';
import { ByteReader } from '../bytes/byte-reader.ts';
import { DICTIONARY } from './dictionary.ts';

/** A dozen short headers are what Kubernetes sends. */
const BLOCK_BYTES_MAX = 64 * 1024;
const WINDOW_BYTES = 32 * 1024;
/** RFC 1950: two bytes of header, and four that name the dictionary. */
const ZLIB_HEADER_BYTES = 6;
const HAS_DICTIONARY = 0x20;

export type Headers = ReadonlyMap<string, string>;

export class HeaderBlocks {
  /** What a block may refer back to; undefined once that is not known. */
  #window: Buffer | undefined = DICTIONARY;
  #isFirst = true;

  /** The dictionary is everybody's. */
  get heldBytes(): number {
    return this.#isFirst ? 0 : (this.#window?.length ?? 0);
  }

  read(block: Buffer): Headers | undefined {
    const window = this.#window;
    this.#window = undefined;
    if (window === undefined || block.length > BLOCK_BYTES_MAX) return undefined;
    let deflated = block;
    if (this.#isFirst) {
      if (block.length < ZLIB_HEADER_BYTES || (block[1]! & HAS_DICTIONARY) === 0) return undefined;
      deflated = block.subarray(ZLIB_HEADER_BYTES);
    }
    const plain = inflated(deflated, window);
    if (plain === undefined) return undefined;
    this.#isFirst = false;
    this.#window = Buffer.from(Buffer.concat([window, plain]).subarray(-WINDOW_BYTES));
    return headersIn(plain);
  }

  end(): void {
    this.#window = undefined;
  }
}

function inflated(deflated: Buffer, dictionary: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(deflated, {
      dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: BLOCK_BYTES_MAX,
    });
  } catch {
    return undefined;
  }
}

function headersIn(plain: Buffer): Headers | undefined {
  const reader = new ByteReader(plain);
  const headers = new Map<string, string>();
  for (let left = reader.u32(); left > 0 && !reader.short; left--) {
    const name = textOf(reader);
    headers.set(name, textOf(reader));
  }
  return reader.short ? undefined : headers;
}

function textOf(reader: ByteReader): string {
  const length = reader.u32();
  const start = reader.skip(length);
  return start < 0 ? '' : reader.bytes.toString('latin1', start, start + length);
}
