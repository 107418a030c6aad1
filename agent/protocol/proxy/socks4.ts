// SPDX-License-Identifier: Apache-2.0

/**
 * SOCKS 4 and 4a: a request and its reply, and then whatever is spoken at the other end.
 *
 * Shape    4 · command u8 · port u16 · address 4 bytes · user, NUL; with an address 0.0.0.x a name and NUL behind (4a);
 *          reply: 0 · code u8 · port · address
 * Source   "SOCKS: A protocol for TCP proxy across firewalls"; "SOCKS 4A"
 */
import { addressText } from '../bytes/address-text.ts';
import type { DecoderSink, Exchange, Side } from '../decoder.ts';
import { exchangeOf, placeOf, textOf } from './exchange.ts';
import type { PrefaceReader, Read } from './preface.ts';

const REPLY_BYTES = 8;
const GRANTED = 0x5a;
const USER_AT = 8;

interface Asked {
  readonly operation: string;
  readonly place: string;
  readonly user: string;
  readonly bytes: number;
  readonly firstAt: number;
  readonly endAt: number;
}

export class Socks4Reader implements PrefaceReader {
  readonly #sink: DecoderSink;
  #asked: Asked | undefined;
  #isAnswered = false;

  constructor(sink: DecoderSink) {
    this.#sink = sink;
  }

  read(from: Side, bytes: Buffer, firstAt: number, at: number): Read {
    const asked = this.#asked;
    if ((from === 'client') !== (asked === undefined) || this.#isAnswered)
      return { kind: 'malformed', reason: 'early_data' };
    if (asked === undefined) return this.#request(bytes, firstAt, at);
    if (bytes.length < REPLY_BYTES) return { kind: 'need-more' };
    const code = bytes[1]!;
    this.#isAnswered = true;
    this.#sink.exchange(this.#exchange(asked, code === GRANTED ? '' : String(code), REPLY_BYTES, at));
    const isTunnel = code === GRANTED && asked.operation === 'CONNECT';
    return { kind: 'message', usedBytes: REPLY_BYTES, ...(isTunnel && { next: 'tunnel' }) };
  }

  end(): Exchange | undefined {
    const asked = this.#asked;
    if (asked === undefined || this.#isAnswered) return undefined;
    return { ...this.#exchange(asked, '', 0, asked.endAt), status: 'unknown' };
  }

  #request(bytes: Buffer, firstAt: number, at: number): Read {
    if (bytes[0] !== 4) return { kind: 'malformed', reason: 'malformed' };
    const userEnd = bytes.indexOf(0, USER_AT);
    if (bytes.length < USER_AT || userEnd < 0) return { kind: 'need-more' };
    const isNamed = bytes.readUInt32BE(4) < 256 && bytes.readUInt32BE(4) > 0;
    const nameEnd = isNamed ? bytes.indexOf(0, userEnd + 1) : userEnd;
    if (nameEnd < 0) return { kind: 'need-more' };
    const host = isNamed ? textOf(bytes.subarray(userEnd + 1, nameEnd)) : addressText(bytes, 4, 4);
    this.#asked = {
      operation: bytes[1] === 1 ? 'CONNECT' : 'BIND',
      place: placeOf(host, bytes.readUInt16BE(2)),
      user: textOf(bytes.subarray(USER_AT, userEnd)),
      ...{ bytes: nameEnd + 1, firstAt, endAt: at },
    };
    return { kind: 'message', usedBytes: nameEnd + 1 };
  }

  #exchange(asked: Asked, errorCode: string, responseBytes: number, at: number): Exchange {
    const { operation, place, user, bytes, firstAt, endAt } = asked;
    return exchangeOf({
      protocol: 'socks',
      ...{ operation, place, status: errorCode === '' ? 'ok' : 'error', errorCode, requestBytes: bytes, responseBytes },
      attributes: { socks_version: '4', ...(user !== '' && { user }) },
      ...{ requestAt: firstAt, requestEndAt: endAt, responseAt: at },
    });
  }
}
