// SPDX-License-Identifier: Apache-2.0

/**
 * Names what a connection speaks when no decoder does: by its first bytes, and only where they leave no doubt. A name
 * is for the coverage report ("1.2 GB of mysql were not understood"), so a wrong one is worse than 'unknown'.
 *
 * Not here: WebSocket, which has no first bytes of its own and is named by the handover of HTTP; HTTP and PostgreSQL,
 * which name themselves by their decoders.
 */
import type { Opening } from '../decoder.ts';
import { startsTls } from './client-hello.ts';
import { FURTHER, type FurtherName } from './signatures.ts';

export type RecognisedName =
  | 'tls'
  | 'ssh'
  | 'redis'
  | 'mysql'
  | 'mongodb'
  | 'kafka'
  | 'amqp'
  | 'smtp'
  | 'ftp'
  | 'dns'
  | FurtherName
  | 'unknown';

type Signature = (client: Buffer, server: Buffer) => boolean;

const SIGNATURES: readonly (readonly [RecognisedName, Signature])[] = [
  ['tls', (client) => startsTls(client) === 'yes'],
  // RFC 4253, section 4.2; 1.99 is section 5.1.
  ['ssh', (client, server) => [client, server].some((bytes) => /^SSH-(?:2\.0|1\.99)-/.test(text(bytes)))],
  // RESP: an array of bulk strings is the only form in which libraries send commands.
  ['redis', (client) => /^\*[1-9]\d{0,6}\r\n\$\d{1,9}\r\n/.test(text(client))],
  ['mysql', (_, server) => isMysqlGreeting(server)],
  ['mongodb', (client) => isMongoMessage(client)],
  ['kafka', (client) => isKafkaApiVersions(client)],
  // AMQP 0-9-1, section 4.2.2, and AMQP 1.0, section 2.2 (protocol ids 0, 2 and 3).
  ['amqp', (client) => startsWith(client, 'AMQP') && client.length >= 8 && [0, 2, 3].includes(client[4]!)],
  // RFC 5321, section 4.2, and RFC 959, section 5.4: both greet with 220, and then say who they are.
  ['smtp', (client, server) => /^220[ -][^\r\n]*SMTP/.test(text(server)) || /^(?:EHLO|HELO) /i.test(text(client))],
  [
    'ftp',
    (client, server) =>
      /^220[ -]/.test(text(server)) && /^220[ -][^\r\n]*FTP|\nUSER /.test(`${text(server)}\n${text(client)}`),
  ],
  ['dns', (client) => isDnsQuery(client)],
  ...FURTHER,
];

/** Lines are looked at so far. */
const TEXT_BYTES_MAX = 256;

export function recognise(opening: Opening): RecognisedName {
  const client = asBuffer(opening.client);
  const server = asBuffer(opening.server);
  // First bytes say nothing when they are not the first; but each piece of TLS says that it is one.
  if (opening.late) return startsRecords(client) || startsRecords(server) ? 'tls' : 'unknown';
  for (const [name, matches] of SIGNATURES) if (matches(client, server)) return name;
  return 'unknown';
}

/** Length u24 LE · sequence 0 · protocol 10 · version text, NUL (MySQL manual, "Protocol::HandshakeV10"). */
function isMysqlGreeting(server: Buffer): boolean {
  if (server.length < 8 || server[3] !== 0 || server[4] !== 10) return false;
  const length = server.readUIntLE(0, 3);
  return length >= 32 && length <= 1024 && /^\d+\.\d+[\w.+~:-]*\0/.test(server.toString('latin1', 5, TEXT_BYTES_MAX));
}

const MONGO_OPCODES = new Set([2004, 2012, 2013]);

/** Message length, request id, response to, opcode: i32 LE each (MongoDB wire protocol: OP_QUERY, _COMPRESSED, _MSG). */
function isMongoMessage(client: Buffer): boolean {
  if (client.length < 16) return false;
  const length = client.readInt32LE(0);
  return (
    length > 16 && length <= 48_000_000 && client.readInt32LE(8) === 0 && MONGO_OPCODES.has(client.readInt32LE(12))
  );
}

/**
 * Size i32 · API key i16 · API version i16 · correlation id i32 · client id i16 length, text (Kafka protocol guide). The
 * keys are small numbers that other protocols have too; ApiVersions (18), which clients ask first, is enough.
 */
function isKafkaApiVersions(client: Buffer): boolean {
  if (client.length < 14 || client.readInt16BE(4) !== 18) return false;
  const size = client.readInt32BE(0);
  const version = client.readInt16BE(6);
  const clientIdLength = client.readInt16BE(12);
  if (size < 10 || size > 1024 || version < 0 || version > 9 || clientIdLength < -1) return false;
  const clientId = client.toString('latin1', 14, 14 + Math.max(0, clientIdLength));
  return clientIdLength <= size - 10 && /^[\x20-\x7e]*$/.test(clientId);
}

/** A query with one question, with the length before it as over TCP, or without (RFC 1035, sections 4.1 and 4.2.2). */
function isDnsQuery(client: Buffer): boolean {
  const framed =
    client.length > 2 && client.readUInt16BE(0) <= 4096 ? client.subarray(2, 2 + client.readUInt16BE(0)) : client;
  return isDnsQuestion(framed) || isDnsQuestion(client);
}

const DNS_HEADER_BYTES = 12;
/** QR, opcode, AA, TC, RA, Z and RCODE are 0 in a query; RD, AD and CD may be set. */
const DNS_QUERY_CLEAR = 0xfecf;

function isDnsQuestion(message: Buffer): boolean {
  if (message.length < DNS_HEADER_BYTES + 5) return false;
  if ((message.readUInt16BE(2) & DNS_QUERY_CLEAR) !== 0) return false;
  const counts = [4, 6, 8].map((at) => message.readUInt16BE(at));
  if (counts[0] !== 1 || counts[1] !== 0 || counts[2] !== 0 || message.readUInt16BE(10) > 2) return false;
  let at = DNS_HEADER_BYTES;
  for (let label = message[at]!; label > 0; label = message[at] ?? 64) {
    if (label > 63) return false;
    at += 1 + label;
  }
  const qclass = message.length >= at + 5 ? message.readUInt16BE(at + 3) : 0;
  return qclass === 1 || qclass === 255;
}

/** Type 23 · version 0x0303 · length u16, and behind it the like, as far as it is seen (RFC 8446, section 5.1). */
function startsRecords(bytes: Buffer): boolean {
  let at = 0;
  while (at + TLS_HEADER_BYTES <= bytes.length) {
    const isData = bytes[at] === 23 && bytes[at + 1] === 3 && bytes[at + 2] === 3;
    const size = bytes.readUInt16BE(at + 3);
    if (!isData || size < TLS_RECORD_BYTES_MIN || size > TLS_RECORD_BYTES_MAX) return false;
    at += TLS_HEADER_BYTES + size;
  }
  return at > 0;
}

const TLS_HEADER_BYTES = 5;
/** A tag, and at least a byte under it. */
const TLS_RECORD_BYTES_MIN = 17;
const TLS_RECORD_BYTES_MAX = 16 * 1024 + 2048;

function startsWith(bytes: Buffer, prefix: string): boolean {
  return bytes.length >= prefix.length && bytes.toString('latin1', 0, prefix.length) === prefix;
}

function text(bytes: Buffer): string {
  return bytes.toString('latin1', 0, TEXT_BYTES_MAX);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
