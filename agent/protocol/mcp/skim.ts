// SPDX-License-Identifier: Apache-2.0

/**
 * The outermost words of a JSON object that is too long to parse: `method` and `id`, wherever they stand, and whether there
 * is a `result` or an `error`. Byte by byte, in constant memory, however deep the object is.
 */
import { idOf, type RpcMessage, WORD_LENGTH_MAX } from './json-rpc.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** A word with its escapes and its quotes. */
const KEPT_MAX = 6 * WORD_LENGTH_MAX + 2;

export class Skimmer {
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #isKey = true;
  #key = '';
  /** Of the outermost key or value at hand; undefined once it is too long. */
  #kept: number[] | undefined = [];
  readonly #values = new Map<string, string>();

  push(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#byte(bytes[i] as number);
  }

  /** What it was, as far as it was told. */
  message(): RpcMessage | undefined {
    const method = parsed(this.#values.get('method'));
    const id = idOf(parsed(this.#values.get('id')));
    if (typeof method === 'string' && method !== '' && method.length <= WORD_LENGTH_MAX) {
      return { kind: id === '' ? 'notification' : 'request', method, params: undefined, id };
    }
    const hasError = this.#values.has('error');
    if (!hasError && !this.#values.has('result')) return undefined;
    return { kind: 'response', id, result: undefined, error: hasError ? { code: '', message: '' } : undefined };
  }

  #byte(byte: number): void {
    if (this.#inString) {
      if (this.#depth === 1) this.#keep(byte);
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return;
    }
    if (byte === QUOTE) {
      this.#inString = true;
      if (this.#depth === 1) this.#keep(byte);
    } else if (byte === 0x7b || byte === 0x5b) {
      this.#depth++;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (this.#depth === 1) this.#endValue();
      this.#depth--;
    } else if (this.#depth === 1) {
      if (byte === COLON && this.#isKey) {
        const key = parsed(this.#text());
        this.#key = typeof key === 'string' ? key : '';
        this.#isKey = false;
        this.#kept = [];
      } else if (byte === COMMA) {
        this.#endValue();
      } else {
        this.#keep(byte);
      }
    }
  }

  #endValue(): void {
    if (!this.#isKey && ['method', 'id', 'result', 'error'].includes(this.#key))
      this.#values.set(this.#key, this.#text());
    this.#isKey = true;
    this.#key = '';
    this.#kept = [];
  }

  #keep(byte: number): void {
    if (this.#kept === undefined) return;
    if (this.#kept.length >= KEPT_MAX) this.#kept = undefined;
    else this.#kept.push(byte);
  }

  #text(): string {
    return this.#kept === undefined ? '' : Buffer.from(this.#kept).toString().trim();
  }
}

function parsed(text: string | undefined): unknown {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
