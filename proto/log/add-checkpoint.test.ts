// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatAddCheckpoint, parseAddCheckpoint, parseSignatureLines, parseSize } from './add-checkpoint.ts';
import { NoteError } from './note.ts';

const hashes = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 63 });

describe('a request to a witness', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), hashes, (oldSize, proof) => {
        const note = 'origin\n1\nAAAA\n\n\u2014 origin AAAA\n';
        const read = parseAddCheckpoint(formatAddCheckpoint({ oldSize, proof, note }));
        assert.equal(read.oldSize, oldSize);
        assert.deepEqual(
          read.proof.map((node) => Buffer.from(node)),
          proof.map((node) => Buffer.from(node)),
        );
        assert.equal(read.note, note);
      }),
    );
  });

  it('has the form of the example in the specification', () => {
    const text = 'old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\nexample.com/behind-the-sofa\n';
    const { oldSize, proof, note } = parseAddCheckpoint(text);
    assert.deepEqual([oldSize, proof.length, note], [20852014, 1, 'example.com/behind-the-sofa\n']);
    assert.equal(formatAddCheckpoint({ oldSize, proof, note }), text);
  });

  it('is refused when it is anything else', () => {
    const hash = `${Buffer.alloc(32).toString('base64')}\n`;
    const wrong = [
      '',
      'old 1\n',
      'old 01\n\nx',
      'old -1\n\nx',
      'old 1e3\n\nx',
      'new 1\n\nx',
      'old 9007199254740993\n\nx',
    ];
    for (const text of [
      ...wrong,
      'old 1\nAAAA\n\nx',
      `old 1\n ${hash}\nx`,
      `old 1\n${hash.repeat(64)}\nx`,
      '\n\nold 1',
    ])
      assert.throws(() => parseAddCheckpoint(text), NoteError, JSON.stringify(text));
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseAddCheckpoint(text);
        } catch (error) {
          assert.ok(error instanceof NoteError);
        }
      }),
    );
  });

  it('is answered with lines of signatures, and nothing before or behind them', () => {
    assert.equal(parseSignatureLines('\u2014 w AAAAAAAA\n\u2014 v AAAAAAAA\n').length, 2);
    for (const lines of ['', 'x', '\u2014 w AAAAAAAA', '<html>\n', 'x\n\n\u2014 w AAAAAAAA\n'])
      assert.throws(() => parseSignatureLines(lines), NoteError, JSON.stringify(lines));
    assert.equal(parseSize('12'), 12);
    assert.equal(parseSize('12 '), undefined);
  });
});
