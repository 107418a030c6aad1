// SPDX-License-Identifier: Apache-2.0

/** Messages by hand, for tests. Names are written whole; `pointer` gives one that is compressed. */

export interface Written {
  readonly id?: number;
  /** Flags and codes, as the header has them. */
  readonly bits?: number;
  readonly questions?: readonly Buffer[];
  readonly answers?: readonly Buffer[];
  readonly authority?: readonly Buffer[];
  readonly additional?: readonly Buffer[];
}

export const REPLY = 0x8180;

export function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

export function name(text: string): Buffer {
  const labels = text === '.' ? [] : text.split('.');
  const parts = labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

export function pointer(to: number): Buffer {
  return u16(0xc000 | to);
}

export function question(of: string | Buffer, type: number, inClass = 1): Buffer {
  return Buffer.concat([typeof of === 'string' ? name(of) : of, u16(type), u16(inClass)]);
}

export function record(of: string | Buffer, type: number, data: Buffer, ttl = 300, inClass = 1): Buffer {
  const time = Buffer.alloc(4);
  time.writeUInt32BE(ttl);
  return Buffer.concat([question(of, type, inClass), time, u16(data.length), data]);
}

export function message(written: Written): Buffer {
  const { id = 7, bits = 0x0100, questions = [], answers = [], authority = [], additional = [] } = written;
  const counts = [questions, answers, authority, additional].map((part) => u16(part.length));
  return Buffer.concat([u16(id), u16(bits), ...counts, ...questions, ...answers, ...authority, ...additional]);
}

export function prefixed(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((one) => [u16(one.length), one]));
}

/** A name that points at the first question's. */
export const ASKED = pointer(12);
