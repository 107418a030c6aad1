// SPDX-License-Identifier: Apache-2.0

/** Others who look: what the collector asks of witnesses and anchors, after its own cosignature. */
import type { NoteSignature, NoteVerifier } from '../../proto/log/note.ts';

/**
 * A proof that the tree of `oldSize` leaves is the beginning of the tree of the checkpoint that is shown (RFC 9162, 2.1.4).
 * Asked for once for each size at which a witness stands.
 */
export type ConsistencyProver = (oldSize: number) => Promise<readonly Uint8Array[]>;

/** Those who cosign what they have seen to grow, and never shrink or change. */
export interface Witnessing {
  /** Their keys. */
  readonly verifiers?: readonly NoteVerifier[];

  /**
   * Show a checkpoint to all witnesses, at once.
   *
   * origin    of the log
   * note      the signed checkpoint: text, empty line, the log's signature
   * oldSize   how far witnesses that have not said so yet are taken to be; 0 when nothing is known
   * Errors    never throws: a witness that is away, or refuses, is counted and told, and its signature is missing
   */
  cosign(origin: string, note: string, oldSize: number, proof: ConsistencyProver): Promise<readonly NoteSignature[]>;
}

/** A place outside of the store where cosigned checkpoints are kept. */
export interface Anchor {
  /** Resolves when the note is kept, or waits to be; never throws. */
  put(note: string): Promise<void>;
}
