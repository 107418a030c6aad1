// SPDX-License-Identifier: Apache-2.0

/** Places in the keystream of AES-CTR at which a packet may begin: see `resync.ts`. */
import { createCipheriv } from 'node:crypto';
import type { PacketSpec } from './algorithms.ts';
import { packetBytesOf } from './packet-bytes.ts';
import { HEAD_BYTES, headOf, LengthWords, type Place, type PlaceFinder } from './resync.ts';

const BLOCK_BYTES = 16;

/** The IV that many blocks later. */
export function ivAfter(iv: Buffer, blocks: number): Buffer {
  const sum = BigInt.asUintN(128, BigInt(`0x${iv.toString('hex')}`) + BigInt(blocks));
  return Buffer.from(sum.toString(16).padStart(32, '0'), 'hex');
}

export class CtrPlaces<C> implements PlaceFinder<C> {
  readonly placeBytes: number;
  readonly #spec: PacketSpec;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #cipherAt: (blocks: number) => C;
  /** Of each packet, what no keystream is spent on. */
  readonly #clearBytes: number;
  #stream = Buffer.alloc(0);
  #words: LengthWords | undefined;

  /** `iv`: of the block with which the packet began in which bytes are missing; `cipherAt` goes on that many blocks later. */
  constructor(spec: PacketSpec, key: Buffer, iv: Buffer, cipherAt: (blocks: number) => C) {
    this.#spec = spec;
    this.#key = key;
    this.#iv = iv;
    this.#cipherAt = cipherAt;
    this.#clearBytes = spec.tagBytes + (spec.isLengthClear ? 4 : 0);
    this.placeBytes = spec.isLengthClear ? 4 + HEAD_BYTES : BLOCK_BYTES;
  }

  get heldBytes(): number {
    return this.#stream.length + (this.#words?.heldBytes ?? 0);
  }

  reach(distance: number): void {
    const bytes = Math.ceil(distance / BLOCK_BYTES + 1) * BLOCK_BYTES;
    if (this.#stream.length >= bytes) return;
    this.#stream = createCipheriv(this.#spec.cipher.name, this.#key, this.#iv).update(Buffer.alloc(bytes));
    if (this.#spec.isLengthClear) return;
    const words = new Uint32Array(bytes / BLOCK_BYTES);
    for (let i = 0; i < words.length; i++) words[i] = this.#stream.readUInt32BE(BLOCK_BYTES * i);
    this.#words = new LengthWords(words);
  }

  *places(bytes: Buffer, at: number, distance: number): Generator<Place<C>> {
    const word = bytes.readUInt32BE(at);
    if (this.#words === undefined) {
      const packetBytes = this.#packetBytes(word);
      if (packetBytes === undefined) return;
      for (let packets = 1; packets * (this.#clearBytes + BLOCK_BYTES) <= distance; packets++) {
        const streamBytes = distance - packets * this.#clearBytes;
        if (streamBytes % BLOCK_BYTES !== 0) continue;
        const place = this.#placeAt(bytes, at, streamBytes / BLOCK_BYTES, word);
        if (place.head !== 'no') yield place;
      }
      return;
    }
    for (const [block, length] of this.#words.under(word)) {
      if (!this.#fits(block, distance) || this.#packetBytes(length) === undefined) continue;
      const place = this.#placeAt(bytes, at, block, length);
      if (place.head !== 'no') yield place;
    }
  }

  end(): void {
    this.#stream.fill(0);
    this.#stream = Buffer.alloc(0);
    this.#words?.end();
    this.#words = undefined;
    this.#key.fill(0);
    this.#iv.fill(0);
  }

  /** Whether so many blocks and whole packets make up the distance. */
  #fits(blocks: number, distance: number): boolean {
    const clearBytes = distance - BLOCK_BYTES * blocks;
    if (this.#clearBytes === 0) return clearBytes === 0;
    const packets = clearBytes / this.#clearBytes;
    return Number.isInteger(packets) && packets >= 1 && packets <= blocks;
  }

  #packetBytes(length: number): number | undefined {
    const { tagBytes, isLengthClear } = this.#spec;
    return packetBytesOf(length, tagBytes, BLOCK_BYTES, isLengthClear ? 4 : 0);
  }

  #placeAt(bytes: Buffer, at: number, block: number, length: number): Place<C> {
    const packetBytes = this.#packetBytes(length) as number;
    const head = headOf(this.#body(bytes, at, block), length);
    return {
      packetBytes,
      head,
      proof: () => (head === 'data' ? true : this.#next(bytes, at, block, packetBytes)),
      cipher: () => this.#cipherAt(block),
      sequence: 0,
    };
  }

  /** The beginning of what follows: undefined when it is not there yet, false when it is none. */
  #next(bytes: Buffer, at: number, block: number, packetBytes: number): Place<C> | false | undefined {
    const next = at + packetBytes;
    if (next + this.placeBytes > bytes.length) return undefined;
    const nextBlock = block + (packetBytes - this.#clearBytes) / BLOCK_BYTES;
    if ((nextBlock + 1) * BLOCK_BYTES > this.#stream.length) return false;
    const word = bytes.readUInt32BE(next);
    const length = this.#spec.isLengthClear ? word : (word ^ this.#stream.readUInt32BE(BLOCK_BYTES * nextBlock)) >>> 0;
    return this.#packetBytes(length) === undefined ? false : this.#placeAt(bytes, next, nextBlock, length);
  }

  #body(bytes: Buffer, at: number, block: number): Buffer {
    const body = Buffer.allocUnsafe(HEAD_BYTES);
    const from = BLOCK_BYTES * block + (this.#spec.isLengthClear ? 0 : 4);
    for (let i = 0; i < HEAD_BYTES; i++) body[i] = (bytes[at + 4 + i] as number) ^ (this.#stream[from + i] as number);
    return body;
  }
}
