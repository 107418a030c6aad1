// SPDX-License-Identifier: Apache-2.0

/**
 * What a witness answers: it cosigns a checkpoint of a log that it knows when the log has only grown since the last one.
 *
 * Source   C2SP tlog-witness v0, add-checkpoint
 */
import type { KeyObject } from 'node:crypto';
import { parseAddCheckpoint } from '../proto/log/add-checkpoint.ts';
import { type Checkpoint, parseCheckpoint } from '../proto/log/checkpoint.ts';
import { EMPTY_ROOT, provesConsistency } from '../proto/log/merkle.ts';
import {
  formatNote,
  NoteError,
  type NoteSignature,
  type NoteVerifier,
  openNote,
  parseNote,
  type SignedNote,
  signText,
} from '../proto/log/note.ts';
import type { LogStates } from './log-states.ts';

export type Verdict =
  | { readonly kind: 'cosigned'; readonly signature: NoteSignature; readonly size: number }
  /** The log takes the witness to be elsewhere than it is. */
  | { readonly kind: 'stale'; readonly size: number }
  | { readonly kind: Refusal; readonly message: string };

/**
 *   malformed      no request, or an old size beyond the new one
 *   unknown_log    nobody told the witness of this origin
 *   not_signed     not by a key of the log
 *   other_root     another root at the size that was cosigned: the log has forked
 *   not_grown      no proof that the cosigned tree is the beginning of this one
 *   busy           too many wait for this log
 */
export type Refusal = 'malformed' | 'unknown_log' | 'not_signed' | 'other_root' | 'not_grown' | 'busy';

export interface KnownLog {
  readonly origin: string;
  readonly verifiers: readonly NoteVerifier[];
}

export interface WitnessOptions {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly logs: readonly KnownLog[];
  readonly states: LogStates;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A log asks one at a time; more than this is no log. */
const WAITING_MAX = 32;

export class Witness {
  readonly #options: WitnessOptions;
  readonly #logs: ReadonlyMap<string, KnownLog>;
  /** The end of what is done for a log, and how many wait for it. */
  readonly #turns = new Map<string, { end: Promise<unknown>; waiting: number }>();

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#logs = new Map(options.logs.map((log) => [log.origin, log]));
  }

  /** Errors: WitnessError `state_unusable`, and those of the disk: nothing was signed then. */
  async add(body: string): Promise<Verdict> {
    const request = understood(() => {
      const { oldSize, proof, note } = parseAddCheckpoint(body);
      const signed = parseNote(note);
      return { oldSize, proof, signed, checkpoint: parseCheckpoint(signed.text) };
    });
    if (request instanceof NoteError) return { kind: 'malformed', message: request.message };
    const { oldSize, proof, signed, checkpoint } = request;
    const log = this.#logs.get(checkpoint.origin);
    if (log === undefined) return { kind: 'unknown_log', message: 'This witness does not know the log.' };
    const good = understood(() => openNote(signed, log.verifiers));
    if (good instanceof NoteError) return { kind: 'not_signed', message: good.message };
    if (good.length === 0) return { kind: 'not_signed', message: 'No known key of the log has signed it.' };
    if (oldSize > checkpoint.size) return { kind: 'malformed', message: 'The old size is beyond the new one.' };
    const signatures = signed.signatures.filter(({ name, keyId }) =>
      good.some(({ verifier }) => verifier.name === name && verifier.keyId === keyId),
    );
    return this.#inTurn(log.origin, () => this.#decide(oldSize, proof, checkpoint, { ...signed, signatures }));
  }

  /** Looking and keeping are one act: what is between two of them for the same log waits. */
  async #inTurn(origin: string, act: () => Promise<Verdict>): Promise<Verdict> {
    const turn = this.#turns.get(origin) ?? { end: Promise.resolve(), waiting: 0 };
    if (turn.waiting >= WAITING_MAX) return { kind: 'busy', message: 'Too many requests wait for this log.' };
    this.#turns.set(origin, turn);
    turn.waiting++;
    const mine = turn.end.then(act);
    turn.end = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      turn.waiting--;
      if (turn.waiting === 0) this.#turns.delete(origin);
    }
  }

  async #decide(
    oldSize: number,
    proof: readonly Uint8Array[],
    checkpoint: Checkpoint,
    signed: SignedNote,
  ): Promise<Verdict> {
    const { states, name, privateKey, now = Date.now } = this.#options;
    const last = states.last(checkpoint.origin);
    if (oldSize !== (last?.size ?? 0)) return { kind: 'stale', size: last?.size ?? 0 };
    if (last?.size === checkpoint.size && !last.root.equals(checkpoint.root))
      return { kind: 'other_root', message: 'Another root was cosigned at this size.' };
    const lastRoot = last?.root ?? EMPTY_ROOT;
    if (!provesConsistency(oldSize, checkpoint.size, proof, lastRoot, checkpoint.root))
      return { kind: 'not_grown', message: 'The proof does not show that the log has only grown.' };
    await states.keep(checkpoint, formatNote(signed));
    const signature = signText(signed.text, name, privateKey, Math.floor(now() / 1000));
    return { kind: 'cosigned', signature, size: checkpoint.size };
  }
}

function understood<T>(read: () => T): T | NoteError {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoteError) return error;
    throw error;
  }
}
