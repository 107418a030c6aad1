// SPDX-License-Identifier: Apache-2.0

/**
 * Opens packets of one direction under one key, in order.
 *
 * Shape    length u32 · padding length u8 · payload · padding · tag; a body is what is between length and tag
 * Errors   an answer each: nothing throws, whatever the bytes are
 * Source   RFC 4253, section 6; RFC 5647; OpenSSH's PROTOCOL.chacha20poly1305
 */
import { createCipheriv, createDecipheriv, type Decipheriv, timingSafeEqual } from 'node:crypto';
import type { CipherSpec, PacketSpec } from './algorithms.ts';
import { ChachaPlaces } from './chacha-places.ts';
import { CHACHA_BLOCK_BYTES, Chacha20 } from './chacha20.ts';
import { CtrPlaces, ivAfter } from './ctr-places.ts';
import { ivOf } from './gcm-iv.ts';
import { packetBytesOf } from './packet-bytes.ts';
import { poly1305 } from './poly1305.ts';
import { PacketSeeker } from './resync.ts';
import { countUp, SmallGcm } from './small-gcm.ts';

export interface PacketCipher {
  /** Bytes of a packet that tell its length. */
  readonly headBytes: number;
  /** Of the whole packet from these first `headBytes` of it, length field and tag included; undefined when it cannot be one. */
  packetBytes(head: Buffer, sequence: number): number | undefined;
  /** The body of the whole packet; undefined when it is not what was sent. */
  open(packet: Buffer, sequence: number): Buffer | undefined;
  /**
   * Bytes of the packet at hand, the `sequence`th, are missing: what finds the next one, and has the key from then on. Left out:
   * nothing can.
   */
  seeker?(sequence: number): PacketSeeker<PacketCipher>;
  /** Fills the key with zeros. */
  end(): void;
}

export function plainCipher(): PacketCipher {
  return {
    headBytes: 4,
    packetBytes: (head) => packetBytesOf(head.readUInt32BE(0), 0, 1, 0),
    open: (packet) => packet.subarray(4),
    end: () => undefined,
  };
}

/** `key` and `iv` are copied. Undefined when they do not fit. */
export function packetCipher(spec: PacketSpec, key: Buffer, iv: Buffer): PacketCipher | undefined {
  const { cipher } = spec;
  if (key.length !== cipher.keyBytes) return undefined;
  if (cipher.kind === 'gcm') return new GcmCipher(cipher, key, iv);
  if (cipher.kind === 'chacha') return new ChachaCipher(key);
  if (iv.length !== cipher.blockBytes) return undefined;
  return cipher.kind === 'ctr' ? new CtrCipher(spec, key, iv) : new StreamCipher(spec, key, iv);
}

/** CTR and CBC: one keystream, or chain, over all packets. Whether a packet is what was sent is seen by what it says only. */
class StreamCipher implements PacketCipher {
  readonly headBytes: number;
  readonly #spec: PacketSpec;
  readonly #decipher: Decipheriv;
  /** The first block of the present packet, where the length is encrypted with the rest. */
  #first: Buffer | undefined;

  constructor(spec: PacketSpec, key: Buffer, iv: Buffer) {
    this.#spec = spec;
    this.headBytes = spec.isLengthClear ? 4 : spec.cipher.blockBytes;
    this.#decipher = createDecipheriv(spec.cipher.name, key, iv).setAutoPadding(false);
  }

  packetBytes(head: Buffer): number | undefined {
    const { tagBytes, isLengthClear, cipher } = this.#spec;
    if (isLengthClear) return packetBytesOf(head.readUInt32BE(0), tagBytes, cipher.blockBytes, 4);
    this.#first ??= this.#decipher.update(head.subarray(0, cipher.blockBytes));
    return packetBytesOf(this.#first.readUInt32BE(0), tagBytes, cipher.blockBytes, 0);
  }

  open(packet: Buffer): Buffer {
    const { tagBytes, isLengthClear, cipher } = this.#spec;
    const end = packet.length - tagBytes;
    if (isLengthClear) return this.#decipher.update(packet.subarray(4, end));
    const first = this.#first as Buffer;
    this.#first = undefined;
    return Buffer.concat([first.subarray(4), this.#decipher.update(packet.subarray(cipher.blockBytes, end))]);
  }

  end(): void {
    // The key was given to the runtime's cipher, which zeroes it when it goes.
    this.#first?.fill(0);
  }
}

/** Its keystream can be begun anywhere. */
class CtrCipher extends StreamCipher {
  readonly #spec: PacketSpec;
  readonly #key: Buffer;
  /** Of the packet at hand. */
  #iv: Buffer;

  constructor(spec: PacketSpec, key: Buffer, iv: Buffer) {
    super(spec, key, iv);
    this.#spec = spec;
    this.#key = Buffer.from(key);
    this.#iv = Buffer.from(iv);
  }

  override open(packet: Buffer): Buffer {
    const { tagBytes, isLengthClear, cipher } = this.#spec;
    this.#blocks += (packet.length - tagBytes - (isLengthClear ? 4 : 0)) / cipher.blockBytes;
    return super.open(packet);
  }
  #blocks = 0;

  seeker(): PacketSeeker<PacketCipher> {
    const iv = ivAfter(this.#iv, this.#blocks);
    const key = Buffer.from(this.#key);
    const cipherAt = (blocks: number) => new CtrCipher(this.#spec, key, ivAfter(iv, blocks));
    return new PacketSeeker(new CtrPlaces(this.#spec, key, iv, cipherAt));
  }

  override end(): void {
    super.end();
    this.#key.fill(0);
    this.#iv.fill(0);
  }
}

/** Length in clear; each packet under the next nonce, which its tag also tells: see `gcm-iv.ts`. */
class GcmCipher implements PacketCipher {
  readonly headBytes = 4;
  readonly #name: string;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #small: SmallGcm;
  #isIvKnown: boolean;

  constructor({ name }: CipherSpec, key: Buffer, iv: Buffer) {
    this.#name = name;
    this.#key = Buffer.from(key);
    this.#small = new SmallGcm(name, key);
    this.#iv = Buffer.alloc(12);
    iv.copy(this.#iv);
    this.#isIvKnown = iv.length === 12;
  }

  packetBytes(head: Buffer): number | undefined {
    return packetBytesOf(head.readUInt32BE(0), 16, 16, 4);
  }

  open(packet: Buffer): Buffer | undefined {
    if (this.#isIvKnown && this.#small.takes(packet)) {
      const body = this.#small.open(packet, this.#iv);
      if (body !== undefined) {
        countUp(this.#iv);
        return body;
      }
    }
    const aad = packet.subarray(0, 4);
    const sealed = packet.subarray(4, -16);
    const tag = packet.subarray(-16);
    const body = this.#isIvKnown && !this.#small.takes(packet) ? this.#tryIv(aad, sealed, tag) : undefined;
    if (body !== undefined) return body;
    const found = ivOf(this.#name, this.#key, aad, sealed, tag);
    if (found === undefined) return undefined;
    // Within a connection the first four bytes never change, and the rest only counts.
    if (this.#isIvKnown && !this.#isLater(found)) return undefined;
    found.copy(this.#iv);
    this.#isIvKnown = true;
    return this.#tryIv(aad, sealed, tag);
  }

  end(): void {
    this.#key.fill(0);
    this.#iv.fill(0);
    this.#small.end();
  }

  #tryIv(aad: Buffer, sealed: Buffer, tag: Buffer): Buffer | undefined {
    try {
      const decipher = createDecipheriv(this.#name as 'aes-256-gcm', this.#key, this.#iv, { authTagLength: 16 });
      decipher.setAAD(aad).setAuthTag(tag);
      const body = decipher.update(sealed);
      decipher.final();
      countUp(this.#iv);
      return body;
    } catch {
      return undefined;
    }
  }

  #isLater(found: Buffer): boolean {
    if (!found.subarray(0, 4).equals(this.#iv.subarray(0, 4))) return false;
    const ahead = BigInt.asUintN(64, found.readBigUInt64BE(4) - this.#iv.readBigUInt64BE(4));
    return ahead < 1n << 32n;
  }
}

/** Two keystreams by the packet's number: one for the length, one for the body and, before it, the key of the tag. */
class ChachaCipher implements PacketCipher {
  readonly headBytes = 4;
  readonly #key: Buffer;
  /** The first half of the key. */
  readonly #content: Buffer;
  readonly #small: Chacha20;
  readonly #length: Chacha20;

  constructor(key: Buffer) {
    this.#key = Buffer.from(key);
    this.#content = this.#key.subarray(0, 32);
    this.#small = new Chacha20(this.#content);
    this.#length = new Chacha20(key.subarray(32, 64));
  }

  packetBytes(head: Buffer, sequence: number): number | undefined {
    const length = this.#length.crypt(head.subarray(0, 4), 0, sequence).readUInt32BE(0);
    return packetBytesOf(length, 16, 8, 4);
  }

  open(packet: Buffer, sequence: number): Buffer | undefined {
    const tagKey = this.#small.crypt(NO_BYTES_32, 0, sequence);
    const tag = poly1305(tagKey, packet.subarray(0, -16));
    tagKey.fill(0);
    if (!timingSafeEqual(tag, packet.subarray(-16))) return undefined;
    const sealed = packet.subarray(4, -16);
    if (sealed.length <= CHACHA_SMALL_BYTES) return this.#small.crypt(sealed, 1, sequence);
    return chacha(this.#content, 1, sequence, sealed);
  }

  seeker(sequence: number): PacketSeeker<PacketCipher> {
    const own = new ChachaCipher(this.#key);
    const parts = {
      lengthWord: (number: number) => own.#length.crypt(NO_BYTES_4, 0, number).readUInt32BE(0),
      body: (number: number, head: Buffer) => own.#small.crypt(head, 1, number),
      isWhole: (number: number, packet: Buffer) => own.open(packet, number) !== undefined,
      cipher: () => new ChachaCipher(own.#key),
      end: () => own.end(),
    };
    return new PacketSeeker(new ChachaPlaces(parts, sequence));
  }

  end(): void {
    this.#key.fill(0);
    this.#small.end();
    this.#length.end();
  }
}

/** Of more, the runtime's cipher makes up for its setting up. */
const CHACHA_SMALL_BYTES = 4 * CHACHA_BLOCK_BYTES;
const NO_BYTES_4 = Buffer.alloc(4);
const NO_BYTES_32 = Buffer.alloc(32);

function chacha(key: Buffer, counter: number, sequence: number, bytes: Buffer): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32LE(counter, 0);
  iv.writeUInt32BE(sequence, 12);
  return createCipheriv('chacha20', key, iv).update(bytes);
}
