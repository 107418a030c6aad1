// SPDX-License-Identifier: Apache-2.0

/**
 * ChaCha20 for the few blocks of a small packet: to set up the runtime's cipher takes longer than they do.
 *
 * Shape    a block is 64 bytes of keystream, of a key of 32 bytes, a counter and a number of a packet. The number is a nonce of eight
 *          bytes, big-endian, as OpenSSH has it; the counter has 32 bits, which no packet exceeds
 * Keeps    the key, until `end` fills it with zeros
 * Source   OpenSSH's PROTOCOL.chacha20poly1305; RFC 8439, sections 2.1 to 2.3, whose nonce is longer
 */

const BLOCK_WORDS = 16;
export const CHACHA_BLOCK_BYTES = 64;
/** "expand 32-byte k" */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
const ROUNDS = 20;

export class Chacha20 {
  /** Constants, key, counter, number. */
  readonly #state = new Int32Array(BLOCK_WORDS);
  readonly #working = new Int32Array(BLOCK_WORDS);

  /** `key` has 32 bytes. */
  constructor(key: Buffer) {
    for (const [word, value] of CONSTANTS.entries()) this.#state[word] = value;
    for (let word = 0; word < 8; word++) this.#state[4 + word] = key.readInt32LE(4 * word);
  }

  /** `bytes` with the keystream from block `counter` on; a copy. */
  crypt(bytes: Uint8Array, counter: number, packet: number): Buffer {
    const out = Buffer.allocUnsafe(bytes.length);
    for (let from = 0, block = counter; from < bytes.length; from += CHACHA_BLOCK_BYTES, block++) {
      const words = this.#block(block, packet);
      const to = Math.min(bytes.length, from + CHACHA_BLOCK_BYTES);
      for (let at = from; at < to; at++) {
        const place = at - from;
        out[at] = bytes[at]! ^ (words[place >> 2]! >>> (8 * (place & 3)));
      }
    }
    this.#working.fill(0);
    return out;
  }

  end(): void {
    this.#state.fill(0);
    this.#working.fill(0);
  }

  #block(counter: number, packet: number): Int32Array {
    const state = this.#state;
    const words = this.#working;
    state[12] = counter;
    // The upper halves of counter and number are zero.
    state[15] = ((packet & 0xff) << 24) | ((packet & 0xff00) << 8) | ((packet >>> 8) & 0xff00) | (packet >>> 24);
    words.set(state);
    for (let round = 0; round < ROUNDS; round += 2) {
      quarter(words, 0, 4, 8, 12);
      quarter(words, 1, 5, 9, 13);
      quarter(words, 2, 6, 10, 14);
      quarter(words, 3, 7, 11, 15);
      quarter(words, 0, 5, 10, 15);
      quarter(words, 1, 6, 11, 12);
      quarter(words, 2, 7, 8, 13);
      quarter(words, 3, 4, 9, 14);
    }
    for (let word = 0; word < BLOCK_WORDS; word++) words[word]! += state[word]!;
    return words;
  }
}

function quarter(words: Int32Array, a: number, b: number, c: number, d: number): void {
  let wa = words[a]!;
  let wb = words[b]!;
  let wc = words[c]!;
  let wd = words[d]!;
  wa = (wa + wb) | 0;
  wd ^= wa;
  wd = (wd << 16) | (wd >>> 16);
  wc = (wc + wd) | 0;
  wb ^= wc;
  wb = (wb << 12) | (wb >>> 20);
  wa = (wa + wb) | 0;
  wd ^= wa;
  wd = (wd << 8) | (wd >>> 24);
  wc = (wc + wd) | 0;
  wb ^= wc;
  wb = (wb << 7) | (wb >>> 25);
  words[a] = wa;
  words[b] = wb;
  words[c] = wc;
  words[d] = wd;
}
