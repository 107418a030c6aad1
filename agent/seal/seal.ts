// SPDX-License-Identifier: Apache-2.0

/**
 * The agent's side of the sealed record: keeps the tree over what is delivered, signs checkpoints of it, and holds the
 * collector to what it cosigned. One per agent; a delivery stream calls it in the order of what it sends and receives.
 *
 * It deliberately does not read the journal, nor know of connections.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { formatCheckpoint, parseCheckpoint } from '../../proto/log/checkpoint.ts';
import {
  createVerifier,
  formatNote,
  formatVerifier,
  type GoodSignature,
  type NoteVerifier,
  openNote,
  parseNote,
  parseVerifier,
  signText,
} from '../../proto/log/note.ts';
import { type AppendLeaves, DeliveredTree, EMPTY_TREE, type LeafBatch, rootAt } from './delivered-tree.ts';
import { NO_STATE, type SealState, type SealStateFile } from './seal-state.ts';

export interface SealOptions {
  readonly agentId: string;
  readonly privateKey: KeyObject;
  readonly file: SealStateFile;
  readonly journal: HeldRecord;
  /** A checkpoint is made when something is new and so much time passed, or so many activities came. */
  readonly checkpointMs: number;
  readonly checkpointActivities?: number;
  /** The line of the only collector's key that is accepted; left out, the first one that is seen. */
  readonly collectorKey?: string | undefined;
  readonly append?: AppendLeaves | undefined;
  readonly nowMs?: () => number;
  /** Up to where the mark of the journal is on stable storage; 0 while there is none. */
  readonly markedSeq?: () => number;
  /** Something that belongs into the record. */
  readonly tell?: (report: SealReport) => void;
  /** Writing the state began to fail, or works again (null). */
  readonly onTrouble?: (trouble: Error | null) => void;
}

/** What the journal says of itself, at each time that it is asked. */
export interface HeldRecord {
  /** Its lowest entry, 0 when it holds none. */
  readonly firstSeq: number;
  /** The highest number that it ever gave. */
  readonly durableSeq: number;
  /** The highest that it knows to be delivered. */
  readonly deliveredSeq: number;
}

export interface SealReport {
  readonly kind: 'seal_state_lost' | 'seal_adopted' | 'seal_key_changed';
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface SealStatus {
  /** The line of this agent's key, for `sworn verify --key`. */
  readonly key: string;
  /** Of what is stored by the collector; null when the tree is not known. */
  readonly tree_size: number | null;
  readonly cosigned: { readonly size: number; readonly time: string; readonly witnesses: readonly string[] } | null;
  readonly collector_key: string;
  readonly trouble: 'seal_state_lost' | 'seal_write' | null;
}

/** What the collector said does not fit what it said before. */
export class SealRefusal extends Error {
  override readonly name = 'SealRefusal';
  readonly code: 'delivery_collector_key' | 'delivery_cosignature';

  constructor(code: SealRefusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const CHECKPOINT_ACTIVITIES = 100_000;
/** Checkpoints that wait for their cosignature. */
const OUTSTANDING_MAX = 64;
/** What of a note is kept; a collector with a dozen witnesses has 3 KiB. */
const NOTE_CHARACTERS_MAX = 48 * 1024;

interface Cosigned {
  readonly size: number;
  readonly note: string;
  readonly timeS: number;
  readonly witnesses: readonly string[];
}

export class Seal {
  readonly #options: Required<Pick<SealOptions, 'checkpointMs' | 'checkpointActivities' | 'nowMs'>> & SealOptions;
  readonly #name: string;
  readonly #verifier: NoteVerifier;
  #tree: DeliveredTree | undefined;
  #collector: NoteVerifier | undefined;
  #cosigned: Cosigned | undefined;
  /** The collector of this stream cosigns. */
  #isSealing = false;
  /** Of the newest checkpoint of this stream. */
  #checkpointSize = 0;
  #checkpointAtMs = 0;
  /** Texts of checkpoints on their way, by size. */
  readonly #outstanding = new Map<number, string>();
  #persistedSize: number;
  #persistAtMs: number;
  #persisting: Promise<void> | undefined;
  #persistAgain = false;
  #trouble: Error | null = null;
  /** The state on disk goes further: segments may be forgotten that had to stay for it. */
  onPersisted: () => void = () => {};

  /** Errors: NoteError for an agent id that can name no key, or a `collectorKey` that is none. */
  constructor(options: SealOptions) {
    this.#options = { checkpointActivities: CHECKPOINT_ACTIVITIES, nowMs: Date.now, ...options };
    this.#name = `sworn/${options.agentId}`;
    this.#verifier = createVerifier(this.#name, createPublicKey(options.privateKey));
    const { found } = options.file;
    const state = found.kind === 'found' ? found.state : NO_STATE;
    const given = options.collectorKey ?? state.collectorKey;
    this.#collector = given === '' ? undefined : cosignerOf(given);
    if (state.cosigned !== '') this.#cosigned = this.#stored(state.cosigned);
    this.#persistedSize = state.tree.size;
    this.#persistAtMs = this.#options.nowMs();
    if (state.keyId !== '' && state.keyId !== this.#verifier.keyId) this.#tellKeyChanged(state.keyId);
    this.#tree = this.#treeFrom(found.kind, state);
  }

  /** What Hello says. A new stream: what was sent and not stored is forgotten. */
  hello(): { sealKey: string; checkpoint: string; treeSize: number; treeSubtrees: readonly Buffer[] } {
    this.#tree?.rewind();
    this.#isSealing = false;
    this.#outstanding.clear();
    const { size, subtrees } = this.#tree?.stored ?? EMPTY_TREE;
    const checkpoint = this.#cosigned?.note ?? '';
    return { sealKey: formatVerifier(this.#verifier), checkpoint, treeSize: size, treeSubtrees: subtrees };
  }

  /**
   * The first entry that this agent can give. Entries that are lost on disk and were never delivered count: losses stand in
   * their places, and so they become leaves, and the tree has no hole.
   */
  firstSeq(firstSeq: number, durableSeq: number): number {
    const held = firstSeq === 0 && durableSeq > 0 ? durableSeq + 1 : firstSeq;
    return this.#tree === undefined ? held : Math.min(held, this.#tree.size + 1);
  }

  /**
   * The collector's Welcome. The result is the entry that the tree goes on with: those up to `storedSeq` are to be fed to
   * it, they are not sent.
   *
   * Errors   SealRefusal when its key is not the one that it had
   */
  begin(storedSeq: number, sealKey: string, treeSubtrees: readonly Uint8Array[] = []): number {
    this.#holdToKey(sealKey);
    this.#isSealing = sealKey !== '';
    this.#checkpointSize = this.#cosigned?.size ?? 0;
    const { journal } = this.#options;
    if (this.#tree !== undefined && storedSeq > this.#tree.size && journal.firstSeq > this.#tree.size + 1) {
      // The collector has entries that nobody can read here any more: their leaves are not known.
      this.#tree = undefined;
      this.#tellLost('found', journal.firstSeq);
    }
    if (this.#tree === undefined) this.#adopt(storedSeq, treeSubtrees);
    return Math.min(this.#tree?.size ?? storedSeq, storedSeq) + 1;
  }

  /** Entries that the collector has stored already, up to `toSeq`. */
  feed(batch: LeafBatch, toSeq: number): void {
    this.#tree?.append(batch, toSeq);
    this.stored(Math.min(batch.firstSeq + batch.count - 1, toSeq));
  }

  /** This batch goes out now, behind those before it. */
  sent(batch: LeafBatch): void {
    this.#tree?.append(batch);
  }

  stored(seq: number): void {
    this.#tree?.acknowledge(seq);
    const size = this.#tree?.stored.size ?? 0;
    const { checkpointMs, checkpointActivities, nowMs } = this.#options;
    const isDue = nowMs() - this.#persistAtMs >= checkpointMs || size - this.#persistedSize >= checkpointActivities;
    if (size > this.#persistedSize && isDue) this.#persistSoon();
  }

  /**
   * Milliseconds until the next checkpoint is due; undefined when there is nothing new to sign, or the last is not answered
   * yet. A collector judges one at a time and holds back what is behind the next, so more of them on their way than it
   * answers would slow the record down to one batch for each answer.
   */
  checkpointDueInMs(): number | undefined {
    const { checkpointMs, checkpointActivities, nowMs } = this.#options;
    const size = this.#tree?.size ?? 0;
    if (!this.#isSealing || this.#outstanding.size > 0 || size <= this.#checkpointSize) return undefined;
    if (size - this.#checkpointSize >= checkpointActivities && this.#checkpointSize > 0) return 0;
    return Math.max(0, this.#checkpointAtMs + checkpointMs - nowMs());
  }

  /** The signed checkpoint of all that was sent, which ends with entry `lastSeq`; undefined when there is nothing new. */
  checkpoint(lastSeq: number): string | undefined {
    const tree = this.#tree;
    // While older entries are sent once more, the tree is ahead of what a checkpoint could stand behind.
    if (tree === undefined || !this.#isSealing || tree.size !== lastSeq || tree.size <= this.#checkpointSize) {
      return undefined;
    }
    this.#checkpointSize = tree.size;
    this.#checkpointAtMs = this.#options.nowMs();
    const text = formatCheckpoint({ origin: this.#name, size: tree.size, root: tree.root, extensions: [] });
    if (this.#outstanding.size >= OUTSTANDING_MAX) this.#outstanding.delete(this.#outstanding.keys().next().value!);
    this.#outstanding.set(tree.size, text);
    return formatNote({ text, signatures: [signText(text, this.#name, this.#options.privateKey)] });
  }

  /** The collector's answer to a checkpoint. Errors: SealRefusal when it is none to what was sent. */
  cosigned(bytes: string): void {
    const note = bytes.length > NOTE_CHARACTERS_MAX ? undefined : this.#opened(bytes);
    if (note === undefined) {
      throw new SealRefusal('delivery_cosignature', 'It is not signed as it should be, or too large.');
    }
    if (this.#outstanding.get(note.size) !== note.text) {
      throw new SealRefusal('delivery_cosignature', `No such checkpoint of ${note.size} activities was sent.`);
    }
    for (const size of this.#outstanding.keys()) if (size <= note.size) this.#outstanding.delete(size);
    this.#cosigned = note.cosigned;
    this.#persistSoon();
  }

  /** All that was stored is in a checkpoint that the collector cosigned, or no more will be. */
  isCosignedUpTo(storedSeq: number): boolean {
    const isAhead = this.#tree === undefined || this.#tree.size !== storedSeq;
    return !this.#isSealing || isAhead || (this.#cosigned?.size ?? 0) >= storedSeq;
  }

  /** Entries beyond it are still needed: after a crash the tree goes on from there. */
  get forgettableSeq(): number {
    return this.#tree === undefined ? Number.POSITIVE_INFINITY : this.#persistedSize;
  }

  get status(): SealStatus {
    const { size, timeS, witnesses } = this.#cosigned ?? { size: 0, timeS: 0, witnesses: [] };
    return {
      key: formatVerifier(this.#verifier),
      tree_size: this.#tree?.stored.size ?? null,
      cosigned: size === 0 ? null : { size, time: new Date(timeS * 1000).toISOString(), witnesses },
      collector_key: this.#collector === undefined ? '' : formatVerifier(this.#collector),
      trouble: this.#tree === undefined ? 'seal_state_lost' : this.#trouble === null ? null : 'seal_write',
    };
  }

  /** Writes the state a last time. Never rejects: what could not be written was told. */
  async close(): Promise<void> {
    this.#persistSoon();
    await this.#persisting;
    await this.#options.file.close();
  }

  #treeFrom(found: SealStateFile['found']['kind'], { tree }: SealState): DeliveredTree | undefined {
    const { firstSeq, durableSeq, deliveredSeq } = this.#options.journal;
    const heldSeq = firstSeq === 0 ? durableSeq + 1 : firstSeq;
    if (heldSeq <= tree.size + 1 || deliveredSeq <= tree.size) {
      if (found === 'damaged' || found === 'foreign') {
        const message = 'What the seal kept on disk cannot be used; its tree was made anew from the whole journal.';
        this.#tell({ kind: 'seal_state_lost', message, attributes: { state: found } });
      }
      return new DeliveredTree(tree, this.#options.append);
    }
    this.#tellLost(found, heldSeq);
    return undefined;
  }

  #tellLost(found: string, heldSeq: number): void {
    this.#tell({
      kind: 'seal_state_lost',
      message: `The tree over activities before ${heldSeq} is not known here, and the journal does not hold them any more: there are no checkpoints until the collector says how far its own tree goes.`,
      attributes: { state: found, journal_first_seq: String(heldSeq) },
    });
  }

  /** Goes on from the collector's tree, unless what it cosigned earlier contradicts or cannot be compared. */
  #adopt(storedSeq: number, subtrees: readonly Uint8Array[]): void {
    if (storedSeq === 0 || subtrees.length === 0) return;
    const point = { size: storedSeq, subtrees: subtrees.map((one) => Buffer.from(one)) };
    let root: Buffer;
    try {
      root = rootAt(point);
    } catch {
      return;
    }
    if (this.#cosigned !== undefined) {
      const known = parseCheckpoint(parseNote(this.#cosigned.note).text);
      if (known.size !== storedSeq || !known.root.equals(root)) return;
    }
    this.#tree = new DeliveredTree(point, this.#options.append);
    this.#persistSoon();
    this.#tell({
      kind: 'seal_adopted',
      message: `The agent's tree goes on from that of the collector: of activities up to ${storedSeq} this agent vouches for nothing beyond what the collector said.`,
      attributes: { tree_size: String(storedSeq), root: root.toString('base64') },
    });
  }

  #holdToKey(line: string): void {
    const known = this.#collector === undefined ? '' : formatVerifier(this.#collector);
    if (line === known) return;
    if (known !== '') {
      const shown = line === '' ? 'shows no key' : 'shows another key';
      throw new SealRefusal('delivery_collector_key', `It ${shown} than ${known}.`);
    }
    try {
      this.#collector = cosignerOf(line);
    } catch (cause) {
      throw new SealRefusal('delivery_collector_key', (cause as Error).message);
    }
    this.#persistSoon();
  }

  /** A note that is signed by this agent and by the collector. */
  #opened(bytes: string): { size: number; text: string; cosigned: Cosigned } | undefined {
    const collector = this.#collector;
    if (collector === undefined) return undefined;
    try {
      const note = parseNote(bytes);
      const good: readonly GoodSignature[] = openNote(note, [this.#verifier, collector]);
      const own = good.find(({ verifier }) => verifier === this.#verifier);
      const theirs = good.find(({ verifier }) => verifier === collector);
      const { origin, size } = parseCheckpoint(note.text);
      if (own === undefined || theirs?.timeS === undefined || origin !== this.#name) return undefined;
      const names = note.signatures.map(({ name }) => name);
      const witnesses = names.filter((name) => name !== this.#name && name !== collector.name);
      return { size, text: note.text, cosigned: { size, note: bytes, timeS: theirs.timeS, witnesses } };
    } catch {
      return undefined;
    }
  }

  /** One of an earlier run. Under another key of today it still says what it said. */
  #stored(note: string): Cosigned | undefined {
    const opened = this.#opened(note);
    if (opened !== undefined) return opened.cosigned;
    try {
      return { size: parseCheckpoint(parseNote(note).text).size, note, timeS: 0, witnesses: [] };
    } catch {
      return undefined;
    }
  }

  #tellKeyChanged(keyId: string): void {
    const message =
      'The key that signs for this agent is another one than before: the collector refuses it until somebody accepts it.';
    this.#tell({
      kind: 'seal_key_changed',
      message,
      attributes: { key_id_before: keyId, key_id: this.#verifier.keyId },
    });
  }

  #tell(report: SealReport): void {
    this.#options.tell?.(report);
  }

  #persistSoon(): void {
    this.#persistAgain = true;
    this.#persisting ??= this.#persist();
  }

  async #persist(): Promise<void> {
    try {
      while (this.#persistAgain) {
        this.#persistAgain = false;
        await this.#persistOnce();
        if (this.#trouble !== null) return;
      }
    } finally {
      // In the same moment as the last look: what is new from here on must begin a write, not wait for one that is over.
      this.#persisting = undefined;
    }
  }

  async #persistOnce(): Promise<void> {
    this.#persistAtMs = this.#options.nowMs();
    const tree = this.#tree?.stored;
    // Without a tree the key of the collector is kept all the same, and what was known before.
    const { found } = this.#options.file;
    const before = found.kind === 'found' ? found.state.tree : EMPTY_TREE;
    try {
      await this.#options.file.write({
        tree: tree ?? before,
        cosigned: this.#cosigned?.note ?? '',
        collectorKey: this.#collector === undefined ? '' : formatVerifier(this.#collector),
        keyId: this.#verifier.keyId,
        markedSeq: this.#options.markedSeq?.() ?? 0,
      });
    } catch (cause) {
      if (this.#trouble === null) this.#options.onTrouble?.(cause as Error);
      this.#trouble = cause as Error;
      return;
    }
    if (this.#trouble !== null) this.#options.onTrouble?.(null);
    this.#trouble = null;
    this.#persistedSize = tree?.size ?? this.#persistedSize;
    this.onPersisted();
  }
}

function cosignerOf(line: string): NoteVerifier {
  const verifier = parseVerifier(line);
  if (verifier.kind !== 'cosignature') throw new Error(`The key of ${verifier.name} is not one of cosignatures.`);
  return verifier;
}
