// SPDX-License-Identifier: Apache-2.0

/**
 * A checkpoint: how far an agent's log goes, and the root of its tree there. It is the text of a signed note.
 *
 * Source   C2SP tlog-checkpoint: origin, size in decimal, root in base64, then lines of extensions
 */
import { HASH_BYTES } from './merkle.ts';
import { NoteError } from './note.ts';

export interface Checkpoint {
  /** Which log: unique, without a line feed. */
  readonly origin: string;
  /** How many leaves. */
  readonly size: number;
  readonly root: Buffer;
  /** Lines behind it, none of them empty. */
  readonly extensions: readonly string[];
}

const isLine = (line: string): boolean => line !== '' && !line.includes('\n');

/** Errors: NoteError for what would read back as something else. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (![origin, ...extensions].every(isLine))
    throw new NoteError('A line of a checkpoint is empty or holds a line feed.');
  if (!Number.isSafeInteger(size) || size < 0) throw new NoteError(`No log has ${size} leaves.`);
  if (root.length !== HASH_BYTES) throw new NoteError(`A root has ${HASH_BYTES} bytes.`);
  return [origin, String(size), root.toString('base64'), ...extensions, ''].join('\n');
}

/** Errors: NoteError, with what is wrong. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeText, rootText, ...rest] = text.split('\n');
  if (rest.pop() !== '') throw new NoteError('A checkpoint has at least three lines.');
  if (origin === undefined || origin === '') throw new NoteError('The checkpoint has no origin.');
  const size = Number(sizeText);
  if (!/^(0|[1-9]\d*)$/.test(sizeText ?? '') || !Number.isSafeInteger(size)) {
    throw new NoteError('The second line of the checkpoint is no size.');
  }
  const root = Buffer.from(rootText ?? '', 'base64');
  if (root.length !== HASH_BYTES || root.toString('base64') !== rootText) {
    throw new NoteError('The third line of the checkpoint is no root.');
  }
  if (rest.includes('')) throw new NoteError('The checkpoint has an empty line.');
  return { origin, size, root, extensions: rest };
}
