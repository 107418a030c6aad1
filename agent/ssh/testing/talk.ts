// SPDX-License-Identifier: Apache-2.0

/** A connection written packet by packet, and the layer that reads it. */
import assert from 'node:assert/strict';
import type { SshCipherKey } from '../../model/ssh-key.ts';
import type { Side } from '../../protocol/decoder.ts';
import type { DirectionAlgorithms } from '../../protocol/ssh/kex-init.ts';
import { SshKeyPool } from '../key-pool.ts';
import { SshLayer } from '../ssh-layer.ts';
import { kexInit, message, PacketWriter } from './packet-writer.ts';

export const SIDES = ['client', 'server'] as const;

export interface Said {
  readonly from: Side;
  readonly wire: Buffer;
  /** Its message; undefined of lines and of what is not given out. */
  readonly payload: Buffer;
}

/** Builds both sides of a connection. */
export class Talk {
  readonly said: Said[] = [];
  readonly keys: SshCipherKey[] = [];
  readonly writers = { client: new PacketWriter(), server: new PacketWriter() };
  readonly #strict: boolean;

  constructor(strict = true) {
    this.#strict = strict;
    this.line('client', 'SSH-2.0-OpenSSH_9.2');
    this.line('server', 'SSH-2.0-OpenSSH_9.9');
  }

  line(from: Side, line: string): void {
    this.said.push({ from, wire: Buffer.from(`${line}\r\n`), payload: Buffer.from(line) });
  }

  say(from: Side, payload: Buffer): this {
    this.said.push({ from, wire: this.writers[from].packet(payload), payload });
    return this;
  }

  /** An exchange of keys in either direction, as far as the layer sees it. */
  exchangeKeys(algorithms: DirectionAlgorithms): this {
    this.say('client', kexInit(algorithms, this.#strict ? 'c' : undefined));
    this.say('server', kexInit(algorithms, this.#strict ? 's' : undefined));
    this.say('client', message(30, Buffer.alloc(36, 1)));
    const hostKey = message(0, 'ssh-ed25519', 'k'.repeat(32)).subarray(1);
    this.say('server', message(31, hostKey.toString('latin1'), 'q'.repeat(32), 's'.repeat(83)));
    for (const side of SIDES) {
      this.say(side, message(21));
      this.keys.push(this.writers[side].newKeys(algorithms, this.#strict, algorithms.compression === 'zlib'));
    }
    return this;
  }
}

export class WatchedLayer {
  readonly pool = new SshKeyPool();
  readonly layer: SshLayer;
  readonly out: Record<Side, Buffer[]> = { client: [], server: [] };
  readonly order: Side[] = [];
  readonly gaps: Record<Side, number> = { client: 0, server: 0 };
  readonly unreadable: Record<string, number> = {};
  readonly #pushed: Record<Side, number> = { client: 0, server: 0 };

  constructor(keys: readonly SshCipherKey[] = [], late = false) {
    for (const key of keys) this.add(key);
    this.layer = new SshLayer(
      {
        data: (from, bytes) => {
          this.out[from].push(Buffer.from(bytes.subarray(4)));
          assert.equal(Buffer.from(bytes).readUInt32BE(0), bytes.length - 4);
          this.order.push(from);
        },
        gap: (from, bytes) => {
          this.gaps[from] += bytes;
        },
        unreadable: (from, reason, bytes) => {
          this.unreadable[`${from} ${reason}`] = (this.unreadable[`${from} ${reason}`] ?? 0) + bytes;
        },
      },
      this.pool.storeFor(() => [1]),
      { late, waitBytesMax: 64 * 1024 },
    );
  }

  add({ cipher, key, iv, encrypts }: SshCipherKey): void {
    this.pool.add({ cipher, key: Buffer.from(key), iv: Buffer.from(iv), encrypts }, 1, 1);
  }

  push(from: Side, bytes: Uint8Array, at = 1): void {
    this.#pushed[from] += bytes.length;
    const chunk = Buffer.from(bytes);
    this.layer.push(from, chunk, at);
    chunk.fill(0xa5);
    this.check();
  }

  /** Every byte is in one count, always. */
  check(): void {
    for (const side of SIDES) {
      const { framing, plaintext, unreadable, waiting } = this.layer.counts(side);
      assert.equal(framing + plaintext + unreadable + waiting, this.#pushed[side], `bytes of the ${side}`);
    }
  }

  end(): void {
    this.layer.end(9);
    this.check();
    for (const side of SIDES) assert.equal(this.layer.counts(side).waiting, 0);
    assert.equal(this.layer.heldBytes, 0);
  }
}
