// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { formatCheckpoint } from './checkpoint.ts';
import { EMPTY_ROOT } from './merkle.ts';
import { formatNote, signText } from './note.ts';
import { ENTRY_BREAK, formatEntry, parseNoteFile } from './note-file.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const noteOf = (size: number): string => {
  const text = formatCheckpoint({ origin: 'sworn/a', size, root: EMPTY_ROOT, extensions: [] });
  return formatNote({ text, signatures: [signText(text, 'sworn/a', privateKey), signText(text, 'w', privateKey, 7)] });
};

describe('a file of notes', () => {
  it('gives every note back as it was', () => {
    const notes = [1, 2, 30_000].map(noteOf);
    const { notes: read, torn } = parseNoteFile(notes.map(formatEntry).join(''));
    assert.deepEqual(read.map(formatNote), notes);
    assert.equal(torn, 0);
    assert.deepEqual(parseNoteFile(''), { notes: [], torn: 0 });
  });

  it('loses only the note that a crash tore, wherever it tore it', () => {
    const [first, second, third] = [1, 2, 3].map((size) => formatEntry(noteOf(size))) as [string, string, string];
    for (let length = 1; length < second.length - 1; length++) {
      const file = first + second.slice(0, length) + ENTRY_BREAK + third;
      const { notes, torn } = parseNoteFile(file);
      const sizes = notes.map(({ text }) => text.split('\n')[1]);
      assert.equal(sizes[0], '1');
      assert.equal(sizes.at(-1), '3', `torn after ${length}`);
      assert.ok(torn > 0 || sizes.length === 3 || length < 2, `torn after ${length}`);
    }
    assert.equal(parseNoteFile(first + second.slice(0, -5)).notes.length, 1, 'and a last line that does not end');
  });
});
