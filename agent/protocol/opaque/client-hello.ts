// SPDX-License-Identifier: Apache-2.0

/**
 * What a TLS client says in the clear: the name of the server it wants and the protocols it offers to speak.
 *
 * Shape    record: type u8 (22) · version u16 · length u16 · fragment; the fragments of one message joined:
 *          type u8 (1) · length u24 · version u16 · random 32 · session id <0..32> · cipher suites <2..2^16-2> ·
 *          compression methods <1..255> · extensions <0..2^16-1>
 * Source   RFC 8446, sections 4.1.2 and 5.1; RFC 6066, section 3 (server_name); RFC 7301, section 3.1 (ALPN)
 */
import { ByteReader } from '../bytes/byte-reader.ts';

export interface ClientHello {
  /** '' when the client names none, or names it encrypted (ECH shows an outer name). */
  readonly serverName: string;
  readonly protocols: readonly string[];
}

/** What else whoever follows the handshake needs. */
export interface ClientHelloMessage extends ClientHello {
  /** A copy. */
  readonly random: Buffer;
  /** TLS 1.3: records of early data may follow before the server answers. */
  readonly offersEarlyData: boolean;
  /** A copy; empty when it names no session. */
  readonly sessionId: Buffer;
  /** TLS 1.2: a copy of the ticket of the session that it wants to resume; empty for none (RFC 5077). */
  readonly ticket: Buffer;
}

export type ClientHelloRead =
  | { readonly kind: 'found'; readonly hello: ClientHello }
  | { readonly kind: 'need-more' }
  | { readonly kind: 'malformed' };

/** Key shares after quantum computers are some 2 KiB; a hello beyond this is not awaited. */
const HELLO_BYTES_MAX = 16 * 1024;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
const SERVER_NAME = 0;
const ALPN = 16;
const SESSION_TICKET = 35;
const EARLY_DATA = 42;
const NO_BYTES = Buffer.alloc(0);
const NEED_MORE: ClientHelloRead = { kind: 'need-more' };
const MALFORMED: ClientHelloRead = { kind: 'malformed' };

/** Do these bytes begin a TLS connection? Six bytes tell; SSLv2's hello, which nobody sends any more, is not meant. */
export function startsTls(bytes: Uint8Array): 'yes' | 'no' | 'not-yet' {
  const expected: readonly ((byte: number) => boolean)[] = [
    (type) => type === 22,
    (major) => major === 3,
    (minor) => minor <= 4,
    () => true,
    () => true,
    (message) => message === 1,
  ];
  for (let i = 0; i < expected.length; i++) {
    const byte = bytes[i];
    if (byte === undefined) return 'not-yet';
    if (!expected[i]!(byte)) return 'no';
  }
  return 'yes';
}

/** Read the client's first bytes. Never throws. */
export function readClientHello(bytes: Uint8Array): ClientHelloRead {
  const started = startsTls(bytes);
  if (started !== 'yes') return started === 'no' ? MALFORMED : NEED_MORE;
  const message = handshakeBytes(bytes);
  if (message === undefined) return MALFORMED;
  if (message.length < MESSAGE_HEADER_BYTES) return NEED_MORE;
  const length = message.readUIntBE(1, 3);
  if (length > HELLO_BYTES_MAX) return MALFORMED;
  if (message.length < MESSAGE_HEADER_BYTES + length) return NEED_MORE;
  const hello = readClientHelloBody(new ByteReader(message, MESSAGE_HEADER_BYTES, MESSAGE_HEADER_BYTES + length));
  if (hello === undefined) return MALFORMED;
  return { kind: 'found', hello: { serverName: hello.serverName, protocols: hello.protocols } };
}

/** The ClientHello behind the header of its message; undefined when it is none. Never throws. */
export function readClientHelloBody(hello: ByteReader): ClientHelloMessage | undefined {
  hello.skip(2);
  const random = Buffer.from(hello.view(32));
  const sessionId = copyOf(vector(hello, 1));
  vector(hello, 2);
  vector(hello, 1);
  // TLS 1.2 and before may end here, without extensions.
  const extensions = hello.remaining > 0 ? vector(hello, 2) : hello;
  let serverName = '';
  let protocols: readonly string[] = [];
  let offersEarlyData = false;
  let ticket: Buffer = NO_BYTES;
  while (extensions.remaining > 0 && !extensions.short) {
    const type = extensions.u16();
    const body = vector(extensions, 2);
    if (type === SERVER_NAME) serverName = readServerName(body);
    if (type === ALPN) protocols = readProtocols(body);
    if (type === SESSION_TICKET) ticket = copyOf(body);
    if (type === EARLY_DATA) offersEarlyData = true;
    if (body.short) return undefined;
  }
  if (hello.short || extensions.short) return undefined;
  return { serverName, protocols, random, offersEarlyData, sessionId, ticket };
}

/** The bytes of the first handshake message, which may lie in several records; undefined if another record comes first. */
function handshakeBytes(bytes: Uint8Array): Buffer | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fragments: Buffer[] = [];
  let total = 0;
  for (let at = 0; at + RECORD_HEADER_BYTES <= view.length && total < HELLO_BYTES_MAX; ) {
    // What follows the hello in other records (early data) is not of it.
    if (view[at] !== 22) return total === 0 ? undefined : Buffer.concat(fragments);
    const length = view.readUInt16BE(at + 3);
    if (length === 0) return undefined;
    const fragment = view.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    fragments.push(fragment);
    total += fragment.length;
    at += RECORD_HEADER_BYTES + length;
  }
  return Buffer.concat(fragments);
}

function readServerName(extension: ByteReader): string {
  const names = vector(extension, 2);
  const type = names.u8();
  const name = text(vector(names, 2));
  // A name goes into the record as text: what is no host name is not shown as one.
  return !names.short && type === 0 && /^[\w.-]{1,255}$/.test(name) ? name : '';
}

/** A list of ALPN names; names that are no plain text are left out. */
export function readProtocols(extension: ByteReader): string[] {
  const list = vector(extension, 2);
  const protocols: string[] = [];
  while (list.remaining > 0 && !list.short) {
    const name = text(vector(list, 1));
    if (/^[\x21-\x7e]+$/.test(name)) protocols.push(name);
  }
  return protocols;
}

/** The bytes behind a length that is one or two bytes long; none when they are not all there. */
export function vector(from: ByteReader, lengthBytes: 1 | 2): ByteReader {
  const length = lengthBytes === 1 ? from.u8() : from.u16();
  const start = from.skip(length);
  return start < 0 ? new ByteReader(from.bytes, 0, 0) : new ByteReader(from.bytes, start, start + length);
}

/** What a vector holds, as bytes of its own. */
export function copyOf(reader: ByteReader): Buffer {
  return reader.remaining === 0 ? NO_BYTES : Buffer.from(reader.bytes.subarray(reader.at, reader.end));
}

function text(reader: ByteReader): string {
  return reader.bytes.toString('latin1', reader.at, reader.end);
}
