// SPDX-License-Identifier: Apache-2.0

/**
 * Credentials out of texts and payloads, once, before anything is sealed or reaches a disk.
 *
 * A credential is replaced by `[redacted:xxxxxxxxxxxx]`, 12 hex digits of HMAC-SHA-256 under the host's own key: equal
 * credentials stay equal, so that search and joins work, and nobody without the key can try guesses. A JSON Web Token
 * becomes `[token:SHA-256]`, the fingerprint that the `tokens` table has.
 *
 * Decoders have taken the credentials of their protocols out already; this finds those that stand in what people and
 * programs wrote. It looks at names, places and forms: a secret that none of these gives away is not found, and README.md
 * says which those are. Nothing is left out because it is large.
 */
import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { tokenAsIssued } from '../../protocol/bytes/token-spelling.ts';
import type { Exchange } from '../../protocol/decoder.ts';
import { wordSpans } from './command-words.ts';
import { copySpans, elementSpans, rowSpans } from './json-elements.ts';
import { PlainScan } from './plain-scan.ts';
import { shellSpans } from './shell-scan.ts';
import { joined, type Span } from './span.ts';
import { scanSql } from './sql-scan.ts';

/** Protocols whose statements are SQL. */
const SQL_PROTOCOLS = new Set(['postgresql', 'mysql']);
/** A secret of the statement that comes back in a message is found again when it is long enough to be no common word. */
const ECHO_LENGTH_MIN = 6;
const ECHOES_MAX = 64;
const HMAC_BLOCK_BYTES = 64;
/** Shorter texts hold no credential with a word that says so. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they separate what is text from what is not.
const PRINTABLE = /[^\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]{8,}/g;
/** Replies up to this size are searched for echoes. */
const ECHO_REPLY_BYTES_MAX = 64 * 1024;

type Encoding = 'utf8' | 'latin1';

export type CleanExchange = Pick<
  Exchange,
  'target' | 'resource' | 'statement' | 'statementShape' | 'parameters' | 'errorMessage' | 'attributes'
> & { readonly request: Uint8Array; readonly response: Uint8Array };

export class Redactor {
  readonly #inner: Buffer;
  readonly #outer: Buffer;
  /** Credentials taken out so far. */
  count = 0;

  /** Errors: RangeError for a key that HMAC would have to hash first; ours are shorter. */
  constructor(key: Uint8Array) {
    if (key.length > HMAC_BLOCK_BYTES) throw new RangeError(`a key of ${key.length} bytes is too long`);
    this.#inner = paddedKey(key, 0x36);
    this.#outer = paddedKey(key, 0x5c);
  }

  /** `text` without credentials; the same string when there were none. */
  text(text: string): string {
    return text.length < 6 ? text : this.#replaced(text, new PlainScan(text).run(0, text.length).spans, 'utf8');
  }

  /** As `text`, for a payload; bytes that are no text are looked at as Latin-1 and so stay what they are. */
  bytes(bytes: Uint8Array): Uint8Array {
    return this.#payload(bytes, () => []);
  }

  /**
   * As `bytes`, for what is of no known language: each of its texts may be SQL or commands. Meant for small ones: it takes some
   * microseconds a kilobyte, and takes too much rather than too little.
   */
  unknown(bytes: Uint8Array): Uint8Array {
    return this.#payload(bytes, (text) => {
      const spans: Span[] = [];
      // A quote among binary bytes opens no string of the text behind them.
      for (const { 0: words, index } of text.matchAll(PRINTABLE)) {
        for (const span of [...scanSql(words).spans, ...shellSpans(words, 0)]) {
          spans.push({ ...span, from: span.from + index, to: span.to + index });
        }
      }
      return spans;
    });
  }

  /**
   * As `bytes`, for one text that came in pieces: with the lengths that the pieces have then. A credential belongs to the
   * piece in which it begins. Looked at as Latin-1, so that a character is a byte.
   */
  pieces(bytes: Uint8Array, lengths: readonly number[]): { bytes: Uint8Array; lengths: readonly number[] } {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const spans = text.length < 6 ? [] : joined(new PlainScan(text).run(0, text.length).spans);
    if (spans.length === 0) return { bytes, lengths };
    const kept: string[] = [];
    let from = 0;
    let next = 0;
    for (const length of lengths) {
      const to = from + length;
      let piece = '';
      let done = from;
      // Of one that began in an earlier piece nothing is left here.
      const before = spans[next - 1];
      if (before !== undefined && before.to > done) done = Math.min(before.to, to);
      for (let span = spans[next]; span !== undefined && span.from < to; span = spans[++next]) {
        piece += text.slice(done, span.from) + this.#token(span, 'latin1');
        done = Math.min(span.to, to);
      }
      kept.push(piece + text.slice(done, to));
      from = to;
    }
    return { bytes: Buffer.from(kept.join(''), 'latin1'), lengths: kept.map((piece) => piece.length) };
  }

  /** The words of a command. */
  argv(argv: readonly string[]): readonly string[] {
    const found = wordSpans(argv);
    return argv.map((word, i) => this.#replaced(word, found[i] as readonly Span[], 'utf8'));
  }

  record(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    let clean: Record<string, string> | undefined;
    for (const name in values) {
      const before = values[name] as string;
      const after = this.text(before);
      if (after === before) continue;
      clean ??= { ...values };
      clean[name] = after;
    }
    return clean ?? values;
  }

  /** All texts and payloads of an exchange. What is a secret in the statement is one in the answer as well. */
  exchange(protocol: string, exchange: Exchange): CleanExchange {
    if (!SQL_PROTOCOLS.has(protocol)) {
      return {
        target: this.text(exchange.target),
        resource: this.text(exchange.resource),
        statement: this.text(exchange.statement),
        statementShape: this.text(exchange.statementShape),
        parameters: this.text(exchange.parameters),
        errorMessage: this.text(exchange.errorMessage),
        attributes: this.record(exchange.attributes),
        request: this.bytes(exchange.request.bytes),
        response: this.bytes(exchange.response.bytes),
      };
    }
    const { statement, parameters } = exchange;
    const sql = scanSql(statement);
    const bound = elementSpans(parameters, new Set([...sql.parameters].map((number) => number - 1)));
    const echoes = echoesOf([...sql.spans, ...bound]);
    return {
      target: this.text(exchange.target),
      resource: this.text(exchange.resource),
      statement: this.#replaced(statement, sql.spans, 'utf8'),
      // Without literals: there is nothing in it.
      statementShape: exchange.statementShape,
      parameters: this.#replaced(
        parameters,
        [...bound, ...new PlainScan(parameters).run(0, parameters.length).spans],
        'utf8',
      ),
      errorMessage: this.#withoutEchoes(this.text(exchange.errorMessage), echoes),
      attributes: this.#recordWithoutEchoes(this.record(exchange.attributes), echoes),
      request: this.#payload(exchange.request.bytes, (text) => copySpans(text, sql.columns)),
      response: this.#payload(exchange.response.bytes, (text, encoding) => [
        ...rowSpans(text),
        ...(text.length <= ECHO_REPLY_BYTES_MAX ? echoSpans(text, echoes, encoding) : []),
      ]),
    };
  }

  #payload(bytes: Uint8Array, more: (text: string, encoding: Encoding) => readonly Span[]): Uint8Array {
    if (bytes.length < 6) return bytes;
    const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encoding);
    const spans = [...more(text, encoding), ...new PlainScan(text).run(0, text.length).spans];
    return spans.length === 0 ? bytes : Buffer.from(this.#replaced(text, spans, encoding), encoding);
  }

  #withoutEchoes(text: string, echoes: ReadonlySet<string>): string {
    return echoes.size === 0 ? text : this.#replaced(text, echoSpans(text, echoes, 'utf8'), 'utf8');
  }

  #recordWithoutEchoes(
    values: Readonly<Record<string, string>>,
    echoes: ReadonlySet<string>,
  ): Readonly<Record<string, string>> {
    if (echoes.size === 0) return values;
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, this.#withoutEchoes(value, echoes)]),
    );
  }

  #replaced(text: string, spans: readonly Span[], encoding: Encoding): string {
    if (spans.length === 0) return text;
    let clean = '';
    let done = 0;
    for (const span of joined(spans)) {
      clean += text.slice(done, span.from) + this.#token(span, encoding);
      done = span.to;
    }
    return clean + text.slice(done);
  }

  /** HMAC-SHA-256, hexadecimal. Source: RFC 2104, section 2. Two hashes of one call each are thrice as fast as an Hmac. */
  #keyed(bytes: Buffer): string {
    const inner = hash('sha256', Buffer.concat([this.#inner, bytes]), 'buffer');
    return hash('sha256', Buffer.concat([this.#outer, inner]));
  }

  #token({ kind, secret }: Span, encoding: Encoding): string {
    this.count++;
    const bytes = bytesOf(secret, encoding);
    if (kind === 'token')
      return `[token:${hash('sha256', Buffer.from(tokenAsIssued(bytes.toString('latin1')), 'latin1'))}]`;
    return `[redacted:${this.#keyed(bytes).slice(0, 12)}]`;
  }
}

function paddedKey(key: Uint8Array, pad: number): Buffer {
  const padded = Buffer.alloc(HMAC_BLOCK_BYTES, pad);
  key.forEach((byte, i) => {
    padded[i] = byte ^ pad;
  });
  return padded;
}

/** Of bytes that are no text each character is a byte, and only what an escape stood for may be more. */
function bytesOf(secret: string, encoding: Encoding): Buffer {
  if (encoding === 'utf8') return Buffer.from(secret);
  return Buffer.from(
    secret.replace(/[\u0100-\uffff]+/g, (wide) => Buffer.from(wide).toString('latin1')),
    'latin1',
  );
}

function echoesOf(spans: readonly Span[]): ReadonlySet<string> {
  const long = spans.map(({ secret }) => secret).filter((secret) => secret.length >= ECHO_LENGTH_MIN);
  return new Set(long.slice(0, ECHOES_MAX));
}

function echoSpans(text: string, echoes: ReadonlySet<string>, encoding: Encoding): Span[] {
  const spans: Span[] = [];
  for (const secret of echoes) {
    const sought = encoding === 'utf8' ? secret : Buffer.from(secret).toString('latin1');
    for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) {
      spans.push({ from: at, to: at + sought.length, kind: 'secret', secret: sought });
    }
  }
  return spans;
}
