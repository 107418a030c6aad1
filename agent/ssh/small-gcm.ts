// SPDX-License-Identifier: Apache-2.0

/**
 * Opens small packets under AES-GCM, of which a session that a person types into, or that runs commands, has nothing else. Setting
 * up OpenSSL's cipher for a nonce takes longer than such a packet does; here one cipher, set up once, makes the keystream of
 * several packets at a time, since their nonces count up, and GHASH is computed here.
 *
 * Shape    packet: 4 bytes that are authenticated and not encrypted · whole blocks · tag of 16 bytes
 * Bounds   packets of at most BLOCKS_MAX blocks
 * Keeps    what follows from the key: its hash key, and the keystream of the next packets, until `end` fills them with zeros
 * Source   NIST SP 800-38D, algorithms 2 (GHASH) and 5 (opening); RFC 5647, section 7 (nonces)
 */
import { type Cipheriv, createCipheriv } from 'node:crypto';
import { Ghash } from './ghash.ts';

/** Of more, OpenSSL's GHASH makes up for its setting up. */
const BLOCKS_MAX = 8;
const BLOCK_BYTES = 16;
const HEAD_BYTES = 4;
const TAG_BYTES = 16;
const IV_BYTES = 12;
/** Packets whose keystream is made at once. The first block of each is for the tag. */
const AHEAD = 8;
const AHEAD_BYTES = (1 + BLOCKS_MAX) * BLOCK_BYTES;

export class SmallGcm {
  readonly #blocks: Cipheriv;
  readonly #ghash: Ghash;
  /** Of heads that say the length, as all of SSH do, what GHASH makes of them: by the number of blocks. */
  readonly #hashedHeads = new Int32Array(4 * (1 + BLOCKS_MAX));
  readonly #isHeadHashed = new Uint8Array(1 + BLOCKS_MAX);
  /** Counter blocks of the packets ahead, and what they encrypt to. */
  readonly #counters = Buffer.alloc(AHEAD * AHEAD_BYTES);
  #stream: Buffer | undefined;
  #next = 0;

  /** `name` as OpenSSL has it. */
  constructor(name: string, key: Buffer) {
    this.#blocks = createCipheriv(name.replace('gcm', 'ecb'), key, null).setAutoPadding(false);
    const hashKey = this.#blocks.update(Buffer.alloc(BLOCK_BYTES));
    this.#ghash = new Ghash(hashKey);
    hashKey.fill(0);
  }

  takes(packet: Buffer): boolean {
    const sealed = packet.length - HEAD_BYTES - TAG_BYTES;
    return sealed > 0 && sealed <= BLOCKS_MAX * BLOCK_BYTES && sealed % BLOCK_BYTES === 0;
  }

  /** What is between head and tag; undefined when the tag is not that of the packet under this nonce. */
  open(packet: Buffer, iv: Buffer): Buffer | undefined {
    const from = this.#streamOf(iv);
    const stream = this.#stream as Buffer;
    const end = packet.length - TAG_BYTES;
    this.#hash(packet, end);
    let difference = 0;
    for (let word = 0; word < 4; word++) {
      difference |= this.#ghash.words[word]! ^ wordAt(stream, from + 4 * word) ^ wordAt(packet, end + 4 * word);
    }
    if (difference !== 0) return undefined;
    const body = Buffer.allocUnsafe(end - HEAD_BYTES);
    for (let i = 0; i < body.length; i++) body[i] = packet[HEAD_BYTES + i]! ^ stream[from + BLOCK_BYTES + i]!;
    this.#next++;
    return body;
  }

  end(): void {
    this.#ghash.end();
    this.#hashedHeads.fill(0);
    this.#isHeadHashed.fill(0);
    this.#counters.fill(0);
    this.#stream?.fill(0);
    this.#stream = undefined;
  }

  /** Where the keystream under `iv` begins; made when it was not made ahead. */
  #streamOf(iv: Buffer): number {
    const at = this.#next * AHEAD_BYTES;
    if (this.#stream !== undefined && this.#next < AHEAD && isSame(this.#counters, at, iv)) return at;
    this.#stream?.fill(0);
    const counters = this.#counters;
    const ahead = Buffer.from(iv);
    for (let packet = 0, at = 0; packet < AHEAD; packet++) {
      for (let block = 1; block <= 1 + BLOCKS_MAX; block++, at += BLOCK_BYTES) {
        for (let i = 0; i < IV_BYTES; i++) counters[at + i] = ahead[i]!;
        counters[at + BLOCK_BYTES - 1] = block;
      }
      countUp(ahead);
    }
    this.#stream = this.#blocks.update(counters);
    this.#next = 0;
    return 0;
  }

  /** GHASH of the head, of all up to `end`, and of both lengths in bits. */
  #hash(packet: Buffer, end: number): void {
    const ghash = this.#ghash;
    const { words } = ghash;
    const head = wordAt(packet, 0);
    const known = 4 * ((end - HEAD_BYTES) / BLOCK_BYTES);
    if (head === end - HEAD_BYTES && this.#isHeadHashed[known / 4] === 1) {
      for (let word = 0; word < 4; word++) words[word] = this.#hashedHeads[known + word]!;
    } else {
      words.fill(0);
      ghash.add(head, 0, 0, 0);
      if (head === end - HEAD_BYTES) {
        this.#isHeadHashed[known / 4] = 1;
        this.#hashedHeads.set(words, known);
      }
    }
    for (let at = HEAD_BYTES; at < end; at += BLOCK_BYTES) {
      ghash.add(wordAt(packet, at), wordAt(packet, at + 4), wordAt(packet, at + 8), wordAt(packet, at + 12));
    }
    ghash.add(0, 8 * HEAD_BYTES, 0, 8 * (end - HEAD_BYTES));
  }
}

/** Makes of a nonce that of the next packet: its last eight bytes count. */
export function countUp(iv: Buffer): void {
  for (let i = IV_BYTES - 1; i >= 4; i--) {
    iv[i] = (iv[i]! + 1) & 0xff;
    if (iv[i] !== 0) return;
  }
}

function wordAt(bytes: Buffer, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

function isSame(bytes: Buffer, at: number, iv: Buffer): boolean {
  for (let i = 0; i < IV_BYTES; i++) if (bytes[at + i] !== iv[i]) return false;
  return true;
}
