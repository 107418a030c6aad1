// SPDX-License-Identifier: Apache-2.0

/** Frames by hand, for tests. */
import type { Agreement, Exchange, Side } from '../decoder.ts';
import { type Step, sends } from '../testing/script.ts';

const OPCODES = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

export interface FrameOptions {
  readonly fin?: boolean;
  readonly compressed?: boolean;
}

export function frame(
  from: Side,
  opcode: keyof typeof OPCODES,
  content: string | Uint8Array = '',
  { fin = true, compressed = false }: FrameOptions = {},
): Buffer {
  const payload = Buffer.from(content as string);
  const first = (fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | OPCODES[opcode];
  const masked = from === 'client' ? 0x80 : 0;
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  head[0] = first;
  head[1] = masked | (length < 126 ? length : length < 65536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (masked === 0) return Buffer.concat([head, payload]);
  const key = Buffer.of(0x37, 0xfa, 0x21, 0x3d);
  return Buffer.concat([head, key, payload.map((byte, i) => byte ^ key[i & 3]!)]);
}

export const says = (
  from: Side,
  ...frame_: Parameters<typeof frame> extends [Side, ...infer Rest] ? Rest : never
): Step => sends(from, frame(from, ...frame_));

export function closeOf(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]);
}

export function agreed(responseFields: Record<string, string> = {}): Agreement {
  return {
    method: 'GET',
    authority: 'h:1',
    path: '/live/7?room=a',
    requestFields: [['upgrade', 'websocket']],
    responseFields: Object.entries(responseFields),
  };
}

export const DEFLATED = agreed({ 'sec-websocket-extensions': 'permessage-deflate' });

export function brief(exchange: Exchange): string {
  const { operation, request, response, attributes, routine, status } = exchange;
  const text = Buffer.concat([request.bytes, response.bytes]).toString();
  const notes = ['incomplete', 'unreadable', 'close_code', 'fragments'].flatMap((name) =>
    attributes[name] === undefined ? [] : [`${name}=${attributes[name]}`],
  );
  return [operation, text, ...notes, ...(routine ? ['routine'] : []), ...(status === 'ok' ? [] : [status])]
    .filter((word) => word !== '')
    .join(' ');
}
