// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets in text of any kind: JSON, YAML, forms, headers, environments, connection strings, command lines, prose.
 *
 * Cost     linear in the text, whatever it is: each character is passed once, what an anchor makes us look at is bounded,
 *          and a value that was looked at is not looked at again
 * Misses   a secret that neither its name, nor its place, nor its form gives away
 */
import { ANCHOR_OF, Anchor, nextLetters } from './anchors.ts';
import { issuedKeyAt, isWordCharacter } from './issued-keys.ts';
import { endOfQuoted, type Quotes, quotesAt, quotesBefore, unquoted } from './quoted-value.ts';
import { isNameCharacter as isName, meaningOfName, NAME_LENGTH_MAX, type NameMeaning } from './secret-name.ts';
import {
  colonBeforeSecret,
  isMark,
  isPlaceholder,
  isSecret,
  looksLikeCredential,
  looksLikePassword,
} from './secret-value.ts';
import type { Span } from './span.ts';

/** Blanks between a name, its sign and its value. */
const BLANKS_MAX = 16;
/** How far behind the program a short option is still its own. */
const COMMAND_LENGTH_MAX = 1024;
const USERINFO_LENGTH_MAX = 1024;
const SLASHED_PASSWORD_MAX = 64;
const INNER_QUOTES_MAX = 8;
/** A private key without an end: as much as the largest keys have. */
const KEY_BLOCK_MAX = 32 * 1024;

const BASE64URL = new Uint8Array(128);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-') {
  BASE64URL[character.charCodeAt(0)] = 1;
}

/** Blanks, quotes and brackets, and what begins behind the authority. */
const USERINFO_ENDS = new Uint8Array(128).fill(1, 0, 0x21);
for (const character of '"\'`<>\\/?#|') USERINFO_ENDS[character.charCodeAt(0)] = 1;

/** Schemes of Authorization whose credential is one piece. Others have a list of parameters to the end of the line. */
const ONE_PIECE_SCHEMES =
  /^(?:bearer|basic|token|negotiate|ntlm|apikey|api-key|key|bot|dpop|pop|splunk|ssws|sso-key|genie-?key|privatetoken|oauth2?)$/i;
const SCHEME = /([A-Za-z][A-Za-z0-9-]{1,31})[ \t]+(?=\S)/y;
const NAMED_VALUE = /[ \t\r\n]{0,16},[ \t\r\n]{0,16}\\{0,7}["']value\\{0,7}["'][ \t\r\n]{0,16}:[ \t\r\n]{0,16}/y;
const NAMED_VALUE_YAML = /[ \t]{0,16}\r?\n[ \t]{0,64}value:[ \t]{0,16}/y;
const IDENTIFIED_BY = /identified by[ \t]{1,16}(?:password[ \t]{1,16})?/iy;
const BEARER = /bearer[ \t]{1,4}([A-Za-z0-9._~+/-]{16,8192}={0,2})/iy;
const BASIC = /basic[ \t]{1,4}([A-Za-z0-9+/_-]{6,2048}={0,2})/iy;
const TOKEN_MARK = /\[token:[0-9a-f]{64}\]/y;
/** Of .netrc: `login NAME password SECRET`. */
const LOGIN_BEFORE = /\blogin[ \t\r\n]{1,16}\S{1,64}[ \t\r\n]{1,16}$/;
const LOGIN_BEFORE_MAX = 101;
const PRIVATE_KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE $/;
/** Programs, by the beginning of their names, and what they take behind which short option. */
const PROGRAMS: readonly { readonly name: string; readonly option: 'u' | 'p'; readonly apart: boolean }[] = [
  { name: 'curl', option: 'u', apart: true },
  { name: 'mysql', option: 'p', apart: false },
  { name: 'mariadb', option: 'p', apart: false },
  { name: 'sshpass', option: 'p', apart: true },
];
/** Words that follow an option in a text about it. */
const PROSE =
  /^(?:a|an|and|are|as|be|been|by|can|file|flag|for|from|has|have|if|in|instead|into|is|it|its|may|must|not|of|on|option|options|or|should|that|the|then|this|to|using|value|via|was|when|which|will|with|you|your|[A-Z_]{2,})$/;

export class PlainScan {
  readonly spans: Span[] = [];
  readonly #text: string;
  #from = 0;
  #to = 0;
  /** The end of what was found last: no word begins before it. */
  #doneTo = 0;
  /** Where the scan goes on: behind what was looked at. */
  #resumeAt = 0;
  /** The end of the word that was looked at last: further anchors in it say nothing new. */
  #wordEnd = 0;
  #program: (typeof PROGRAMS)[number] | undefined;
  #programAt = 0;
  /** How far behind the program its command was seen to go on. */
  #commandTo = 0;
  /** Up to here a name that may mean anything was judged already, and the rest of its value is no other's. */
  #judgedTo = 0;
  /** The last end of a line and ends of words that were looked for, good for every place before them. */
  #lineEnd = { from: 0, end: 0 };
  readonly #wordEnds = { inLine: { from: 0, end: 0 }, inText: { from: 0, end: 0 }, inForm: { from: 0, end: 0 } };
  #keyBlockEnds = true;

  constructor(text: string) {
    this.#text = text;
  }

  /** Adds what is found in [from, to) to `spans`, in order. */
  run(from: number, to: number): this {
    const text = this.#text;
    this.#from = from;
    this.#to = to;
    this.#wordEnd = from;
    this.#doneTo = from;
    let letters = 0;
    for (let i = from; i < to; i++) {
      letters = nextLetters(letters, text.charCodeAt(i));
      const anchor = ANCHOR_OF[letters] as Anchor;
      if (anchor === Anchor.none || i - 2 < from) continue;
      this.#resumeAt = i + 1;
      this.#look(anchor, i - 2);
      if (this.#resumeAt > i + 1) {
        i = this.#resumeAt - 1;
        letters = 0;
      }
    }
    return this;
  }

  #look(anchor: Anchor, at: number): void {
    switch (anchor) {
      case Anchor.name:
        this.#name(at);
        break;
      case Anchor.address:
        if (this.#text.startsWith('://', at)) this.#userinfo(at + 3);
        break;
      case Anchor.webToken:
        this.#webToken(at);
        break;
      case Anchor.issuedKey:
        this.#issuedKey(at);
        break;
      case Anchor.scheme:
        this.#scheme(at);
        break;
      case Anchor.identifiedBy:
        this.#identifiedBy(at);
        break;
      case Anchor.program:
        this.#noteProgram(at);
        break;
      case Anchor.option:
        this.#option(at);
        break;
    }
  }

  #add(from: number, end: number, kind: Span['kind'] = 'secret', secret = this.#text.slice(from, end)): void {
    const to = Math.min(end, this.#to);
    this.#resumeAt = Math.max(this.#resumeAt, to);
    this.#doneTo = Math.max(this.#doneTo, to);
    if (to > from)
      this.spans.push({ from, to, kind: kind === 'secret' && isWebToken(secret) ? 'token' : kind, secret });
  }

  #name(at: number): void {
    const text = this.#text;
    if (at < this.#wordEnd) return;
    let start = at;
    while (start > this.#doneTo && at - start <= NAME_LENGTH_MAX && isName(text.charCodeAt(start - 1))) start--;
    // `?code`: the anchor begins before the word.
    if (!isName(text.charCodeAt(at))) start = at + 1;
    let end = start;
    while (end < this.#to && isName(text.charCodeAt(end))) end++;
    this.#wordEnd = end;
    if (end - start > NAME_LENGTH_MAX) return;
    if (text.startsWith('KEY', start) && this.#privateKey(start)) return;
    // The end of a sentence is none of the name's.
    while (end > start && '.-'.includes(text[end - 1] as string)) end--;
    const name = text.slice(start, end);
    const meaning = meaningOfName(name);
    if (meaning === 'nothing' || (meaning !== 'secret' && start < this.#judgedTo)) return;
    if (this.#isOurMark(start)) return;
    if (meaning === 'parameter' && (start === this.#from || !'?&;'.includes(text[start - 1] as string))) return;
    const place = this.#valueBehind(start, end, meaning);
    if (place !== undefined) this.#value(place, name, meaning);
  }

  /** `[token:…]`, in a text that was redacted before. */
  #isOurMark(start: number): boolean {
    TOKEN_MARK.lastIndex = start - 1;
    return TOKEN_MARK.test(this.#text);
  }

  /** Where the value of a name stands, if one does. */
  #valueBehind(start: number, end: number, meaning: NameMeaning): ValuePlace | undefined {
    const text = this.#text;
    const before = start > this.#from ? quotesBefore(text, start) : undefined;
    let at = end;
    const after = before === undefined ? undefined : quotesAt(text, at);
    const isQuoted = after !== undefined && after.code === before?.code && after.depth === before.depth;
    if (isQuoted) at += after.depth + 1;
    if (text[at] === ']') at++;
    const signAt = this.#skipBlanks(at, isQuoted);
    const base = { start, isQuotedName: isQuoted };
    const sign = text[signAt];
    if (sign === '=') {
      const next = text[signAt + 1];
      const valueAt = this.#skipBlanks(signAt + (next === '=' || next === '>' ? 2 : 1), isQuoted);
      const isClose = signAt === at && valueAt === signAt + 1;
      return { ...base, at: valueAt, sign: isClose ? '=' : ' = ' };
    }
    if (sign === ':') {
      const next = text[signAt + 1];
      // SQL: password::text
      if (next === ':') return undefined;
      return { ...base, at: this.#skipBlanks(signAt + (next === '=' ? 2 : 1), isQuoted), sign: ':' };
    }
    const named = this.#namedValue(start, at, isQuoted);
    if (named !== undefined) return { ...base, isQuotedName: isQuoted, at: named, sign: '=' };
    if (signAt === at || meaning === 'authorization' || meaning === 'cookie') return undefined;
    // `--password secret`, and in SQL PASSWORD 'secret'.
    if (text[start] === '-' && !isQuoted) return { ...base, at: signAt, sign: '--' };
    if (this.#hasLoginBefore(start)) return { ...base, at: signAt, sign: '--' };
    const quotes = meaning === 'secret' ? quotesAt(text, this.#skipPrefix(signAt)) : undefined;
    return quotes === undefined || isQuoted ? undefined : { ...base, at: signAt, sign: ':' };
  }

  #hasLoginBefore(start: number): boolean {
    return LOGIN_BEFORE.test(this.#text.slice(Math.max(this.#from, start - LOGIN_BEFORE_MAX), start));
  }

  /** `{"name": "DB_PASSWORD", "value": "…"}`, as containers have their environments. */
  #namedValue(start: number, at: number, isQuoted: boolean): number | undefined {
    const pattern = isQuoted ? NAMED_VALUE : NAMED_VALUE_YAML;
    const before = this.#text.slice(Math.max(this.#from, start - 16), start);
    if (!/name\\{0,7}["']?[ \t]{0,4}:[ \t]{0,4}\\{0,7}["']?$/i.test(before)) return undefined;
    pattern.lastIndex = at;
    const match = pattern.exec(this.#text);
    return match === null ? undefined : at + match[0].length;
  }

  #value(place: ValuePlace, name: string, meaning: NameMeaning): void {
    const text = this.#text;
    const at = this.#skipPrefix(place.at);
    const quotes = quotesAt(text, at);
    if (quotes !== undefined) {
      const from = at + quotes.depth + 1;
      this.#judge(from, endOfQuoted(text, from, this.#to, quotes), name, meaning, quotes);
      return;
    }
    if (meaning === 'authorization' || meaning === 'cookie') {
      this.#judge(place.at, this.#endOfLine(place.at), name, meaning, undefined);
      return;
    }
    const isLine = this.#beginsLine(place.start);
    // `password = other_column`, `secret == None`: code, unless it is a line of a file of settings.
    if (place.sign === ' = ' && !isLine) return;
    const isForm = place.sign === '=' && this.#isParameter(place.start);
    const end = isForm ? this.#endOfFormValue(place.at) : this.#endOfWord(place.at, isLine && place.sign !== ':');
    if (end === place.at || text[end] === '(' || text[end] === '[') return;
    const value = text.slice(place.at, end);
    if (place.sign === '--' && (value.startsWith('-') || PROSE.test(value))) return;
    if (place.sign === ':' && !place.isQuotedName && !this.#isSetting(value, end, isLine)) return;
    // Code: getpass.getpass(), os.environ["…"]. Settings in capitals hold no code.
    if (!isForm && /^[A-Za-z_][\w.]*[([]/.test(value) && !/^[A-Z0-9_]+$/.test(name)) return;
    // Code that hands on what has the same name: f(password=password, token=self.token).
    if (',)'.includes(text[end] ?? ' ') && meaningOfName(value) !== 'nothing') return;
    this.#judge(place.at, end, name, meaning, undefined);
  }

  /** `password: hunter2` is a setting; `password: must be changed` is a sentence. */
  #isSetting(value: string, end: number, isLine: boolean): boolean {
    if (/[^A-Za-z]/.test(value.replace(/[.,!?]+$/, ''))) return true;
    const rest = this.#skipBlanks(end, false);
    return isLine && (rest >= this.#to || '\r\n\\'.includes(this.#text[rest] as string));
  }

  #judge(from: number, to: number, name: string, meaning: NameMeaning, quotes: Quotes | undefined): void {
    const text = this.#text;
    // What was looked at is done, secret or not.
    this.#resumeAt = Math.max(this.#resumeAt, from);
    if (meaning === 'authorization') {
      this.#authorization(from, to);
      return;
    }
    const value = text.slice(from, to);
    if (meaning === 'cookie') {
      const end = /^set/i.test(name) ? from + (value.indexOf(';') < 0 ? value.length : value.indexOf(';')) : to;
      if (value.length >= 8 && /^[\w.-]{1,256}=./.test(value)) this.#add(from, end);
      return;
    }
    if (meaning !== 'secret' && !isCredential(value, name, quotes)) {
      this.#judgedTo = to;
      return;
    }
    if (meaning === 'secret' && !isSecret(value, name)) return;
    this.#add(from, to, 'secret', quotes === undefined ? value : unquoted(value, quotes));
  }

  /** `Bearer abc` keeps its scheme; without one nothing stays. */
  #authorization(from: number, to: number): void {
    const text = this.#text;
    SCHEME.lastIndex = from;
    const scheme = SCHEME.exec(text)?.[1];
    if (scheme === undefined || from + scheme.length >= to) {
      const end = Math.min(to, this.#endOfWord(from, false));
      if (looksLikeCredential(text.slice(from, end))) this.#add(from, end);
      else this.#judgedTo = end;
      return;
    }
    const secretAt = this.#skipBlanks(from + scheme.length, false);
    const isOnePiece = ONE_PIECE_SCHEMES.test(scheme);
    const end = isOnePiece ? Math.min(to, this.#endOfWord(secretAt, false)) : to;
    const secret = text.slice(secretAt, end);
    if (isPlaceholder(secret) || isMark(secret, 0)) return;
    // A sentence about authorization has words here.
    if (isOnePiece ? secret.length >= 6 : /^[\w-]{1,64}=|^[A-Za-z0-9+/_=.:-]{16,}$/.test(secret)) {
      this.#add(secretAt, end);
    }
  }

  #userinfo(from: number): void {
    const text = this.#text;
    // An address of IPv6, or a mark of ours.
    if (text[from] === '[') return;
    const limit = Math.min(this.#to, from + USERINFO_LENGTH_MAX);
    let colonAt = -1;
    let atSign = -1;
    for (let i = from; i < limit; i++) {
      const code = text.charCodeAt(i);
      if (code === 0x40) atSign = i;
      else if (code === 0x3a && colonAt < 0) colonAt = i;
      else if (code < 128 && USERINFO_ENDS[code] === 1) {
        if (code === 0x27 && colonAt >= 0 && isInnerQuote(text, i)) continue;
        // A password may hold '/', though it should not; what has a port before it has no password.
        if (code !== 0x2f && code !== 0x3f && code !== 0x23) break;
        if (atSign >= 0 || colonAt < 0 || i === colonAt + 1 || i - colonAt > SLASHED_PASSWORD_MAX) break;
        if (/^\d{1,5}$/.test(text.slice(colonAt + 1, i))) break;
      }
    }
    if (atSign < 0) return;
    const userEnd = colonAt < 0 || colonAt > atSign ? atSign : colonAt;
    const user = text.slice(from, userEnd);
    if (looksLikeCredential(user)) this.#add(from, userEnd, 'secret', decoded(user));
    const secret = text.slice(userEnd + 1, atSign);
    if (!isPlaceholder(secret)) this.#add(userEnd + 1, atSign, 'secret', decoded(secret));
    this.#resumeAt = Math.max(this.#resumeAt, atSign);
  }

  /** header.payload.signature, or five parts when it is encrypted. Source: RFC 7519, section 3. */
  #webToken(at: number): void {
    const text = this.#text;
    if (!text.startsWith('eyJ', at) || isBase64url(text.charCodeAt(at - 1))) return;
    let end = at;
    let parts = 0;
    for (; parts < 5; parts++) {
      const partAt = parts === 0 ? end : end + 1;
      if (parts > 0 && text[end] !== '.') break;
      let partEnd = partAt;
      while (partEnd < this.#to && isBase64url(text.charCodeAt(partEnd))) partEnd++;
      // Only the key of a directly encrypted token is empty.
      if (partEnd === partAt && parts !== 1) break;
      end = partEnd;
    }
    this.#resumeAt = Math.max(this.#resumeAt, end);
    if (parts >= 3 && end - at >= 24) this.#add(at, end, 'token');
  }

  #issuedKey(at: number): void {
    const key = issuedKeyAt(this.#text, at);
    if (key !== undefined && key.to <= this.#to) this.#add(key.from, key.to);
  }

  #scheme(at: number): void {
    const text = this.#text;
    const pattern = text[at + 1] === 'e' || text[at + 1] === 'E' ? BEARER : BASIC;
    const start = pattern === BEARER ? at : at - 1;
    const isWord = start >= this.#from && !isWordCharacter(text.charCodeAt(start - 1));
    pattern.lastIndex = start;
    const match = isWord ? pattern.exec(text) : null;
    if (match === null) {
      this.#issuedKey(at);
      return;
    }
    const secret = match[1] as string;
    if (pattern === BEARER ? /\d/.test(secret) : isBasic(secret)) {
      this.#add(start + match[0].length - secret.length, start + match[0].length);
    }
  }

  #identifiedBy(at: number): void {
    IDENTIFIED_BY.lastIndex = at - 9;
    const match = at - 9 < this.#from ? null : IDENTIFIED_BY.exec(this.#text);
    if (match === null) return;
    const valueAt = at - 9 + match[0].length;
    const quotes = quotesAt(this.#text, valueAt);
    if (quotes === undefined) return;
    const from = valueAt + quotes.depth + 1;
    const end = endOfQuoted(this.#text, from, this.#to, quotes);
    if (!isPlaceholder(this.#text.slice(from, end))) {
      this.#add(from, end, 'secret', unquoted(this.#text.slice(from, end), quotes));
    }
  }

  #noteProgram(at: number): void {
    const program = PROGRAMS.find(({ name }) => this.#text.startsWith(name, at));
    // `shp` stands in the middle of `sshpass`.
    const found = program ?? (this.#text.startsWith('sshpass', at - 1) ? PROGRAMS.at(-1) : undefined);
    if (found === undefined) return;
    this.#program = found;
    this.#programAt = at;
    this.#commandTo = at;
    if (found.name === 'sshpass') this.#resumeAt = at + 6;
  }

  /** ` -u user:secret`, ` -psecret`, when the program is one that means it so. */
  #option(at: number): void {
    const text = this.#text;
    const program = this.#program;
    if (program === undefined || at - this.#programAt > COMMAND_LENGTH_MAX) return;
    if (text[at] !== ' ' || text[at + 1] !== '-') return;
    const letter = text[at + 2];
    const isProxyUser = program.name === 'curl' && letter === 'U';
    if (letter !== program.option && !isProxyUser) return;
    if (/[\n;|]/.test(text.slice(this.#commandTo, at))) {
      this.#program = undefined;
      return;
    }
    this.#commandTo = at;
    const gap = text[at + 3] === ' ' ? 1 : 0;
    if (gap === 1 && !program.apart) return;
    const valueAt = at + 3 + gap;
    const quotes = quotesAt(text, valueAt);
    const from = quotes === undefined ? valueAt : valueAt + quotes.depth + 1;
    const end = quotes === undefined ? this.#endOfWord(from, true) : endOfQuoted(text, from, this.#to, quotes);
    const value = text.slice(from, end);
    const secretAt = program.name === 'curl' ? colonBeforeSecret(value, 0) + 1 : 0;
    if ((program.name === 'curl' && secretAt === 0) || isMark(value, 0)) return;
    if (!isPlaceholder(value.slice(secretAt))) this.#add(from + secretAt, end);
  }

  /** Returns whether it was one: `KEY-----` behind `-----BEGIN … PRIVATE `. */
  #privateKey(start: number): boolean {
    const text = this.#text;
    if (!text.startsWith('KEY-----', start) && !text.startsWith('KEY BLOCK-----', start)) return false;
    const lineAt = Math.max(this.#from, start - 64);
    const begins = PRIVATE_KEY_BEGINS.exec(text.slice(lineAt, start));
    if (begins === null) return false;
    const from = lineAt + begins.index;
    const endLine = this.#keyBlockEnds ? text.indexOf('-----END ', start) : -1;
    // Looked for once: where there is none, there is none further on.
    if (endLine < 0) this.#keyBlockEnds = false;
    const dashes = endLine < 0 ? -1 : text.indexOf('-----', endLine + 9);
    const to = dashes < 0 ? Math.min(this.#to, start + KEY_BLOCK_MAX) : Math.min(this.#to, dashes + 5);
    this.#wordEnd = to;
    this.#add(from, to, 'key');
    return true;
  }

  #skipBlanks(at: number, alsoLines: boolean): number {
    const limit = Math.min(this.#to, at + BLANKS_MAX);
    while (at < limit) {
      const code = this.#text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x09 && !(alsoLines && (code === 0x0a || code === 0x0d))) break;
      at++;
    }
    return at;
  }

  /** E'…', N'…', b"…" */
  #skipPrefix(at: number): number {
    const next = this.#text.charCodeAt(at + 1);
    return (next === 0x27 || next === 0x22) && /[A-Za-z]/.test(this.#text[at] as string) ? at + 1 : at;
  }

  #beginsLine(start: number): boolean {
    let at = start;
    const limit = Math.max(this.#from, start - BLANKS_MAX);
    while (at > limit && ' \t-'.includes(this.#text[at - 1] as string)) at--;
    if (at > limit && this.#text.startsWith('export ', at - 7)) at -= 7;
    if (at <= this.#from) return true;
    const before = this.#text[at - 1] as string;
    // In JSON in JSON, lines end with \n.
    return before === '\n' || before === '\r' || (before === 'n' && this.#text[at - 2] === '\\');
  }

  /** The end of a value without quotes. In a line of settings only blanks end it, and the next setting. */
  #endOfWord(from: number, isLine: boolean): number {
    const cached = isLine ? this.#wordEnds.inLine : this.#wordEnds.inText;
    if (from < cached.from || from >= cached.end) {
      cached.from = from;
      cached.end = this.#findEndOfWord(from, isLine);
    }
    return Math.max(from, cached.end);
  }

  #findEndOfWord(from: number, isLine: boolean): number {
    const text = this.#text;
    for (let at = from; at < this.#to; at++) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) continue;
      if (code <= 0x20) return at;
      switch (text[at]) {
        case '"':
        case "'":
        case '`':
        case '<':
        case '>':
          return at;
        case '&':
        case ';':
        case ',':
          if (this.#isBreak(at, isLine)) return at;
          break;
        case '\\':
          if (/[nrt"'\\/u]/.test(text[at + 1] ?? ' ')) return at;
          break;
        case '(':
        case ')':
        case '[':
        case ']':
        case '{':
        case '}':
        case '|':
          // ${VARIABLE}, [redacted]
          if (isLine || at === from || text[at - 1] === '$' || text[from] === '[' || text[from] === '$') break;
          return at;
      }
    }
    return this.#to;
  }

  /** Of a URL's query or a form: `a=1&password=…`. */
  #isParameter(start: number): boolean {
    return start > this.#from && '?&'.includes(this.#text[start - 1] as string);
  }

  #endOfFormValue(from: number): number {
    const cached = this.#wordEnds.inForm;
    if (from < cached.from || from >= cached.end) {
      cached.from = from;
      cached.end = this.#findEndOfFormValue(from);
    }
    return Math.max(from, cached.end);
  }

  /** What is not percent-encoded by all: ' ( ) * ! and the like may belong to the value. */
  #findEndOfFormValue(from: number): number {
    const text = this.#text;
    for (let at = from; at < this.#to; at++) {
      const code = text.charCodeAt(at);
      if (code <= 0x20) return at;
      switch (text[at]) {
        case '"':
        case '`':
        case '<':
        case '>':
        case '#':
        case '&':
          return at;
        case "'":
          if (!isInnerQuote(text, at)) return at;
          break;
        case ')':
        case ',':
        case ';':
          if (this.#isBreak(at, true)) return at;
          break;
        case '\\':
          if (/[nrt"'\\/u]/.test(text[at + 1] ?? ' ')) return at;
          break;
      }
    }
    return this.#to;
  }

  #endOfLine(from: number): number {
    if (from < this.#lineEnd.from || from >= this.#lineEnd.end) {
      this.#lineEnd = { from, end: this.#findEndOfLine(from) };
    }
    return this.#lineEnd.end;
  }

  #findEndOfLine(from: number): number {
    const text = this.#text;
    for (let at = from; at < this.#to; at++) {
      const code = text.charCodeAt(at);
      // Digest username="…": parameters of the header itself.
      if (code === 0x22 && text[at - 1] === '=' && at > from) {
        const closingAt = this.#endOfParameter(at + 1);
        if (closingAt < 0) return at;
        at = closingAt;
        continue;
      }
      if (code === 0x0a || code === 0x0d || code === 0x22 || code === 0x27 || code === 0x60) return at;
      if (code === 0x5c && /[nr"']/.test(text[at + 1] ?? ' ')) return at;
    }
    return this.#to;
  }

  /** The closing quote on the same line; -1 when there is none. */
  #endOfParameter(from: number): number {
    const text = this.#text;
    for (let at = from; at < this.#to; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) return at;
      if (code === 0x0a || code === 0x0d) return -1;
    }
    return -1;
  }

  /** `&`, `;` and `,` may belong to a password; what follows says whether they do. */
  #isBreak(at: number, isLine: boolean): boolean {
    const next = this.#text.charCodeAt(at + 1);
    if (at + 1 >= this.#to || next <= 0x20 || next === 0x22 || next === 0x27) return true;
    NEXT_SETTING.lastIndex = at + 1;
    return NEXT_SETTING.test(this.#text) || (!isLine && this.#text[at] === ',');
  }
}

const NEXT_SETTING = /[ ]?[\w.%+[\]-]{1,64}[ ]?[=:]/y;

interface ValuePlace {
  readonly start: number;
  readonly isQuotedName: boolean;
  readonly at: number;
  readonly sign: '=' | ' = ' | ':' | '--';
}

/** A single quote that belongs to a percent-encoded text, because the text goes on behind it. */
function isInnerQuote(text: string, at: number): boolean {
  let next = at + 1;
  while (next < at + INNER_QUOTES_MAX && "')".includes(text[next] ?? ' ')) next++;
  return isWordCharacter(text.charCodeAt(next)) || '%(*!~.-@&'.includes(text[next] ?? ' ');
}

function isBase64url(code: number): boolean {
  return code < 128 && BASE64URL[code] === 1;
}

/** For names that may mean anything. */
function isCredential(value: string, name: string, quotes: Quotes | undefined): boolean {
  const plain = name.toLowerCase();
  if (/pass$/.test(plain)) return looksLikePassword(value);
  // Docker's configuration: "auth": base64 of user:password.
  if (plain === 'auth' && quotes !== undefined && isBasic(value)) return true;
  if (/(?:^sig|signature)$/.test(plain)) return value.length >= 16 && !isPlaceholder(value);
  return looksLikeCredential(value) && !isPlaceholder(value);
}

/** The whole of it is a JSON Web Token: known elsewhere in the record by its fingerprint. */
function isWebToken(secret: string): boolean {
  return secret.startsWith('eyJ') && secret.length >= 24 && /^eyJ[\w-]+\.[\w-]*\.[\w-]+(?:\.[\w-]+){0,2}$/.test(secret);
}

/** base64 of user:password */
function isBasic(value: string): boolean {
  if (value.length > 4096 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) return false;
  const plain = Buffer.from(value, 'base64').toString('latin1');
  return /^[\x20-\x7e\x80-\xff]*$/.test(plain) && plain.indexOf(':') > 0 && plain.length > 2;
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
