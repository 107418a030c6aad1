// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TerminalFilter } from './terminal-filter.ts';

const ESC = '\u001b';
const filtered = (text: string, keeps = true): string => new TerminalFilter(keeps).take(Buffer.from(text));

/** Code points that act, but for those that every text has. */
function controlsIn(text: string): number[] {
  const codes = [...text].map((character) => character.codePointAt(0) as number);
  return codes.filter((code) => code < 7 || (code > 15 && code < 32) || (code >= 127 && code < 160));
}

describe('what a terminal may be shown again', () => {
  it('keeps letters, colours, the cursor and the screen', () => {
    const screen = `${ESC}[?1049h${ESC}[2J${ESC}[1;31mrot${ESC}[0m\r\n${ESC}7${ESC}[10;20H${ESC}[K${ESC}(0lqk${ESC}(B${ESC}8é世\t|`;
    assert.equal(filtered(screen), screen);
  });

  for (const [name, text] of [
    ['titles', `${ESC}]0;owned\u0007`],
    ['the clipboard', `${ESC}]52;c;bHMK${ESC}\\`],
    ['links', `${ESC}]8;;http://evil${ESC}\\`],
    ['DCS', `${ESC}P$qm${ESC}\\`],
    ['APC, PM and SOS', `${ESC}_G1${ESC}\\${ESC}^x${ESC}\\${ESC}Xy${ESC}\\`],
    ['questions', `${ESC}[c${ESC}[>c${ESC}[6n${ESC}[?6n${ESC}[14t${ESC}[>q${ESC}[?25$p${ESC}Z\u0005${ESC}[x`],
    ['printing', `${ESC}[5i${ESC}[?4i`],
    [
      'mouse, focus, paste, keys',
      `${ESC}[?1000h${ESC}[?1006h${ESC}[?1004h${ESC}[?2004h${ESC}[?1h${ESC}[>1u${ESC}[>4;2m`,
    ],
    ['C1 controls', '\u009b6n\u009d0;owned\u009c\u0090q\u009c\u0085'],
    ['repetition without end', `${ESC}[99999999b`],
  ] as const) {
    it(`leaves out ${name}`, () => {
      assert.equal(filtered(`a${text}b`), 'ab');
    });
  }

  it('of several modes in one sequence only those of the screen pass', () => {
    assert.equal(filtered(`${ESC}[?25;1000;7h`), `${ESC}[?25;7h`);
  });

  it('what is cut in pieces is no other: sequences and characters', () => {
    const text = Buffer.from(`é${ESC}]52;c;x${ESC}\\世${ESC}[31m${ESC}[6n.`);
    const filter = new TerminalFilter();
    assert.equal([...text].map((byte) => filter.take(Buffer.from([byte]))).join(''), filtered(text.toString()));
  });

  it('whatever comes, nothing passes but what is known', () => {
    const part = fc.oneof(
      fc.constantFrom(
        ESC,
        '[',
        ']',
        'P',
        '\\',
        '?',
        '>',
        ';',
        '6',
        'n',
        'c',
        't',
        '52',
        '\u0007',
        '\u009b',
        '$',
        ' ',
        'q',
        '\u0018',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const known = new RegExp(`${ESC}(?:[78DEMH=>c]|[()*+][0AB]|#[34568]|\\[\\??[\\d;:]*[\`@A-Za-z]|\\[!p)`, 'g');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const passed = filtered(parts.join(''));
        assert.deepEqual(controlsIn(passed.replace(known, '')), []);
        assert.doesNotMatch(passed, new RegExp(`${ESC}\\[[?\\d;:]*[cnxityq]`));
        assert.deepEqual(controlsIn(filtered(parts.join(''), false)), []);
      }),
      { numRuns: 60 },
    );
  });
});
