// SPDX-License-Identifier: Apache-2.0

/** Messages put together by hand, for what real software does not send. */

/** A message: tag, length, body. A number in the body is a byte; text is latin1 without a zero byte at its end. */
export function message(tag: string, ...parts: readonly (string | Uint8Array | number)[]): Buffer {
  const body = Buffer.concat(parts.map(bytes));
  return Buffer.concat([Buffer.from(tag, 'latin1'), i32(body.length + 4), body]);
}

export function i32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value | 0);
  return buffer;
}

export function i16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value & 0xffff);
  return buffer;
}

/** A value as Bind and DataRow have it. */
export function value(content: string | Uint8Array | null): Buffer {
  if (content === null) return i32(-1);
  const data = bytes(content);
  return Buffer.concat([i32(data.length), data]);
}

export const query = (text: string) => message('Q', Buffer.from(text), 0);
export const parse = (name: string, text: string, ...typeOids: number[]) =>
  message('P', name, 0, Buffer.from(text), 0, i16(typeOids.length), ...typeOids.map(i32));
export const execute = (portal = '', rowsMax = 0) => message('E', portal, 0, i32(rowsMax));
export const describe = (kind: 'S' | 'P', name = '') => message('D', kind, name, 0);
export const close = (kind: 'S' | 'P', name = '') => message('C', kind, name, 0);
export const sync = () => message('S');
export const flush = () => message('H');
export const terminate = () => message('X');
export const password = (text: string) => message('p', text, 0);
export const copyData = (content: string | Uint8Array) => message('d', content);
export const copyDone = () => message('c');

export function bind(
  portal: string,
  statement: string,
  values: readonly (string | Uint8Array | null)[] = [],
  formats: readonly number[] = [],
  resultFormats: readonly number[] = [],
): Buffer {
  const list = (numbers: readonly number[]) => Buffer.concat([i16(numbers.length), ...numbers.map(i16)]);
  return message(
    'B',
    portal,
    0,
    statement,
    0,
    list(formats),
    i16(values.length),
    ...values.map(value),
    list(resultFormats),
  );
}

export const startup = (parameters: Readonly<Record<string, string>>, version = 0x30000) =>
  packet(i32(version), ...Object.entries(parameters).map(([key, text]) => `${key}\0${text}\0`), 0);
export const sslRequest = () => packet(i32(80_877_103));
export const gssEncRequest = () => packet(i32(80_877_104));
export const cancelRequest = (pid: number) => packet(i32(80_877_102), i32(pid), i32(12345));

/** A first packet: a message without a tag. */
export function packet(...parts: readonly (string | Uint8Array | number)[]): Buffer {
  return message('', ...parts);
}

export const ready = (state: 'I' | 'T' | 'E' = 'I') => message('Z', state);
export const complete = (tag: string) => message('C', tag, 0);
export const parseComplete = () => message('1');
export const bindComplete = () => message('2');
export const closeComplete = () => message('3');
export const noData = () => message('n');
export const row = (...values: readonly (string | Uint8Array | null)[]) =>
  message('D', i16(values.length), ...values.map(value));
export const columns = (...list: readonly (readonly [name: string, typeOid?: number, format?: number])[]) =>
  message(
    'T',
    i16(list.length),
    ...list.flatMap(([name, typeOid = 25, format = 0]) => [
      ...[name, 0, i32(0), i16(0), i32(typeOid), i16(0), i32(-1), i16(format)],
    ]),
  );
export const error = (code: string, text = 'it failed', severity = 'ERROR') =>
  message('E', `S${severity}\0V${severity}\0C${code}\0M${text}\0`, 0);
export const notice = (text: string) => message('N', `SNOTICE\0VNOTICE\0C00000\0M${text}\0`, 0);
export const parameterStatus = (name: string, setting: string) => message('S', `${name}\0${setting}\0`);

/** What a server says to a login that it lets in. */
export const welcome = () =>
  Buffer.concat([
    message('R', i32(0)),
    parameterStatus('server_version', '18.4'),
    message('K', i32(7), i32(9)),
    ready(),
  ]);
/** A login, as most tests begin. */
export const hello = () => startup({ user: 'u', database: 'd' });

function bytes(part: string | Uint8Array | number): Uint8Array {
  if (typeof part === 'number') return Buffer.of(part);
  return typeof part === 'string' ? Buffer.from(part, 'latin1') : part;
}
