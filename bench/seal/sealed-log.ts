// SPDX-License-Identifier: Apache-2.0

/** A log as an agent delivers it: activities sealed by the agent's own code, in batches, with signed checkpoints. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { Sealer } from '../../agent/journal/sealer.ts';
import { CHAIN_BYTES } from '../../agent/journal/segment-format.ts';
import type { Activity } from '../../agent/model/activity.ts';
import { DeliveredTree, EMPTY_TREE } from '../../agent/seal/delivered-tree.ts';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { leafTable } from '../../proto/leaf-table.ts';
import { formatCheckpoint } from '../../proto/log/checkpoint.ts';
import { createVerifier, formatNote, formatVerifier, signText } from '../../proto/log/note.ts';
import { sworn } from '../../proto/record.ts';

/** Of a length in front of an entry. */
const LENGTH_BYTES_MAX = 4;

export class SealedLog {
  readonly #name: string;
  readonly #privateKey = generateKeyPairSync('ed25519').privateKey;
  readonly #sealer: Sealer;
  readonly #tree: DeliveredTree;
  #seq = 0;

  constructor(agentId: string, host: string) {
    const addon = loadAddon();
    this.#name = `sworn/${agentId}`;
    const writer = new addon.LeafWriter(leafTable(), agentId, host);
    this.#sealer = new Sealer(agentId, host, Buffer.alloc(CHAIN_BYTES), writer);
    this.#tree = new DeliveredTree(EMPTY_TREE, addon.appendLeaves);
  }

  get keyLine(): string {
    return formatVerifier(createVerifier(this.#name, createPublicKey(this.#privateKey)));
  }

  /** A Delivery with the next so many. */
  batch(count: number): Buffer {
    const firstSeq = this.#seq + 1;
    const parts: Buffer[] = [];
    for (let at = 0; at < count; at += 1) {
      this.#seq += 1;
      const bytes = this.#sealer.seal(makeActivity(this.#seq) as unknown as Activity, this.#seq);
      const head = lengthOf(bytes);
      const entry = Buffer.allocUnsafe(head.length + bytes);
      head.copy(entry);
      this.#sealer.copyInto(entry, head.length);
      this.#sealer.accept();
      parts.push(entry);
    }
    const bytes = Buffer.concat(parts);
    this.#tree.append({ firstSeq, count, bytes });
    this.#tree.acknowledge(this.#seq);
    const batch = { firstSeq, count, activitiesZstd: zstdCompressSync(bytes), uncompressedBytes: bytes.length };
    return Buffer.from(sworn.v1.Delivery.encode({ batch }).finish());
  }

  /** A Delivery with a checkpoint of all that came before. */
  checkpoint(): Buffer {
    const text = formatCheckpoint({ origin: this.#name, size: this.#seq, root: this.#tree.root, extensions: [] });
    const note = formatNote({ text, signatures: [signText(text, this.#name, this.#privateKey)] });
    return Buffer.from(sworn.v1.Delivery.encode({ checkpoint: { note } }).finish());
  }
}

function lengthOf(bytes: number): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES_MAX);
  let at = 0;
  for (let rest = bytes; ; rest = Math.floor(rest / 128)) {
    head[at++] = rest > 127 ? (rest & 127) | 128 : rest;
    if (rest <= 127) return head.subarray(0, at);
  }
}
