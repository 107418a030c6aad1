// SPDX-License-Identifier: Apache-2.0

/**
 * What a log asks of a witness, and what comes back.
 *
 * Shape    `old <size>`, lines of base64 (a consistency proof), an empty line, a signed checkpoint
 * Source   C2SP tlog-witness, add-checkpoint
 */
import { HASH_BYTES } from './merkle.ts';
import { NoteError, type NoteSignature, parseNote } from './note.ts';

/** Below the address of a witness. */
export const ADD_CHECKPOINT_PATH = 'add-checkpoint';
/** The type of an answer 409 that says how far the witness is. */
export const SIZE_CONTENT_TYPE = 'text/x.tlog.size';
/** More than a tree of 2^63 leaves needs; tlog-witness has this bound. */
const PROOF_LINES_MAX = 63;

export interface AddCheckpoint {
  /** How far the witness was when it last cosigned this log. */
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint, byte by byte. */
  readonly note: string;
}

export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  if (proof.length > PROOF_LINES_MAX) throw new NoteError(`A proof has at most ${PROOF_LINES_MAX} hashes.`);
  const lines = proof.map((node) => `${Buffer.from(node).toString('base64')}\n`);
  return `old ${oldSize}\n${lines.join('')}\n${note}`;
}

/** Errors: NoteError, with what is wrong. The note is not looked into. */
export function parseAddCheckpoint(text: string): AddCheckpoint {
  const end = text.indexOf('\n\n');
  if (end < 0) throw new NoteError('The request has no empty line before its checkpoint.');
  const [first = '', ...lines] = text.slice(0, end).split('\n');
  const oldSize = parseSize(/^old (.*)$/.exec(first)?.[1] ?? '');
  if (oldSize === undefined) throw new NoteError('The first line of the request is not: old <size>');
  if (lines.length > PROOF_LINES_MAX) throw new NoteError(`A proof has at most ${PROOF_LINES_MAX} hashes.`);
  const proof = lines.map((line) => {
    const node = Buffer.from(line, 'base64');
    if (node.length !== HASH_BYTES || node.toString('base64') !== line)
      throw new NoteError('A line of the proof is no hash.');
    return node;
  });
  return { oldSize, proof, note: text.slice(end + 2) };
}

/** A size in decimal as checkpoints have it; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const size = Number(text);
  return /^(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(size) ? size : undefined;
}

/** The lines of signatures that a witness answers with. Errors: NoteError. */
export function parseSignatureLines(lines: string): readonly NoteSignature[] {
  if (lines.includes('\n\n')) throw new NoteError('The answer is more than lines of signatures.');
  return parseNote(`x\n\n${lines}`).signatures;
}
