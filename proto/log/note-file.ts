// SPDX-License-Identifier: Apache-2.0

/**
 * Many notes in one file that is only ever appended to: each note, and an empty line behind it.
 *
 * Notes of checkpoints have no empty line in their text, so a block of text and a block of signatures take turns; a note
 * that was torn by a crash lacks its second block, or the end of it, and the next one is whole again.
 */
import { NoteError, parseNote, type SignedNote } from './note.ts';

const SIGNATURE_MARK = '\u2014 ';

/** What is appended for one note. */
export function formatEntry(note: string): string {
  return `${note}\n`;
}

/** What to append first when a file does not end as an entry does, so that what was torn stays apart. */
export const ENTRY_BREAK = '\n\n';

export interface NoteFile {
  readonly notes: readonly SignedNote[];
  /** Blocks that belong to no whole note. */
  readonly torn: number;
}

/** Never throws: what is no note is counted as torn. */
export function parseNoteFile(file: string): NoteFile {
  const blocks = file.split(/\n{2,}/).filter((block) => block.trim() !== '');
  const notes: SignedNote[] = [];
  let torn = 0;
  let text: string | undefined;
  for (const [i, block] of blocks.entries()) {
    if (!block.startsWith(SIGNATURE_MARK)) {
      if (text !== undefined) torn++;
      text = block;
      continue;
    }
    const note = text === undefined ? undefined : wholeNote(`${text.replace(/^\n+/, '')}\n\n${block.trimEnd()}\n`);
    // A last line that does not end may be a signature that was cut: base64 can be whole all the same.
    const isCut = i === blocks.length - 1 && !file.endsWith('\n');
    if (note === undefined || isCut) torn++;
    else notes.push(note);
    text = undefined;
  }
  return { notes, torn: text === undefined ? torn : torn + 1 };
}

function wholeNote(text: string): SignedNote | undefined {
  try {
    return parseNote(text);
  } catch (error) {
    if (error instanceof NoteError) return undefined;
    throw error;
  }
}
