// SPDX-License-Identifier: Apache-2.0

/** Checkpoints as agents send them: hostile bytes until a key says otherwise. Nothing here throws but SealRefusal. */
import { type Checkpoint, parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { type NoteSignature, type NoteVerifier, openNote, parseNote, type SignedNote } from '../../proto/log/note.ts';
import type { Mark } from './agent-log.ts';
import { logNameOf } from './collector-key.ts';
import { SealRefusal } from './seal-refusal.ts';

/** Of an agent, with signatures of collector and witnesses: some hundreds of bytes each. */
const NOTE_CHARACTERS_MAX = 32 * 1024;

export type ReadCheckpoint =
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'bad_signature'; readonly reason: string }
  | {
      readonly kind: 'good';
      readonly note: SignedNote;
      readonly checkpoint: Checkpoint;
      /** The agent's own, without what others may have put there. */
      readonly signatures: readonly NoteSignature[];
    };

/** The checkpoint of `verifier`'s log, when it has signed it. Never throws. */
export function readCheckpoint(bytes: string, verifier: NoteVerifier): ReadCheckpoint {
  if (bytes.length > NOTE_CHARACTERS_MAX)
    return { kind: 'malformed', reason: 'the note of the checkpoint is too large' };
  let note: SignedNote;
  try {
    note = parseNote(bytes);
  } catch (error) {
    return { kind: 'malformed', reason: (error as Error).message };
  }
  try {
    if (openNote(note, [verifier]).length === 0) return { kind: 'bad_signature', reason: 'its signature is missing.' };
  } catch (error) {
    return { kind: 'bad_signature', reason: (error as Error).message };
  }
  let checkpoint: Checkpoint;
  try {
    checkpoint = parseCheckpoint(note.text);
  } catch (error) {
    return { kind: 'malformed', reason: (error as Error).message };
  }
  if (checkpoint.origin !== verifier.name) return { kind: 'malformed', reason: 'the checkpoint is of another log' };
  if (checkpoint.extensions.length > 0) return { kind: 'malformed', reason: 'the checkpoint has extension lines' };
  const signatures = note.signatures.filter(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId);
  return { kind: 'good', note, checkpoint, signatures };
}

/**
 * The checkpoint that an agent shows in its Hello, when a collector of this store has cosigned it: then it binds the store,
 * whatever key the agent had. One without such a signature says nothing here.
 *
 * Errors   SealRefusal `malformed`, also for a collector's signature that is wrong
 */
export function readShown(
  { agentId, checkpoint }: { readonly agentId: string; readonly checkpoint: string },
  cosigners: readonly NoteVerifier[],
): Mark | undefined {
  if (checkpoint === '') return undefined;
  try {
    if (checkpoint.length > NOTE_CHARACTERS_MAX) throw new RangeError('the shown checkpoint is too large');
    const note = parseNote(checkpoint);
    if (openNote(note, cosigners).length === 0) return undefined;
    const { origin, size, root } = parseCheckpoint(note.text);
    if (origin !== logNameOf(agentId)) throw new RangeError('the shown checkpoint is of another log');
    return { size, root, note: checkpoint };
  } catch (error) {
    throw new SealRefusal('malformed', (error as Error).message);
  }
}
