// SPDX-License-Identifier: Apache-2.0

/** Key lines and checkpoints that a person brings along, in files. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatVerifier, NoteError, parseVerifier } from '../../proto/log/note.ts';
import { parseNoteFile } from '../../proto/log/note-file.ts';
import { CliError, EXIT } from '../exit.ts';
import type { AnchoredNote } from './checkpoint-points.ts';
import type { RingKey, Trust } from './key-ring.ts';

export interface TrustedLine {
  readonly line: string;
  readonly trust: Trust;
}

/** `--key`: a line, or a file with a line each. Errors: CliError for what is neither. */
export function readKeys(given: readonly string[]): TrustedLine[] {
  return given.flatMap((text) => {
    if (/^[^\s+]+\+[0-9a-f]{8}\+\S+$/u.test(text)) return linesOf(text, `--key ${text}`, 'given');
    return linesOf(readOrExplain(text, 'key file'), text, 'given');
  });
}

/** `--pin`: what was trusted last time; nothing yet when the file is not there. */
export function readPins(file: string): TrustedLine[] {
  try {
    return linesOf(readFileSync(file, 'utf8'), file, 'pinned');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error instanceof CliError ? error : new CliError(`${file}: ${(error as Error).message}`, '', EXIT.unusable);
  }
}

/** The keys that were used, for the next time. Those of names that are pinned already stay as they are. */
export function writePins(file: string, keys: readonly RingKey[]): void {
  const head = '# Keys by which sworn verify knows logs, collectors and witnesses: pinned when they were first seen.\n';
  const lines = keys.map(({ verifier }) => `${formatVerifier(verifier)}\n`).sort();
  writeFileSync(file, head + lines.join(''), { mode: 0o644 });
}

function linesOf(text: string, place: string, trust: Trust): TrustedLine[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) {
    try {
      parseVerifier(line);
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      throw new CliError(
        `${place}: ${error.message}`,
        'A key line is <name>+<key id>+<base64>; sworn verify prints them.',
        EXIT.unusable,
      );
    }
  }
  return lines.map((line) => ({ line, trust }));
}

/** `--anchor`: files of notes, or a folder of such. */
export function readAnchors(given: readonly string[]): { notes: AnchoredNote[]; torn: number } {
  const files = given.flatMap((path) => {
    try {
      if (!statSync(path).isDirectory()) return [path];
      return readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
    } catch (error) {
      throw new CliError(
        `${path}: ${(error as Error).message}`,
        'An anchor is a file of checkpoints, or a folder of such.',
        EXIT.unusable,
      );
    }
  });
  const notes: AnchoredNote[] = [];
  let torn = 0;
  for (const file of files) {
    const read = parseNoteFile(readOrExplain(file, 'anchor'));
    torn += read.torn;
    notes.push(...read.notes.map((note) => ({ note, place: file })));
  }
  return { notes, torn };
}

function readOrExplain(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`the ${what} ${file} cannot be read: ${(error as Error).message}`, '', EXIT.unusable);
  }
}
