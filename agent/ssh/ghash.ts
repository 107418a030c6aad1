// SPDX-License-Identifier: Apache-2.0

/**
 * GHASH without tables: no branch and no place in memory depends on a secret.
 *
 * Words are multiplied without carries by ordinary multiplications of every fourth bit: at most eight products meet in a place, and
 * their sum stays below the next bit that counts. The upper half of a product is the lower half of the product of both words turned
 * around. Three multiplications do for four, twice over (Karatsuba).
 *
 * Shape    a block is four words of 32 bits, big-endian; the first bit is that of x⁰
 * Keeps    what follows from the hash key, until `end` fills it with zeros
 * Source   NIST SP 800-38D, sections 6.3 and 6.4
 */

/** Every fourth bit. */
const EACH_4TH = 0x11111111;
/** The words of Karatsuba's nine products: four, and sums of two and four of them. */
const FACTORS = 9;

export class Ghash {
  /** The key's factors in four parts each, then the same turned around. */
  readonly #key = new Int32Array(2 * FACTORS * 4);
  readonly #factors = new Int32Array(FACTORS);
  readonly #turned = new Int32Array(FACTORS);
  readonly #low = new Int32Array(FACTORS);
  readonly #high = new Int32Array(FACTORS);
  /** The sum, first word first. */
  readonly words = new Int32Array(4);

  constructor(hashKey: Buffer) {
    for (let word = 0; word < 4; word++) this.words[word] = hashKey.readInt32BE(4 * word);
    this.#spread();
    for (let factor = 0; factor < FACTORS; factor++) {
      for (let part = 0; part < 4; part++) {
        this.#key[4 * factor + part] = this.#factors[factor]! & (EACH_4TH << part);
        this.#key[4 * (FACTORS + factor) + part] = this.#turned[factor]! & (EACH_4TH << part);
      }
    }
    this.words.fill(0);
  }

  /** One block more. */
  add(a: number, b: number, c: number, d: number): void {
    const words = this.words;
    words[0]! ^= a;
    words[1]! ^= b;
    words[2]! ^= c;
    words[3]! ^= d;
    this.#spread();
    const factors = this.#factors;
    const turned = this.#turned;
    const key = this.#key;
    const low = this.#low;
    const high = this.#high;
    for (let factor = 0; factor < FACTORS; factor++) {
      low[factor] = lowProduct(factors[factor]!, key, 4 * factor);
      high[factor] = reversed(lowProduct(turned[factor]!, key, 4 * (FACTORS + factor))) >>> 1;
    }
    this.#reduce();
  }

  end(): void {
    for (const kept of [this.#key, this.#factors, this.#turned, this.#low, this.#high, this.words]) kept.fill(0);
  }

  #spread(): void {
    const { words } = this;
    const factors = this.#factors;
    const turned = this.#turned;
    for (let word = 0; word < 4; word++) {
      factors[word] = words[3 - word]!;
      turned[word] = reversed(words[3 - word]!);
    }
    addUp(factors);
    addUp(turned);
  }

  /** Eight words of the product, moved by one bit, since both factors are turned around; then modulo GCM's polynomial. */
  #reduce(): void {
    const { words } = this;
    const low = this.#low;
    const high = this.#high;
    // Products of two words and two words: the lower pair, the upper pair, and of their sums.
    const l0 = low[0]!;
    const l1 = high[0]! ^ low[4]! ^ low[0]! ^ low[1]!;
    const l2 = low[1]! ^ high[4]! ^ high[0]! ^ high[1]!;
    const l3 = high[1]!;
    const u0 = low[2]!;
    const u1 = high[2]! ^ low[5]! ^ low[2]! ^ low[3]!;
    const u2 = low[3]! ^ high[5]! ^ high[2]! ^ high[3]!;
    const u3 = high[3]!;
    const m0 = low[6]! ^ l0 ^ u0;
    const m1 = high[6]! ^ low[8]! ^ low[6]! ^ low[7]! ^ l1 ^ u1;
    const m2 = low[7]! ^ high[8]! ^ high[6]! ^ high[7]! ^ l2 ^ u2;
    const m3 = high[7]! ^ l3 ^ u3;
    const p2 = l2 ^ m0;
    const p3 = l3 ^ m1;
    const p4 = u0 ^ m2;
    const p5 = u1 ^ m3;
    const z0 = l0 << 1;
    const z1 = (l1 << 1) | (l0 >>> 31);
    const z2 = (p2 << 1) | (l1 >>> 31);
    let z3 = (p3 << 1) | (p2 >>> 31);
    let z4 = (p4 << 1) | (p3 >>> 31);
    let z5 = (p5 << 1) | (p4 >>> 31);
    let z6 = (u2 << 1) | (p5 >>> 31);
    let z7 = (u3 << 1) | (u2 >>> 31);
    // x¹²⁸ is x⁷ + x² + x + 1: the lower words go into the upper ones.
    z3 ^= spilt(z0);
    z4 ^= folded(z0) ^ spilt(z1);
    z5 ^= folded(z1) ^ spilt(z2);
    z6 ^= folded(z2) ^ spilt(z3);
    z7 ^= folded(z3);
    words[0] = z7;
    words[1] = z6;
    words[2] = z5;
    words[3] = z4;
  }
}

const folded = (word: number): number => word ^ (word >>> 1) ^ (word >>> 2) ^ (word >>> 7);
/** What of it lies below its own word. */
const spilt = (word: number): number => (word << 31) ^ (word << 30) ^ (word << 25);

function addUp(factors: Int32Array): void {
  factors[4] = factors[0]! ^ factors[1]!;
  factors[5] = factors[2]! ^ factors[3]!;
  factors[6] = factors[0]! ^ factors[2]!;
  factors[7] = factors[1]! ^ factors[3]!;
  factors[8] = factors[6]! ^ factors[7]!;
}

/** The lower half of the product of `x` and the factor of the key at `at`. */
function lowProduct(x: number, key: Int32Array, at: number): number {
  const x0 = x & EACH_4TH;
  const x1 = x & (EACH_4TH << 1);
  const x2 = x & (EACH_4TH << 2);
  const x3 = x & (EACH_4TH << 3);
  const k0 = key[at]!;
  const k1 = key[at + 1]!;
  const k2 = key[at + 2]!;
  const k3 = key[at + 3]!;
  const p0 = Math.imul(x0, k0) ^ Math.imul(x1, k3) ^ Math.imul(x2, k2) ^ Math.imul(x3, k1);
  const p1 = Math.imul(x0, k1) ^ Math.imul(x1, k0) ^ Math.imul(x2, k3) ^ Math.imul(x3, k2);
  const p2 = Math.imul(x0, k2) ^ Math.imul(x1, k1) ^ Math.imul(x2, k0) ^ Math.imul(x3, k3);
  const p3 = Math.imul(x0, k3) ^ Math.imul(x1, k2) ^ Math.imul(x2, k1) ^ Math.imul(x3, k0);
  return (p0 & EACH_4TH) | (p1 & (EACH_4TH << 1)) | (p2 & (EACH_4TH << 2)) | (p3 & (EACH_4TH << 3));
}

/** The bits of a word, last first. */
function reversed(word: number): number {
  let bits = ((word & 0x55555555) << 1) | ((word >>> 1) & 0x55555555);
  bits = ((bits & 0x33333333) << 2) | ((bits >>> 2) & 0x33333333);
  bits = ((bits & 0x0f0f0f0f) << 4) | ((bits >>> 4) & 0x0f0f0f0f);
  bits = ((bits & 0x00ff00ff) << 8) | ((bits >>> 8) & 0x00ff00ff);
  return (bits << 16) | (bits >>> 16);
}
