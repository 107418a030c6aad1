// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets in SQL. Outside of literals a name is a column and a bare word an expression, so only literals (and bound
 * parameters) can hold a secret: those that a PASSWORD clause has, that are put into or compared with a column whose name
 * says so, that functions of cryptography take as key, and those in which a connection string or the like stands.
 *
 * Cost     linear: one pass of the lexer over the statement, and only when an anchor says that there is something to see
 */
import { Lexer, Token } from '../../protocol/sql/lexer.ts';
import { nameInQuotes, textInQuotes } from '../../protocol/sql/quoting.ts';
import { ANCHOR_OF, Anchor, nextLetters } from './anchors.ts';
import { PlainScan } from './plain-scan.ts';
import { isNameCharacter as isName, meaningOfName, NAME_LENGTH_MAX } from './secret-name.ts';
import { isPlaceholder, looksLikeCredential } from './secret-value.ts';
import { addAll, type Span } from './span.ts';

/** Where a secret is that does not stand in the statement itself. */
export interface SecretPlaces {
  /** Numbers of bound parameters: 1 for $1. */
  readonly parameters: ReadonlySet<number>;
  /** Of COPY … FROM: indexes of columns. */
  readonly columns: ReadonlySet<number>;
}

export interface SqlSecrets extends SecretPlaces {
  readonly spans: readonly Span[];
}

const NONE: SqlSecrets = { spans: [], parameters: new Set(), columns: new Set() };

/** Functions and the index of the argument that is a secret. */
const SECRET_ARGUMENTS: Readonly<Record<string, number>> = {
  crypt: 0,
  decrypt: 1,
  decrypt_iv: 1,
  encrypt: 1,
  encrypt_iv: 1,
  hmac: 1,
  old_password: 0,
  password: 0,
  pgp_sym_decrypt: 1,
  pgp_sym_decrypt_bytea: 1,
  pgp_sym_encrypt: 1,
  pgp_sym_encrypt_bytea: 1,
};
/** Functions of which one argument is a name and the next one its value. */
const PAIRING = new Set(['set_config', 'json_build_object', 'jsonb_build_object', 'hstore', 'json_object']);
/** What a name of a secret may stand before in a command about roles without being followed by one. */
const NO_PASSWORD = new Set([
  'null',
  'expire',
  'expired',
  'default',
  'valid',
  'until',
  'required',
  'lock',
  'for',
  'is',
  'in',
  'not',
  'and',
  'or',
  'from',
  'to',
  'text',
  'varchar',
  'history',
  'reuse',
  'require',
  'never',
]);
/** In all of these a name may stand before its value. */
const SIGNS = new Set(['=', ':=', '<>', '!=']);
/** A body in a body in a body: DO, EXECUTE. */
const BODIES_MAX = 4;
/** Deeper brackets than any statement has are read without their functions. */
const DEPTH_MAX = 256;

/** A longer literal with quotes in it is read as it stands. */
const UNDOUBLED_LENGTH_MAX = 64 * 1024;

/** A literal whose name stands behind it: `'…' AS password`, `'…' = u.password`. */
interface Unnamed {
  readonly from: number;
  readonly to: number;
  readonly value: string;
  /** What may follow: `::` AS = · a type · the name · the dot of a longer name. */
  readonly next: 'sign' | 'type' | 'name' | 'dot';
}

interface Call {
  /** '' when the bracket is no call. */
  readonly name: string;
  index: number;
  /** The argument before was a literal with the name of a secret. */
  isNamed: boolean;
  /** `password IN (…)`: each of them. */
  readonly isSecretList: boolean;
}

/** `statement` is one command or several; a text that is none is read as far as it goes. */
export function scanSql(statement: string, depth = 0): SqlSecrets {
  if (!mayHoldSecrets(statement)) return NONE;
  const scan = new SqlScan(statement, depth);
  scan.run();
  return scan;
}

/** Whether any anchor stands there whose word means anything: nearly all statements are done after this. */
function mayHoldSecrets(text: string): boolean {
  let letters = 0;
  for (let i = 0; i < text.length; i++) {
    letters = nextLetters(letters, text.charCodeAt(i));
    const anchor = ANCHOR_OF[letters] as Anchor;
    if (anchor === Anchor.none || anchor === Anchor.program || anchor === Anchor.option) continue;
    if (anchor !== Anchor.name) return true;
    const [start, end] = wordAround(text, i - 2);
    if (isMeaningful(text, start, end)) return true;
    // Further anchors in it say nothing new.
    i = Math.max(i, end - 1);
    letters = 0;
  }
  return false;
}

function wordAround(text: string, at: number): [number, number] {
  let start = at;
  while (start > 0 && at - start < NAME_LENGTH_MAX && isName(text.charCodeAt(start - 1))) start--;
  // `?code`: the anchor begins before the word.
  if (!isName(text.charCodeAt(at))) start = at + 1;
  let end = start;
  while (end < text.length && isName(text.charCodeAt(end))) end++;
  return [start, end];
}

function isMeaningful(text: string, start: number, end: number): boolean {
  if (end - start > NAME_LENGTH_MAX) return false;
  const word = text.slice(start, end);
  // pgp_sym_decrypt: a function, and the letters of `secret` in it.
  if (Object.hasOwn(SECRET_ARGUMENTS, word.toLowerCase())) return true;
  const meaning = meaningOfName(word);
  if (meaning === 'parameter') return '?&;'.includes(text[start - 1] ?? ' ');
  return meaning !== 'nothing' || text.startsWith('KEY-----', start);
}

class SqlScan implements SqlSecrets {
  readonly spans: Span[] = [];
  readonly parameters = new Set<number>();
  readonly columns = new Set<number>();
  readonly #text: string;
  readonly #lexer: Lexer;
  readonly #calls: Call[] = [];
  /** Words of the statement so far, lower case: the first few say what it is. */
  #verbs: string[] = [];
  /** A name of a secret was read, and what follows may be its value. */
  #awaits: 'nothing' | 'sign' | 'value' = 'nothing';
  #isDoubtful = false;
  #lastWord = '';
  #columnList: 'none' | 'awaited' | 'open' | 'known' = 'none';
  #columnNames: string[] = [];
  #tuple: { readonly depth: number; index: number } | undefined;
  /** The column list is that of SET (a, b) = (…). */
  #isSetList = false;
  #unnamed: Unnamed | undefined;
  /** IN, behind the name of a secret. */
  #isListAhead = false;
  readonly #depth: number;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
    this.#lexer = new Lexer(text);
  }

  run(): void {
    let before = 0;
    for (;;) {
      const kind = this.#lexer.next();
      // A comment: anything may stand there.
      if (this.#lexer.start - before > 2) this.#plain(before, this.#lexer.start);
      before = this.#lexer.end;
      if (kind === Token.end) return;
      this.#take(kind);
    }
  }

  #take(kind: number): void {
    const { start, end } = this.#lexer;
    const raw = this.#text.slice(start, Math.min(end, start + 128));
    if (this.#unnamed !== undefined) this.#nameBehind(this.#unnamed, kind, raw);
    switch (kind) {
      case Token.word:
        this.#word(raw.toLowerCase());
        break;
      case Token.quotedName:
        this.#name(nameInQuotes(raw));
        break;
      case Token.string:
      case Token.dollarString:
        this.#literal(kind);
        break;
      case Token.parameter:
        this.#parameter(Number(raw.slice(1)));
        break;
      case Token.operator:
        this.#operator(raw);
        break;
      case Token.symbol:
        this.#symbol(raw);
        break;
      default:
        this.#awaits = 'nothing';
    }
    if (kind !== Token.word && kind !== Token.quotedName) this.#lastWord = '';
  }

  #nameBehind(literal: Unnamed, kind: number, raw: string): void {
    const isWord = kind === Token.word || kind === Token.quotedName;
    const { next } = literal;
    this.#unnamed = undefined;
    if (next === 'name' && isWord) {
      const meaning = meaningOfName(kind === Token.word ? raw.toLowerCase() : nameInQuotes(raw));
      const isSecret = meaning === 'secret' || (meaning === 'doubtful' && looksLikeCredential(literal.value));
      if (isSecret) this.#span(literal.from, literal.to, literal.value);
      else this.#unnamed = { ...literal, next: 'dot' };
    } else if (next === 'sign') {
      if (raw === '::') this.#unnamed = { ...literal, next: 'type' };
      else if (SIGNS.has(raw) || raw.toLowerCase() === 'as') this.#unnamed = { ...literal, next: 'name' };
    } else if (next === 'type' && isWord) this.#unnamed = { ...literal, next: 'sign' };
    else if (next === 'dot' && raw === '.') this.#unnamed = { ...literal, next: 'name' };
  }

  #word(word: string): void {
    if (this.#verbs.length < 8) this.#verbs.push(word);
    // password NOT IN ('…', '…')
    if (word === 'not' && this.#awaits === 'sign') return;
    this.#isListAhead = word === 'in' && this.#awaits === 'sign' && !this.#isDoubtful;
    if (this.#isOpenPassword(word)) {
      this.#span(this.#lexer.start, this.#lexer.end, this.#text.slice(this.#lexer.start, this.#lexer.end));
      return;
    }
    // IDENTIFIED WITH plugin BY 'secret' REPLACE 'secret'
    if ((word === 'by' || word === 'replace') && this.#verbs.includes('identified')) {
      this.#awaits = 'sign';
      this.#isDoubtful = false;
      this.#lastWord = word;
      return;
    }
    // INSERT INTO t (a, b) VALUES …, COPY t (a, b) FROM …
    if (this.#isList() && word === 'values') this.#tuple = { depth: this.#calls.length, index: -1 };
    else if (this.#columnList === 'known' && word === 'from' && this.#verbs[0] === 'copy') this.#copyColumns();
    this.#name(word);
  }

  #operator(operator: string): void {
    const isSign = SIGNS.has(operator);
    if (this.#isSetList && this.#columnList === 'known') {
      this.#isSetList = false;
      this.#tuple = { depth: this.#calls.length, index: -1 };
    }
    // SET PASSWORD FOR bob = 'secret'
    const sets = this.#verbs[0] === 'set' && this.#verbs[1] === 'password';
    if (sets) this.#isDoubtful = false;
    this.#awaits = isSign && (sets || this.#awaits === 'sign') ? 'value' : 'nothing';
  }

  #isList(): boolean {
    return this.#columnList === 'known' && this.#verbs[0] !== 'copy';
  }

  #name(name: string): void {
    if (this.#columnList === 'open') this.#columnNames[this.#columnNames.length - 1] ??= '';
    if (this.#columnList === 'open') this.#columnNames[this.#columnNames.length - 1] = name;
    const meaning = meaningOfName(name);
    this.#isDoubtful = meaning === 'doubtful';
    // A cast or a function stands between a name and its value: password = crypt('…'), password = lower('…').
    if (this.#awaits !== 'value') this.#awaits = meaning === 'secret' || meaning === 'doubtful' ? 'sign' : 'nothing';
    if (name === 'into' || (name === 'copy' && this.#verbs.length === 1)) this.#columnList = 'awaited';
    this.#lastWord = name;
  }

  /** CREATE USER bob PASSWORD hunter2: an error to the server, and the password stands there all the same. */
  #isOpenPassword(word: string): boolean {
    const [verb, what] = this.#verbs;
    return (
      (verb === 'create' || verb === 'alter') &&
      (what === 'user' || what === 'role' || what === 'login' || what === 'group') &&
      this.#awaits === 'sign' &&
      this.#lastWord === 'password' &&
      !NO_PASSWORD.has(word)
    );
  }

  #symbol(symbol: string): void {
    if (symbol === '(') {
      this.#open();
      return;
    }
    if (symbol === ')') this.#close();
    else if (symbol === ',') this.#comma();
    else if (symbol === ';') this.#begin();
    // password := 'x' is an operator to some and two symbols to others.
    this.#awaits = symbol === ':' && this.#awaits === 'sign' ? 'sign' : 'nothing';
  }

  #open(): void {
    this.#isSetList = this.#lastWord === 'set';
    if (this.#columnList === 'awaited' || this.#isSetList) {
      this.#columnList = 'open';
      this.#columnNames = [''];
    } else if (this.#tuple !== undefined && this.#tuple.depth === this.#calls.length) {
      this.#tuple.index = 0;
    }
    const name = this.#lastWord;
    const isSecretList = this.#isListAhead;
    this.#isListAhead = false;
    if (this.#calls.length < DEPTH_MAX) this.#calls.push({ name, index: 0, isNamed: false, isSecretList });
    // password = crypt('…': the value is still to come. PASSWORD('…') is a call.
    if (this.#awaits !== 'value') this.#awaits = 'nothing';
  }

  #close(): void {
    this.#calls.pop();
    if (this.#columnList === 'open') this.#columnList = 'known';
    if (this.#tuple !== undefined && this.#calls.length <= this.#tuple.depth) this.#tuple.index = -1;
  }

  #comma(): void {
    const call = this.#calls.at(-1);
    if (call !== undefined) {
      call.index++;
      if (call.index % 2 === 0) call.isNamed = false;
    }
    if (this.#columnList === 'open') this.#columnNames.push('');
    if (this.#tuple !== undefined && this.#calls.length === this.#tuple.depth + 1) this.#tuple.index++;
  }

  #begin(): void {
    this.#verbs = [];
    this.#columnList = 'none';
    this.#columnNames = [];
    this.#tuple = undefined;
    this.#isSetList = false;
    this.#isListAhead = false;
    this.#calls.length = 0;
  }

  #copyColumns(): void {
    this.#columnNames.forEach((name, index) => {
      if (meaningOfName(name) === 'secret') this.columns.add(index);
    });
  }

  /** Whether what stands here is the value of a secret, by its place. */
  #place(): 'secret' | 'doubtful' | 'other' {
    const call = this.#calls.at(-1);
    if (call !== undefined && SECRET_ARGUMENTS[call.name] === call.index) return 'secret';
    if (call?.isNamed === true && call.index % 2 === 1) return 'secret';
    if (call?.isSecretList === true) return 'secret';
    if (this.#awaits !== 'nothing') return this.#isDoubtful ? 'doubtful' : 'secret';
    const column = this.#tuple === undefined ? '' : (this.#columnNames[this.#tuple.index] ?? '');
    if (call?.name === 'gen_salt') return 'other';
    const meaning = column === '' ? 'nothing' : meaningOfName(column);
    return meaning === 'secret' || meaning === 'doubtful' ? meaning : 'other';
  }

  #literal(kind: typeof Token.string | typeof Token.dollarString): void {
    const { start, end } = this.#lexer;
    const place = this.#place();
    this.#awaits = 'nothing';
    const raw = this.#text.slice(start, end);
    const value = textInQuotes(raw, kind);
    const call = this.#calls.at(-1);
    if (call !== undefined && PAIRING.has(call.name) && call.index % 2 === 0) {
      call.isNamed = value.length <= 96 && meaningOfName(value) === 'secret';
    }
    const [from, to] = this.#inner(raw, kind);
    const isSecret = place === 'secret' ? !isPlaceholder(value) : place === 'doubtful' && looksLikeCredential(value);
    if (isSecret) this.#span(from, to, value);
    else if (kind === Token.string && raw.includes("''") && raw.length <= UNDOUBLED_LENGTH_MAX)
      this.#undoubled(from, to);
    else {
      this.#plain(from, to);
      if (kind === Token.dollarString) this.#body(from, to);
    }
    if (!isSecret && !isPlaceholder(value)) this.#unnamed = { from, to, value, next: 'sign' };
  }

  /** Of DO and CREATE FUNCTION: commands of its own, most often. */
  #body(from: number, to: number): void {
    if (this.#depth >= BODIES_MAX) return;
    for (const span of scanSql(this.#text.slice(from, to), this.#depth + 1).spans) {
      this.spans.push({ ...span, from: from + span.from, to: from + span.to });
    }
  }

  /** Between the quotes; of a literal that is not closed, the rest. */
  #inner(raw: string, kind: typeof Token.string | typeof Token.dollarString): [number, number] {
    const { start, end } = this.#lexer;
    const opening = kind === Token.string ? raw.indexOf("'") + 1 : raw.indexOf('$', 1) + 1;
    const closing = kind === Token.string ? "'" : raw.slice(0, opening);
    const isClosed = raw.length >= opening + closing.length && raw.endsWith(closing);
    return [start + opening, isClosed ? end - closing.length : end];
  }

  /** What stands in a literal with doubled quotes is read as it is meant, and found again in the literal. */
  #undoubled(from: number, to: number): void {
    const places: number[] = [];
    let plain = '';
    for (let at = from; at < to; at++) {
      const character = this.#text[at] as string;
      plain += character;
      places.push(at);
      if (character === "'" && this.#text[at + 1] === "'") at++;
    }
    places.push(to);
    for (const span of new PlainScan(plain).run(0, plain.length).spans) {
      this.spans.push({ ...span, from: places[span.from] as number, to: places[span.to] as number });
    }
  }

  #parameter(number: number): void {
    const place = this.#place();
    this.#awaits = 'nothing';
    if (place === 'secret') this.parameters.add(number);
  }

  #span(from: number, to: number, secret: string): void {
    this.#awaits = 'nothing';
    if (to > from) this.spans.push({ from, to, kind: 'secret', secret });
  }

  /** A connection string, JSON, a URL, a comment: text of another kind. */
  #plain(from: number, to: number): void {
    if (to - from >= 8) addAll(this.spans, new PlainScan(this.#text).run(from, to).spans);
  }
}
