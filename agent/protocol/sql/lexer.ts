// SPDX-License-Identifier: Apache-2.0

/**
 * Cuts SQL text into tokens the way PostgreSQL's own scanner does. It finds where things begin and end; it does not know
 * grammar. Every text gives tokens: an unterminated string or comment reaches to the end, an odd character is a symbol.
 *
 * Units    positions are UTF-16 units of the text
 * Cost     linear in the text: each token is looked at once, long literals and comments by `indexOf`
 * Source   PostgreSQL manual, "Lexical Structure"; where it is silent, what the server of version 18 accepts
 */

export const Token = {
  end: 0,
  /** An unquoted name or keyword. */
  word: 1,
  /** "…" or U&"…" */
  quotedName: 2,
  /** Any string: '…', E'…', N'…', B'…', X'…', U&'…'. */
  string: 3,
  /** $tag$…$tag$ */
  dollarString: 4,
  number: 5,
  /** $1 */
  parameter: 6,
  /** A run of operator characters. */
  operator: 7,
  /** One of , ( ) [ ] . ; : or a character that SQL has no use for. */
  symbol: 8,
} as const;

export type TokenKind = (typeof Token)[keyof typeof Token];

const Class = { other: 0, space: 1, letter: 2, digit: 3, operator: 4, single: 5, quote: 6, doubleQuote: 7, dollar: 8 };

const CLASS_OF = new Uint8Array(128);
for (const [characters, kind] of [
  [' \t\n\r\f\v', Class.space],
  ['abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', Class.letter],
  ['0123456789', Class.digit],
  ['+-*/<>=~!@#%^&|`?', Class.operator],
  [',()[].;:', Class.single],
  ["'", Class.quote],
  ['"', Class.doubleQuote],
  ['$', Class.dollar],
] as const) {
  for (const character of characters) CLASS_OF[character.charCodeAt(0)] = kind;
}

export class Lexer {
  readonly text: string;
  /** The session has standard_conforming_strings off: a backslash escapes in '…' too. */
  readonly #backslashQuotes: boolean;
  kind: TokenKind = Token.end;
  start = 0;
  end = 0;
  /** White space or a comment stood before the token. */
  spaced = false;

  constructor(text: string, backslashQuotes = false) {
    this.text = text;
    this.#backslashQuotes = backslashQuotes;
  }

  /** Move to the next token. */
  next(): TokenKind {
    this.#skipBlanks();
    const { text, start } = this;
    if (start >= text.length) {
      this.end = start;
      this.kind = Token.end;
      return Token.end;
    }
    const code = text.charCodeAt(start);
    // The server's scanner sees bytes, and takes every byte above 0x7f as a letter.
    const kind = code < 128 ? CLASS_OF[code] : Class.letter;
    switch (kind) {
      case Class.letter:
        return this.#wordOrPrefixed(code);
      case Class.digit:
        return this.#done(Token.number, this.#endOfNumber(start));
      case Class.quote:
        return this.#done(Token.string, this.#endOfString(start + 1, this.#backslashQuotes));
      case Class.doubleQuote:
        return this.#done(Token.quotedName, endOfQuoted(text, start + 1, '"'));
      case Class.dollar:
        return this.#parameterOrDollarString();
      case Class.operator:
        return this.#done(Token.operator, this.#endOfOperator());
      case Class.single:
        if (code === 0x2e && isDigit(text.charCodeAt(start + 1))) {
          return this.#done(Token.number, this.#endOfNumber(start));
        }
        if (code === 0x3a && text.charCodeAt(start + 1) === 0x3a) return this.#done(Token.operator, start + 2);
        return this.#done(Token.symbol, start + 1);
      default:
        return this.#done(Token.symbol, start + 1);
    }
  }

  #done(kind: TokenKind, end: number): TokenKind {
    this.kind = kind;
    this.end = end;
    return kind;
  }

  #skipBlanks(): void {
    const { text } = this;
    let at = this.end;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code < 128 && CLASS_OF[code] === Class.space) {
        at++;
      } else if (code === 0x2d && text.charCodeAt(at + 1) === 0x2d) {
        at = endOfLine(text, at + 2);
      } else if (code === 0x2f && text.charCodeAt(at + 1) === 0x2a) {
        at = endOfComment(text, at + 2);
      } else {
        break;
      }
    }
    this.spaced = at > this.end;
    this.start = at;
  }

  #wordOrPrefixed(first: number): TokenKind {
    const { text, start } = this;
    const second = text.charCodeAt(start + 1);
    if (second === 0x27) {
      // e E: backslash escapes. b B x X n N: no escapes.
      if (first === 0x65 || first === 0x45) return this.#done(Token.string, this.#endOfString(start + 2, true));
      if ('bBxXnN'.includes(String.fromCharCode(first))) {
        return this.#done(Token.string, this.#endOfString(start + 2, this.#backslashQuotes));
      }
    }
    if ((first === 0x75 || first === 0x55) && second === 0x26) {
      const third = text.charCodeAt(start + 2);
      if (third === 0x27) return this.#done(Token.string, this.#endOfString(start + 3, false));
      if (third === 0x22) return this.#done(Token.quotedName, endOfQuoted(text, start + 3, '"'));
    }
    return this.#done(Token.word, endOfWord(text, start + 1));
  }

  #endOfString(from: number, backslash: boolean): number {
    const { text } = this;
    if (!backslash) return endOfQuoted(text, from, "'");
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x5c) at++;
      else if (code === 0x27) {
        if (text.charCodeAt(at + 1) !== 0x27) return at + 1;
        at++;
      }
    }
    return text.length;
  }

  #parameterOrDollarString(): TokenKind {
    const { text, start } = this;
    let at = start + 1;
    if (isDigit(text.charCodeAt(at))) {
      while (isDigit(text.charCodeAt(at))) at++;
      return this.#done(Token.parameter, at);
    }
    while (isTagCharacter(text.charCodeAt(at))) at++;
    if (text.charCodeAt(at) !== 0x24) return this.#done(Token.symbol, start + 1);
    const tag = text.slice(start, at + 1);
    const close = text.indexOf(tag, at + 1);
    return this.#done(Token.dollarString, close < 0 ? text.length : close + tag.length);
  }

  #endOfNumber(start: number): number {
    const { text } = this;
    let at = start;
    const second = text.charCodeAt(at + 1) | 0x20;
    if (text.charCodeAt(at) === 0x30 && (second === 0x78 || second === 0x6f || second === 0x62)) {
      at += 2;
      while (isHexDigitOrUnderscore(text.charCodeAt(at))) at++;
      return at;
    }
    const digits = () => {
      while (isDigit(text.charCodeAt(at)) || text.charCodeAt(at) === 0x5f) at++;
    };
    digits();
    // "1..2" is a range of two numbers.
    if (text.charCodeAt(at) === 0x2e && text.charCodeAt(at + 1) !== 0x2e) {
      at++;
      digits();
    }
    if ((text.charCodeAt(at) | 0x20) === 0x65) {
      const sign = text.charCodeAt(at + 1);
      const exponent = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
      if (isDigit(text.charCodeAt(exponent))) {
        at = exponent;
        digits();
      }
    }
    return at;
  }

  #endOfOperator(): number {
    const { text, start } = this;
    let at = start + 1;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 128 || CLASS_OF[code] !== Class.operator) break;
      // A comment may begin right behind an operator.
      const next = text.charCodeAt(at + 1);
      if ((code === 0x2d && next === 0x2d) || (code === 0x2f && next === 0x2a)) break;
    }
    return at;
  }
}

/** Past the closing quote; a doubled quote stands for itself. */
function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = from; ; ) {
    const close = text.indexOf(quote, at);
    if (close < 0) return text.length;
    if (text[close + 1] !== quote) return close + 1;
    at = close + 2;
  }
}

function endOfLine(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== 0x0a && text.charCodeAt(at) !== 0x0d) at++;
  return at;
}

/** Comments nest. */
function endOfComment(text: string, from: number): number {
  let depth = 1;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2a && text.charCodeAt(at + 1) === 0x2f) {
      at++;
      if (--depth === 0) return at + 1;
    } else if (code === 0x2f && text.charCodeAt(at + 1) === 0x2a) {
      at++;
      depth++;
    }
  }
  return text.length;
}

function endOfWord(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 128) continue;
    const kind = CLASS_OF[code];
    if (kind !== Class.letter && kind !== Class.digit && kind !== Class.dollar) break;
  }
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHexDigitOrUnderscore(code: number): boolean {
  return isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66) || code === 0x5f;
}

function isTagCharacter(code: number): boolean {
  return code >= 128 || CLASS_OF[code] === Class.letter || CLASS_OF[code] === Class.digit;
}
