// SPDX-License-Identifier: Apache-2.0

/**
 * Bytes of text into the inside of a JSON string, without making a JavaScript string of them.
 *
 * Bytes that are valid UTF-8 stay as they are, but for what JSON wants escaped. A byte that is not (another client_encoding,
 * a value that is no text) becomes \u00XX, its own number. So the result is always JSON, and says which byte it was.
 */
import { isUtf8 } from 'node:buffer';
import type { TextEncoding } from './byte-reader.ts';
import type { PayloadWriter } from './payload-writer.ts';

/** What a byte needs: nothing, an escape, or a look at its neighbours because it is not ASCII. */
const PLAIN = 0;
const ESCAPE = 1;
const HIGH = 2;
const NEEDS = new Uint8Array(256).fill(HIGH, 128);
NEEDS.fill(ESCAPE, 0, 32);
NEEDS[0x22] = ESCAPE;
NEEDS[0x5c] = ESCAPE;

const ESCAPES: readonly Buffer[] = Array.from({ length: 256 }, (_, byte) => {
  const short = byte < 128 ? JSON.stringify(String.fromCharCode(byte)).slice(1, -1) : '';
  return Buffer.from(short !== '' ? short : `\\u00${byte.toString(16)}`, 'latin1');
});

/** Values are copied in JavaScript up to here, by the runtime beyond. */
const SHORT_BYTES = 48;

/** Write `bytes[start, end)`, a whole text. */
export function writeJsonText(
  to: PayloadWriter,
  bytes: Buffer,
  start: number,
  end: number,
  encoding: TextEncoding,
): void {
  let all = 0;
  for (let i = start; i < end; i++) all |= NEEDS[bytes[i] as number] as number;
  if (all === PLAIN) {
    writePlain(to, bytes, start, end);
    return;
  }
  const isText = (all & HIGH) === 0 || (encoding === 'utf8' && isUtf8(bytes.subarray(start, end)));
  if (isText) writeEscaped(to, bytes, start, end);
  else new JsonTextStream(to, encoding).part(bytes, start, end).end();
}

function writePlain(to: PayloadWriter, bytes: Buffer, start: number, end: number): void {
  const size = end - start;
  if (size > SHORT_BYTES) {
    to.append(bytes, start, end);
    return;
  }
  to.reserve(size);
  const { buffer } = to;
  let { at } = to;
  for (let i = start; i < end; i++) buffer[at++] = bytes[i] as number;
  to.at = at;
  to.settle();
}

/** Input taken at a time: with every byte an escape of six it still fits what can be reserved at once. */
const SLICE_BYTES = 16 * 1024;

/** Valid UTF-8, of which some bytes need an escape. */
function writeEscaped(to: PayloadWriter, bytes: Buffer, start: number, end: number): void {
  for (let from = start; from < end; from += SLICE_BYTES) {
    const next = Math.min(end, from + SLICE_BYTES);
    to.reserve(6 * (next - from));
    const { buffer } = to;
    let { at } = to;
    for (let i = from; i < next; i++) {
      const byte = bytes[i] as number;
      if (NEEDS[byte] !== ESCAPE) {
        buffer[at++] = byte;
        continue;
      }
      const escaped = ESCAPES[byte] as Buffer;
      for (let k = 0; k < escaped.length; k++) buffer[at++] = escaped[k] as number;
    }
    to.at = at;
    to.settle();
  }
}

/** The same for a text that comes in parts, or that is not UTF-8 throughout. */
export class JsonTextStream {
  readonly #to: PayloadWriter;
  readonly #encoding: TextEncoding;
  /** A character of which not all bytes are there. */
  readonly #begun = Buffer.alloc(4);
  #begunBytes = 0;
  #wantedBytes = 0;

  constructor(to: PayloadWriter, encoding: TextEncoding) {
    this.#to = to;
    this.#encoding = encoding;
  }

  part(bytes: Buffer, start: number, end: number): this {
    let i = start;
    while (i < end) {
      let run = i;
      if (this.#begunBytes === 0) {
        while (run < end && NEEDS[bytes[run] as number] === PLAIN) run++;
        if (run > i) writePlain(this.#to, bytes, i, run);
        if (run === end) break;
      }
      this.#byte(bytes[run] as number);
      i = run + 1;
    }
    return this;
  }

  end(): void {
    this.#dropBegun();
  }

  #byte(byte: number): void {
    if (this.#begunBytes > 0) {
      if (this.#continues(byte)) {
        this.#begun[this.#begunBytes++] = byte;
        if (this.#begunBytes < this.#wantedBytes) return;
        writePlain(this.#to, this.#begun, 0, this.#begunBytes);
        this.#begunBytes = 0;
        return;
      }
      this.#dropBegun();
    }
    const size = this.#encoding === 'utf8' ? characterBytes(byte) : 0;
    if (size > 1) {
      this.#begun[0] = byte;
      this.#begunBytes = 1;
      this.#wantedBytes = size;
    } else if (NEEDS[byte] === PLAIN) {
      this.#to.reserve(1);
      this.#to.buffer[this.#to.at++] = byte;
      this.#to.settle();
    } else {
      this.#escape(byte);
    }
  }

  /** Is `byte` a continuation here? Overlong forms, surrogates and what is above U+10FFFF are none. */
  #continues(byte: number): boolean {
    if ((byte & 0xc0) !== 0x80) return false;
    if (this.#begunBytes > 1) return true;
    const lead = this.#begun[0] as number;
    if (lead === 0xe0) return byte >= 0xa0;
    if (lead === 0xed) return byte < 0xa0;
    if (lead === 0xf0) return byte >= 0x90;
    return lead === 0xf4 ? byte < 0x90 : true;
  }

  #dropBegun(): void {
    const count = this.#begunBytes;
    this.#begunBytes = 0;
    for (let i = 0; i < count; i++) this.#escape(this.#begun[i] as number);
  }

  #escape(byte: number): void {
    const escaped = ESCAPES[byte] as Buffer;
    writePlain(this.#to, escaped, 0, escaped.length);
  }
}

/** How many bytes a character has that begins with `lead`; 0 when none does. */
function characterBytes(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}
