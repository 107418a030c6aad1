// SPDX-License-Identifier: Apache-2.0

/**
 * The one-time authenticator Poly1305, which the runtime has only as a part of another construction.
 *
 * Numbers modulo 2^130 - 5 stand in six limbs of 22 bits: sums of products stay under 2^53, where doubles are exact.
 *
 * Source   RFC 8439, section 2.5
 */

const LIMBS = 6;
const LIMB = 2 ** 22;
/** 2^132 is 4 · 2^130, which is 4 · 5. */
const FOLD = 20;
const MASK = LIMB - 1;
const INVERSE = 2 ** -22;

/**
 * The tag of 16 bytes of `bytes` under a key of 32.
 *
 * Cost     some 60 multiplications a block of 16 bytes, without a loop or a look at a table in between
 * Errors   none; sizes are the caller's
 */
export function poly1305(key: Uint8Array, bytes: Uint8Array): Buffer {
  const r = limbsOf(clamped(key));
  const [r0, r1, r2, r3, r4, r5] = r as unknown as [number, number, number, number, number, number];
  // A product that is of 2^132 or above comes back below, times what that power is worth.
  const [s1, s2, s3, s4, s5] = [r1 * FOLD, r2 * FOLD, r3 * FOLD, r4 * FOLD, r5 * FOLD];
  let [h0, h1, h2, h3, h4, h5] = [0, 0, 0, 0, 0, 0];
  const whole = bytes.length - (bytes.length % 16);
  let block = bytes;
  let at = 0;
  for (let done = 0; done < bytes.length; done += 16) {
    let top = 1 << 18;
    at = done;
    if (done === whole) {
      // The rest, with the bit of its length behind its last byte.
      block = new Uint8Array(16);
      block.set(bytes.subarray(done));
      block[bytes.length - done] = 1;
      at = 0;
      top = 0;
    }
    const w0 = word(block, at);
    const w1 = word(block, at + 4);
    const w2 = word(block, at + 8);
    const w3 = word(block, at + 12);
    h0 += w0 & MASK;
    h1 += ((w0 >>> 22) | (w1 << 10)) & MASK;
    h2 += ((w1 >>> 12) | (w2 << 20)) & MASK;
    h3 += (w2 >>> 2) & MASK;
    h4 += ((w2 >>> 24) | (w3 << 8)) & MASK;
    h5 += (w3 >>> 14) + top;

    const p0 = h0 * r0 + h1 * s5 + h2 * s4 + h3 * s3 + h4 * s2 + h5 * s1;
    let p1 = h0 * r1 + h1 * r0 + h2 * s5 + h3 * s4 + h4 * s3 + h5 * s2;
    let p2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s5 + h4 * s4 + h5 * s3;
    let p3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s5 + h5 * s4;
    let p4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + h5 * s5;
    let p5 = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0;
    let carry = Math.floor(p0 * INVERSE);
    h0 = p0 - carry * LIMB;
    p1 += carry;
    carry = Math.floor(p1 * INVERSE);
    h1 = p1 - carry * LIMB;
    p2 += carry;
    carry = Math.floor(p2 * INVERSE);
    h2 = p2 - carry * LIMB;
    p3 += carry;
    carry = Math.floor(p3 * INVERSE);
    h3 = p3 - carry * LIMB;
    p4 += carry;
    carry = Math.floor(p4 * INVERSE);
    h4 = p4 - carry * LIMB;
    p5 += carry;
    carry = Math.floor(p5 * INVERSE);
    h5 = p5 - carry * LIMB;
    h0 += FOLD * carry;
    carry = Math.floor(h0 * INVERSE);
    h0 -= carry * LIMB;
    h1 += carry;
  }
  r.fill(0);
  return tagOf([h0, h1, h2, h3, h4, h5], key);
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** The first half of the key, without the bits that the construction wants to be zero. */
function clamped(key: Uint8Array): Uint8Array {
  const half = Uint8Array.from(key.subarray(0, 16));
  for (const i of [3, 7, 11, 15]) half[i] = (half[i] as number) & 0x0f;
  for (const i of [4, 8, 12]) half[i] = (half[i] as number) & 0xfc;
  return half;
}

function limbsOf(half: Uint8Array): Float64Array {
  const [w0, w1, w2, w3] = [word(half, 0), word(half, 4), word(half, 8), word(half, 12)];
  const limbs = new Float64Array(LIMBS);
  limbs[0] = w0 & MASK;
  limbs[1] = ((w0 >>> 22) | (w1 << 10)) & MASK;
  limbs[2] = ((w1 >>> 12) | (w2 << 20)) & MASK;
  limbs[3] = (w2 >>> 2) & MASK;
  limbs[4] = ((w2 >>> 24) | (w3 << 8)) & MASK;
  limbs[5] = w3 >>> 14;
  half.fill(0);
  return limbs;
}

/** The sum modulo the prime, then the key's second half on top, modulo 2^128. No branch depends on either. */
function tagOf(limbs: number[], key: Uint8Array): Buffer {
  for (let round = 0; round < 3; round++) {
    const above = carried(limbs, 0);
    // What is 2^130 or above comes back below, times five.
    const times = (above << 2) | (limbs[5]! >>> TOP_BITS);
    limbs[5]! &= TOP_MASK;
    limbs[0]! += 5 * times;
  }
  // Above the prime it is 2^130 or above with five more.
  const less = [...limbs];
  carried(less, 5);
  const mask = -(less[5]! >>> TOP_BITS);
  less[5]! &= TOP_MASK;
  const [h0, h1, h2, h3, h4, h5] = limbs.map((limb, i) => (limb & ~mask) | (less[i]! & mask)) as Six;
  const words = [
    h0 | (h1 << 22),
    (h1 >>> 10) | (h2 << 12),
    (h2 >>> 20) | (h3 << 2) | (h4 << 24),
    (h4 >>> 8) | (h5 << 14),
  ];
  const out = Buffer.allocUnsafe(16);
  let carry = 0;
  for (let i = 0; i < 4; i++) {
    const sum = (words[i]! >>> 0) + (word(key, 16 + 4 * i) >>> 0) + carry;
    out.writeInt32LE(sum | 0, 4 * i);
    carry = sum >= 2 ** 32 ? 1 : 0;
  }
  return out;
}

type Six = [number, number, number, number, number, number];
/** Bits of the last limb that are below 2^130. */
const TOP_BITS = 20;
const TOP_MASK = (1 << TOP_BITS) - 1;

/** `more` is added, and each limb keeps its 22 bits. Answers what is above the last. */
function carried(limbs: number[], more: number): number {
  let carry = more;
  for (let i = 0; i < LIMBS; i++) {
    const sum = limbs[i]! + carry;
    limbs[i] = sum & MASK;
    carry = sum >>> 22;
  }
  return carry;
}
