// SPDX-License-Identifier: Apache-2.0

/**
 * SOCKS 5: methods, a login where one is wanted, a request and its reply, and then whatever is spoken at the other end.
 *
 * Shape    5 · n u8 · methods; 5 · method; login: 1 · length u8 · name · length u8 · password; 1 · status;
 *          request: 5 · command · 0 · address · port u16; reply: 5 · code · 0 · address · port
 *          address: 1 · 4 bytes; 3 · length u8 · name; 4 · 16 bytes
 * Source   RFC 1928, sections 3 to 6; RFC 1929, section 2
 */
import { addressText } from '../bytes/address-text.ts';
import type { DecoderSink, Exchange, Side } from '../decoder.ts';
import { exchangeOf, placeOf, textOf } from './exchange.ts';
import type { PrefaceReader, Read } from './preface.ts';

const COMMANDS = ['', 'CONNECT', 'BIND', 'UDP ASSOCIATE'];
const REPLIES = [
  ...['', 'general-failure', 'not-allowed', 'network-unreachable', 'host-unreachable'],
  ...['connection-refused', 'ttl-expired', 'command-not-supported', 'address-type-not-supported'],
];
const NEED_MORE: Read = { kind: 'need-more' };
const MALFORMED: Read = { kind: 'malformed', reason: 'malformed' };

type Awaited = 'methods' | 'method' | 'login' | 'login-answer' | 'request' | 'reply' | 'nothing';
const SAID_BY: Readonly<Record<Awaited, Side | undefined>> = {
  ...{ methods: 'client', method: 'server', login: 'client', 'login-answer': 'server' },
  ...{ request: 'client', reply: 'server', nothing: undefined },
};

export class Socks5Reader implements PrefaceReader {
  readonly #sink: DecoderSink;
  #awaited: Awaited = 'methods';
  #user: string | undefined;
  #operation = 'LOGIN';
  #place = '';
  readonly #bytes: Record<Side, number> = { client: 0, server: 0 };
  #at: { readonly first: number; readonly end: number } | undefined;

  constructor(sink: DecoderSink) {
    this.#sink = sink;
  }

  read(from: Side, bytes: Buffer, firstAt: number, at: number): Read {
    // What a client says before it is answered belongs to what follows, and cannot be given to it.
    if (SAID_BY[this.#awaited] !== from)
      return { kind: 'malformed', reason: this.#awaited === 'nothing' ? 'not_read' : 'early_data' };
    const read = this.#message(bytes, at);
    if (read.kind !== 'message') return read;
    this.#bytes[from] += read.usedBytes;
    if (from === 'client') this.#at = { first: this.#at?.first ?? firstAt, end: at };
    return this.#follow(bytes, read.usedBytes, at);
  }

  end(): Exchange | undefined {
    const at = this.#at;
    if (at === undefined || this.#awaited === 'nothing') return undefined;
    return this.#exchange('', 'unknown', at.end);
  }

  #message(bytes: Buffer, at: number): Read {
    switch (this.#awaited) {
      case 'methods':
        return bytes.length < 2 ? NEED_MORE : whole(bytes, 2 + bytes[1]!, bytes[0] === 5);
      case 'method':
      case 'login-answer':
        return whole(bytes, 2, bytes[0] === (this.#awaited === 'method' ? 5 : 1));
      case 'login':
        return this.#login(bytes, at);
      default:
        return whole(bytes, endOfPlace(bytes), bytes[0] === 5 && (bytes[2] ?? 0) === 0);
    }
  }

  #login(bytes: Buffer, at: number): Read {
    const passwordAt = bytes.length < 2 ? undefined : 2 + bytes[1]!;
    const length = passwordAt === undefined ? undefined : bytes[passwordAt];
    if (passwordAt === undefined || length === undefined) return bytes[0] === 1 ? NEED_MORE : MALFORMED;
    const read = whole(bytes, passwordAt + 1 + length, bytes[0] === 1);
    if (read.kind !== 'message') return read;
    this.#user = textOf(bytes.subarray(2, passwordAt));
    const secret = bytes.toString('utf8', passwordAt + 1, read.usedBytes);
    if (secret !== '') this.#sink.credential({ kind: 'socks-password', secret, reach: 'connection', at });
    return read;
  }

  #follow(bytes: Buffer, usedBytes: number, at: number): Read {
    const message = { kind: 'message', usedBytes } as const;
    const answer = bytes[1]!;
    if (this.#awaited === 'methods') this.#awaited = 'method';
    else if (this.#awaited === 'login') this.#awaited = 'login-answer';
    else if (this.#awaited === 'method') {
      // What GSS-API agrees on hides all that follows.
      if (answer === 1) return { ...message, next: 'gssapi' };
      if (answer !== 0 && answer !== 2) return this.#refused('no-acceptable-method', usedBytes, at);
      this.#awaited = answer === 2 ? 'login' : 'request';
    } else if (this.#awaited === 'login-answer') {
      if (answer !== 0) return this.#refused('login-refused', usedBytes, at);
      this.#awaited = 'request';
    } else if (this.#awaited === 'request') {
      this.#operation = COMMANDS[answer] || `COMMAND ${answer}`;
      this.#place = placeIn(bytes);
      this.#awaited = 'reply';
    } else {
      if (answer !== 0) return this.#refused(REPLIES[answer] || String(answer), usedBytes, at);
      this.#awaited = 'nothing';
      this.#sink.exchange(this.#exchange('', 'ok', at, placeIn(bytes)));
      if (this.#operation === 'CONNECT') return { ...message, next: 'tunnel' };
    }
    return message;
  }

  #refused(why: string, usedBytes: number, at: number): Read {
    this.#awaited = 'nothing';
    this.#sink.exchange(this.#exchange(why, 'error', at));
    return { kind: 'message', usedBytes };
  }

  #exchange(errorCode: string, status: 'ok' | 'error' | 'unknown', at: number, bound = ''): Exchange {
    const { first = at, end = at } = this.#at ?? {};
    return exchangeOf({
      protocol: 'socks',
      ...{ operation: this.#operation, place: this.#place, status, errorCode },
      ...{ requestBytes: this.#bytes.client, responseBytes: this.#bytes.server },
      attributes: {
        socks_version: '5',
        ...(this.#user !== undefined && { user: this.#user }),
        ...(bound !== '' && { bound }),
      },
      ...{ requestAt: first, requestEndAt: end, responseAt: at },
    });
  }
}

/** `length` undefined: more is needed to tell. */
function whole(bytes: Buffer, length: number | undefined, isIt: boolean): Read {
  if (!isIt || Number.isNaN(length)) return MALFORMED;
  return length === undefined || bytes.length < length ? NEED_MORE : { kind: 'message', usedBytes: length };
}

/** Where a request or reply ends; NaN of an address that is none. */
function endOfPlace(bytes: Buffer): number | undefined {
  const type = bytes[3];
  if (type === undefined || (type === 3 && bytes.length < 5)) return undefined;
  if (type === 1) return 10;
  if (type === 4) return 22;
  return type === 3 ? 7 + bytes[4]! : Number.NaN;
}

function placeIn(bytes: Buffer): string {
  const end = endOfPlace(bytes) ?? 0;
  const type = bytes[3];
  const host = type === 3 ? textOf(bytes.subarray(5, end - 2)) : addressText(bytes, 4, type === 1 ? 4 : 6);
  return placeOf(host, bytes.readUInt16BE(end - 2));
}
