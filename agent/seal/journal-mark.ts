// SPDX-License-Identifier: Apache-2.0

/**
 * The signed mark of the journal: a checkpoint whose size is the last entry on stable storage and whose root is the value of
 * the hash chain there, under the name `sworn-journal/<agent id>`. It is written after the entries that it names, so no crash
 * leaves a journal that ends before its mark. Who can write files and has not the key can cut or rewrite the journal, and
 * cannot make a mark that says so.
 *
 * Source   C2SP signed-note, tlog-checkpoint
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { formatCheckpoint, parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { createVerifier, formatNote, openNote, parseNote, signText } from '../../proto/log/note.ts';
import type { Disk } from '../journal/disk.ts';
import type { JournalPoint } from '../journal/journal-options.ts';
import { SlotFile } from '../journal/slot-file.ts';

/** An agent id has at most 206 bytes and stands in it twice. */
const SLOT_BYTES = 2048;

export type FoundMark =
  | { readonly kind: 'found'; readonly point: JournalPoint }
  | { readonly kind: 'none' }
  /** It is not what this agent wrote under its key. */
  | { readonly kind: 'unproven'; readonly why: string };

export class JournalMark {
  readonly #slots: SlotFile;
  readonly #privateKey: KeyObject;
  readonly #name: string;
  #written: JournalPoint | undefined;
  /** What was there when it was opened. */
  readonly found: FoundMark;

  private constructor(slots: SlotFile, agentId: string, privateKey: KeyObject) {
    this.#slots = slots;
    this.#privateKey = privateKey;
    this.#name = `sworn-journal/${agentId}`;
    this.found = this.#read();
  }

  /** Errors: those of the disk; NoteError for an agent id that can name no key. */
  static async open(disk: Disk, path: string, agentId: string, privateKey: KeyObject): Promise<JournalMark> {
    const slots = await SlotFile.open(disk, path, SLOT_BYTES);
    return new JournalMark(slots, agentId, privateKey);
  }

  /** `point` must be on stable storage already. Errors: those of the disk; the mark before holds then. */
  async write(point: JournalPoint): Promise<void> {
    if (point.seq === 0 || point.seq === this.#written?.seq) return;
    const text = formatCheckpoint({ origin: this.#name, size: point.seq, root: point.chain, extensions: [] });
    const note = formatNote({ text, signatures: [signText(text, this.#name, this.#privateKey)] });
    await this.#slots.write(Buffer.from(note));
    this.#written = point;
  }

  /** The entry that the mark on stable storage names; 0 when there is none that is proven. */
  get seq(): number {
    return this.#written?.seq ?? (this.found.kind === 'found' ? this.found.point.seq : 0);
  }

  close(): Promise<void> {
    return this.#slots.close();
  }

  #read(): FoundMark {
    const { found } = this.#slots;
    if (found.kind === 'none') return found;
    if (found.kind === 'damaged') return { kind: 'unproven', why: 'no slot of it is whole' };
    const verifier = createVerifier(this.#name, createPublicKey(this.#privateKey));
    try {
      const note = parseNote(found.content);
      if (openNote(note, [verifier]).length === 0) return { kind: 'unproven', why: 'it is signed by another key' };
      const { origin, size, root } = parseCheckpoint(note.text);
      if (origin !== this.#name) return { kind: 'unproven', why: 'it is of something else' };
      return { kind: 'found', point: { seq: size, chain: root } };
    } catch (cause) {
      return { kind: 'unproven', why: (cause as Error).message };
    }
  }
}
