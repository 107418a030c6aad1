// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lexer, Token } from './lexer.ts';

const NAMES = Object.fromEntries(Object.entries(Token).map(([name, kind]) => [kind, name]));

function tokensOf(text: string, backslashQuotes = false): string[] {
  const lexer = new Lexer(text, backslashQuotes);
  const tokens: string[] = [];
  while (lexer.next() !== Token.end) tokens.push(`${NAMES[lexer.kind]} ${text.slice(lexer.start, lexer.end)}`);
  return tokens;
}

for (const [title, text, tokens] of [
  [
    'comments nest, and reach to the end when they are not closed',
    'a /* b /* c */ d */ e -- f\ng /* h',
    ['word a', 'word e', 'word g'],
  ],
  ['a doubled quote does not end a string', "'it''s' x", ["string 'it''s'", 'word x']],
  ['a backslash escapes in E strings only', "E'a\\'b' 'c\\' d", ["string E'a\\'b'", "string 'c\\'", 'word d']],
  [
    'prefixes belong to their string',
    `b'01' X'ff' n'x' U&'\\00' u&"q" e 'y'`,
    ["string b'01'", "string X'ff'", "string n'x'", "string U&'\\00'", 'quotedName u&"q"', 'word e', "string 'y'"],
  ],
  [
    'dollar quotes end at their own tag',
    "$$a$$ $t$ $$ ' $t$ $1 a$b$c",
    ['dollarString $$a$$', "dollarString $t$ $$ ' $t$", 'parameter $1', 'word a$b$c'],
  ],
  ['what is not closed reaches to the end', `$x$ never`, ['dollarString $x$ never']],
  [
    'numbers have many forms',
    '1 .5 1.5e-3 0xFF_0 1_000 1..2 1e x',
    [
      'number 1',
      'number .5',
      'number 1.5e-3',
      'number 0xFF_0',
      'number 1_000',
      'number 1',
      'symbol .',
      'number .2',
      'number 1',
      'word e',
      'word x',
    ],
  ],
  [
    'operators are runs, and end where a comment begins',
    'a->>b::int <= c+--d\n e/*f*/',
    ['word a', 'operator ->>', 'word b', 'operator ::', 'word int', 'operator <=', 'word c', 'operator +', 'word e'],
  ],
  ['letters are letters of any script', 'наименование=café', ['word наименование', 'operator =', 'word café']],
] as const) {
  test(title, () => assert.deepEqual(tokensOf(text), tokens));
}

test('with standard_conforming_strings off a backslash escapes in plain strings', () => {
  assert.deepEqual(tokensOf("'a\\'b' c", true), ["string 'a\\'b'", 'word c']);
});

test('any text is cut into tokens that follow each other and reach its end', () => {
  const pieces = fc.constantFrom(
    "'",
    '"',
    '$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    'e',
    'U&',
    '\\',
    ';',
    '(',
    '1',
    '.',
    ' ',
    '\0',
    'é',
    '☃',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 40 }), fc.boolean(), (parts, backslash) => {
      const text = parts.join('');
      const lexer = new Lexer(text, backslash);
      let end = 0;
      while (lexer.next() !== Token.end) {
        assert.ok(lexer.start >= end && lexer.end > lexer.start && lexer.end <= text.length);
        end = lexer.end;
      }
    }),
  );
});
