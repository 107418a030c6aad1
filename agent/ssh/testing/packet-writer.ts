// SPDX-License-Identifier: Apache-2.0

/**
 * The other half of the layer: makes packets, with all ciphers, MACs and compressions, so that what comes out of the layer can
 * be held against what went in. MACs are random bytes, since the layer has no keys for them.
 */
import { type Cipheriv, createCipheriv, randomBytes } from 'node:crypto';
import { constants, deflateSync } from 'node:zlib';
import type { SshCipherKey } from '../../model/ssh-key.ts';
import type { DirectionAlgorithms } from '../../protocol/ssh/kex-init.ts';
import { type PacketSpec, packetSpecOf } from '../algorithms.ts';
import { poly1305 } from '../poly1305.ts';

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0, 0);
  return bytes;
}

/** A string of SSH: its length and its bytes. */
export function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([u32(bytes.length), bytes]);
}

export function message(number: number, ...parts: readonly (Uint8Array | number | boolean | string)[]): Buffer {
  const pieces = parts.map((part) => {
    if (typeof part === 'number') return u32(part);
    if (typeof part === 'boolean') return Buffer.from([part ? 1 : 0]);
    return typeof part === 'string' ? text(part) : part;
  });
  return Buffer.concat([Buffer.from([number]), ...pieces]);
}

/** A message as the layer gives it out. */
export function frame(bytes: Uint8Array | string): Buffer {
  return text(bytes);
}

export function kexInit(algorithms: DirectionAlgorithms, strict?: 'c' | 's'): Buffer {
  const kex = `curve25519-sha256${strict === undefined ? '' : `,kex-strict-${strict}-v00@openssh.com`}`;
  const { cipher, mac, compression } = algorithms;
  const lists = [kex, 'ssh-ed25519', cipher, cipher, mac, mac, compression, compression, '', ''];
  return message(20, randomBytes(16), ...lists, false, 0);
}

/** Packets of one side. */
export class PacketWriter {
  #sequence = 0;
  #spec: PacketSpec | undefined;
  #key: SshCipherKey | undefined;
  #stream: Cipheriv | undefined;
  #deflated: { plain: Buffer; sentBytes: number } | undefined;

  packet(payload: Uint8Array): Buffer {
    const sent = this.#deflated === undefined ? Buffer.from(payload) : this.#deflate(payload);
    const spec = this.#spec;
    const block = Math.max(8, spec?.cipher.blockBytes ?? 8);
    const uncounted = spec?.isLengthClear === true || spec?.cipher.kind === 'chacha' ? 4 : 0;
    let padding = block - ((5 + sent.length - uncounted) % block);
    if (padding < 4) padding += block;
    const body = Buffer.concat([Buffer.from([padding]), sent, Buffer.alloc(padding)]);
    const packet = this.#seal(u32(body.length), body);
    this.#sequence = (this.#sequence + 1) >>> 0;
    return packet;
  }

  /** From here on with new keys; returns what a probe would see. `strict`: numbers start anew. */
  newKeys(algorithms: DirectionAlgorithms, strict = false, compressed = false): SshCipherKey {
    const spec = packetSpecOf(algorithms) as PacketSpec;
    const { kind, keyBytes, blockBytes } = spec.cipher;
    const hint = { ctr: 'aes-ctr', cbc: 'aes-cbc', gcm: 'aes-gcm', chacha: 'chacha20', none: 'unknown' } as const;
    const ivBytes = kind === 'gcm' ? 12 : kind === 'chacha' ? 0 : blockBytes;
    this.#spec = spec;
    this.#key = { cipher: hint[kind], key: randomBytes(keyBytes), iv: randomBytes(ivBytes), encrypts: undefined };
    const { key, iv } = this.#key;
    this.#stream =
      kind === 'ctr' || kind === 'cbc' ? createCipheriv(spec.cipher.name, key, iv).setAutoPadding(false) : undefined;
    if (strict) this.#sequence = 0;
    this.#deflated = compressed ? { plain: Buffer.alloc(0), sentBytes: 0 } : undefined;
    return { ...this.#key, key: Buffer.from(key), iv: Buffer.from(iv) };
  }

  compress(): void {
    this.#deflated = { plain: Buffer.alloc(0), sentBytes: 0 };
  }

  /** One stream over all packets: made again from the start, and cut where the packet begins. */
  #deflate(payload: Uint8Array): Buffer {
    const state = this.#deflated as { plain: Buffer; sentBytes: number };
    state.plain = Buffer.concat([state.plain, payload]);
    // Each payload ends with a flush of its own, so what was sent before stays a head of the stream.
    const whole = deflateInPieces(this.#pieces.concat([Buffer.from(payload)]));
    this.#pieces.push(Buffer.from(payload));
    const part = whole.subarray(state.sentBytes);
    state.sentBytes = whole.length;
    return part;
  }
  readonly #pieces: Buffer[] = [];

  #seal(length: Buffer, body: Buffer): Buffer {
    const spec = this.#spec;
    if (spec === undefined || spec.cipher.kind === 'none') return Buffer.concat([length, body]);
    const { key, iv } = this.#key as SshCipherKey;
    if (spec.cipher.kind === 'gcm') {
      const cipher = createCipheriv(spec.cipher.name as 'aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(length);
      const sealed = Buffer.concat([cipher.update(body), cipher.final()]);
      iv.writeBigUInt64BE(BigInt.asUintN(64, iv.readBigUInt64BE(4) + 1n), 4);
      return Buffer.concat([length, sealed, cipher.getAuthTag()]);
    }
    if (spec.cipher.kind === 'chacha') {
      const nonce = (counter: number) => Buffer.concat([Buffer.from([counter]), Buffer.alloc(11), u32(this.#sequence)]);
      const run = (part: Buffer, counter: number, bytes: Buffer) =>
        createCipheriv('chacha20', part, nonce(counter)).update(bytes);
      const sealed = Buffer.concat([run(key.subarray(32), 0, length), run(key.subarray(0, 32), 1, body)]);
      return Buffer.concat([sealed, poly1305(run(key.subarray(0, 32), 0, Buffer.alloc(32)), sealed)]);
    }
    const stream = this.#stream as Cipheriv;
    const mac = randomBytes(spec.tagBytes);
    if (spec.isLengthClear) return Buffer.concat([length, stream.update(body), mac]);
    return Buffer.concat([stream.update(Buffer.concat([length, body])), mac]);
  }
}

/** Blocks of one piece each, without a final one: stored ones of a real stream where pieces do not repeat what was before. */
function deflateInPieces(pieces: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let before: Buffer = Buffer.alloc(0);
  for (const [index, piece] of pieces.entries()) {
    const dictionary = before.subarray(-32768);
    const options = { finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary.length > 0 && { dictionary }) };
    const part = deflateSync(piece, options);
    // A dictionary makes a head of six bytes; within one stream what came before is that dictionary.
    parts.push(index === 0 ? part : part.subarray(6));
    before = Buffer.concat([before, piece]);
  }
  return Buffer.concat(parts);
}
