// SPDX-License-Identifier: Apache-2.0

/**
 * What the seal keeps in state_dir/seal.state: how far the tree over delivered leaves goes, and what the collector said of
 * it. JSON in a slot file, so it is whole whatever crashes, and can be written on a full disk.
 */
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import type { Disk } from '../journal/disk.ts';
import { SlotFile } from '../journal/slot-file.ts';
import { EMPTY_TREE, type TreePoint } from './delivered-tree.ts';

export interface SealState {
  readonly tree: TreePoint;
  /** The newest checkpoint that the collector cosigned, with all signatures; empty before the first. */
  readonly cosigned: string;
  /** The line of the collector's key, as it was first seen or as the operator gave it; empty before. */
  readonly collectorKey: string;
  /** Of the agent's key that wrote this. */
  readonly keyId: string;
  /** Up to where the mark of the journal surely went by then; 0 before there was one. */
  readonly markedSeq: number;
}

export const NO_STATE: SealState = { tree: EMPTY_TREE, cosigned: '', collectorKey: '', keyId: '', markedSeq: 0 };

/** A note with a dozen witnesses has 3 KiB; a receipt of the collector is not larger than 64 KiB. */
const SLOT_BYTES = 128 * 1024;
const VERSION = 1;

export type FoundState =
  | { readonly kind: 'found'; readonly state: SealState }
  | { readonly kind: 'none' | 'damaged' | 'foreign' };

export class SealStateFile {
  readonly #slots: SlotFile;
  readonly #agentId: string;
  readonly found: FoundState;

  private constructor(slots: SlotFile, agentId: string) {
    this.#slots = slots;
    this.#agentId = agentId;
    this.found = slots.found.kind === 'content' ? readState(slots.found.content, agentId) : slots.found;
  }

  /** Errors: those of the disk. */
  static async open(disk: Disk, path: string, agentId: string): Promise<SealStateFile> {
    return new SealStateFile(await SlotFile.open(disk, path, SLOT_BYTES), agentId);
  }

  /** On stable storage when it resolves. Errors: those of the disk; what was there before holds then. */
  write({ tree, cosigned, collectorKey, keyId, markedSeq }: SealState): Promise<void> {
    const text = JSON.stringify({
      version: VERSION,
      agent_id: this.#agentId,
      key_id: keyId,
      size: tree.size,
      subtrees: tree.subtrees.map((one) => one.toString('base64')),
      cosigned,
      collector_key: collectorKey,
      marked_seq: markedSeq,
    });
    return this.#slots.write(Buffer.from(text));
  }

  close(): Promise<void> {
    return this.#slots.close();
  }
}

function readState(content: Buffer, agentId: string): FoundState {
  try {
    const stored = JSON.parse(content.toString('utf8')) as Record<string, unknown>;
    const { version, size, subtrees, cosigned, collector_key: collectorKey, key_id: keyId } = stored;
    if (version !== VERSION) return { kind: 'foreign' };
    if (stored['agent_id'] !== agentId) return { kind: 'foreign' };
    const texts = [cosigned, collectorKey, keyId];
    if (!texts.every((text) => typeof text === 'string') || !Array.isArray(subtrees)) return { kind: 'damaged' };
    const tree = { size: Number(size), subtrees: subtrees.map((one) => Buffer.from(String(one), 'base64')) };
    MerkleFrontier.at(tree.size, tree.subtrees);
    const [note, line, id] = texts as string[];
    const marked = stored['marked_seq'];
    const markedSeq = Number.isSafeInteger(marked) ? (marked as number) : 0;
    return { kind: 'found', state: { tree, cosigned: note!, collectorKey: line!, keyId: id!, markedSeq } };
  } catch {
    // Its checksum was right, so it was written so, and not by this version.
    return { kind: 'damaged' };
  }
}
