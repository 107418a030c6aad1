// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columnsOf, cutTo, padTo, printable, printableJson } from './terminal-text.ts';

describe('text for a terminal', () => {
  const cases: [title: string, text: string, expected: string][] = [
    ['plain text, as it is', 'SELECT 1', 'SELECT 1'],
    ['letters of any script', 'Größe 漢字 🔑 é', 'Größe 漢字 🔑 é'],
    ['line breaks', 'a\nb\r\nc', 'a⏎b\\x0d⏎c'],
    ['tabs', 'a\tb', 'a b'],
    ['escape sequences', '\u001b[2J', '\\x1b[2J'],
    ['eight-bit controls', '\u009b2J', '\\x9b2J'],
    ['a change of direction', 'a\u202eb', 'a\\u{202e}b'],
    ['what has no width', 'a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
    ['other line ends', 'a\u2028b\u2029', 'a\\u{2028}b\\u{2029}'],
    ['tags beyond the first plane', 'a\u{e0041}', 'a\\u{e0041}'],
    ['half a character', 'a\ud800', 'a\\u{d800}'],
  ];
  for (const [title, text, expected] of cases)
    it(`keeps or writes out ${title}`, () => assert.equal(printable(text), expected));

  it('is JSON of the same meaning', () => {
    const value = { text: 'a\u009b\u202e\u2028\u{e0041}é\u007f\u001b' };
    const json = printableJson(JSON.stringify(value));
    assert.match(json, /^[^\p{Cc}\p{Cf}\p{Zl}]*$/u);
    assert.deepEqual(JSON.parse(json), value);
  });

  it('is measured and cut by columns', () => {
    assert.equal(columnsOf('abc'), 3);
    assert.equal(columnsOf('漢字'), 4);
    assert.equal(columnsOf('e\u0301'), 1);
    assert.equal(columnsOf('\u001b[31mred\u001b[39m'), 3);
    assert.equal(cutTo('漢字漢字', 5), '漢字…');
    assert.equal(cutTo('short', 5), 'short');
    assert.equal(cutTo('longer', 5), 'long…');
    assert.equal(padTo('漢', 4), '漢  ');
    assert.equal(padTo('7', 3, 'left'), '  7');
  });
});
