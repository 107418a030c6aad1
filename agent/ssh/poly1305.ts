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

/**
 * The tag of 16 bytes of `bytes` under a key of 32.
 *
 * Errors   none; sizes are the caller's
 */
export function poly1305(key: Uint8Array, bytes: Uint8Array): Buffer {
  const clamped = Uint8Array.from(key.subarray(0, 16));
  for (const i of [3, 7, 11, 15]) clamped[i] = (clamped[i] as number) & 0x0f;
  for (const i of [4, 8, 12]) clamped[i] = (clamped[i] as number) & 0xfc;
  const r = new Float64Array(LIMBS);
  addBlock(r, clamped, 0, 16, 0);
  clamped.fill(0);
  const h = new Float64Array(LIMBS);
  const product = new Float64Array(LIMBS);
  for (let at = 0; at < bytes.length; at += 16) {
    const count = Math.min(16, bytes.length - at);
    addBlock(h, bytes, at, count, 1);
    multiply(h, r, product);
  }
  let sum = 0n;
  for (let i = LIMBS - 1; i >= 0; i--) sum = (sum << 22n) + BigInt(h[i] as number);
  const pad = Buffer.from(key.buffer, key.byteOffset + 16, 16);
  const tag = (sum % PRIME) + pad.readBigUInt64LE(0) + (pad.readBigUInt64LE(8) << 64n);
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(BigInt.asUintN(64, tag), 0);
  out.writeBigUInt64LE(BigInt.asUintN(64, tag >> 64n), 8);
  r.fill(0);
  return out;
}

const PRIME = (1n << 130n) - 5n;

/** Adds `count` bytes, little-endian, and `top` above them, limb by limb. */
function addBlock(to: Float64Array, bytes: Uint8Array, at: number, count: number, top: number): void {
  let held = 0;
  let heldBits = 0;
  let limb = 0;
  for (let i = 0; i <= count; i++) {
    const byte = i < count ? (bytes[at + i] as number) : top;
    held += byte * 2 ** heldBits;
    heldBits += 8;
    if (heldBits < 22) continue;
    to[limb] = (to[limb] as number) + (held % LIMB);
    limb++;
    held = Math.floor(held / LIMB);
    heldBits -= 22;
  }
  if (limb < LIMBS) to[limb] = (to[limb] as number) + held;
}

/** h = h · r, with limbs brought back under 2^22 or just above. */
function multiply(h: Float64Array, r: Float64Array, product: Float64Array): void {
  for (let i = 0; i < LIMBS; i++) {
    let sum = 0;
    for (let j = 0; j < LIMBS; j++) {
      const other = i - j;
      sum += (h[j] as number) * (other >= 0 ? (r[other] as number) : FOLD * (r[other + LIMBS] as number));
    }
    product[i] = sum;
  }
  let carry = 0;
  for (let i = 0; i < LIMBS; i++) {
    const value = (product[i] as number) + carry;
    carry = Math.floor(value / LIMB);
    h[i] = value - carry * LIMB;
  }
  const low = (h[0] as number) + FOLD * carry;
  const over = Math.floor(low / LIMB);
  h[0] = low - over * LIMB;
  h[1] = (h[1] as number) + over;
}
