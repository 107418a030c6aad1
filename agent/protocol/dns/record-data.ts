// SPDX-License-Identifier: Apache-2.0

/**
 * What a resource record says, in the words of a zone file.
 *
 * Errors   data that is not what its type promises is written as RFC 3597 does for types without a meaning: \# length hex
 * Source   RFC 1035, 3596 (AAAA), 2782 (SRV), 9460 (SVCB, HTTPS), 8659 (CAA), 3597
 */
import { addressText } from '../bytes/address-text.ts';
import { readName } from './name.ts';
import { TYPE } from './record-types.ts';

/** Of data that is written as hex: beyond, an ellipsis; the message itself is kept whole. */
const HEX_BYTES_MAX = 64;
const SVCB_PARAMETERS_MAX = 16;
const SVCB_KEYS = ['mandatory', 'alpn', 'no-default-alpn', 'port', 'ipv4hint', 'ech', 'ipv6hint', 'dohpath'];

/** `message[start, end)` is the data; names in it may point to the rest of the message. */
export function dataText(message: Buffer, type: number, start: number, end: number): string {
  return meaningOf(message, type, start, end) ?? hexText(message, start, end);
}

function meaningOf(message: Buffer, type: number, start: number, end: number): string | undefined {
  const bytes = end - start;
  switch (type) {
    case TYPE.A:
      return bytes === 4 ? addressText(message, start, 4) : undefined;
    case TYPE.AAAA:
      return bytes === 16 ? ip6Text(message, start) : undefined;
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.DNAME:
      return nameText(message, start, end);
    case TYPE.MX:
      return numbersAndName(message, start, end, 1);
    case TYPE.SRV:
      return numbersAndName(message, start, end, 3);
    case TYPE.TXT:
      return strings(message, start, end);
    case TYPE.SOA:
      return soa(message, start, end);
    case TYPE.SVCB:
    case TYPE.HTTPS:
      return service(message, start, end);
    case TYPE.CAA:
      return caa(message, start, end);
    default:
      return undefined;
  }
}

/** As the kernel side writes an address that is connected to: IPv4 inside IPv6 as IPv4. */
function ip6Text(message: Buffer, at: number): string {
  return addressText(message, at, 6);
}

function nameText(message: Buffer, start: number, end: number): string | undefined {
  const read = readName(message, start, end);
  return read?.end === end ? read.name : undefined;
}

/** So many 16-bit numbers, and a name. */
function numbersAndName(message: Buffer, start: number, end: number, count: number): string | undefined {
  const nameAt = start + 2 * count;
  if (nameAt >= end) return undefined;
  const name = nameText(message, nameAt, end);
  if (name === undefined) return undefined;
  const numbers = Array.from({ length: count }, (_, i) => message.readUInt16BE(start + 2 * i));
  return [...numbers, name].join(' ');
}

function soa(message: Buffer, start: number, end: number): string | undefined {
  const primary = readName(message, start, end);
  const mailbox = primary && readName(message, primary.end, end);
  if (primary === undefined || mailbox === undefined || end - mailbox.end !== 20) return undefined;
  const numbers = Array.from({ length: 5 }, (_, i) => message.readUInt32BE(mailbox.end + 4 * i));
  return [primary.name, mailbox.name, ...numbers].join(' ');
}

/** Character strings, each with its length before it, in quotes. */
function strings(message: Buffer, start: number, end: number): string | undefined {
  const parts: string[] = [];
  for (let at = start; at < end; ) {
    const stringEnd = at + 1 + (message[at] as number);
    if (stringEnd > end) return undefined;
    parts.push(quoted(message, at + 1, stringEnd));
    at = stringEnd;
  }
  return parts.length === 0 ? undefined : parts.join(' ');
}

function quoted(message: Buffer, start: number, end: number): string {
  let text = '"';
  for (let i = start; i < end; i++) {
    const byte = message[i] as number;
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return `${text}"`;
}

/** Priority, target, and parameters of a key, a length and a value. */
function service(message: Buffer, start: number, end: number): string | undefined {
  if (end - start < 3) return undefined;
  const target = readName(message, start + 2, end);
  if (target === undefined) return undefined;
  const parts = [String(message.readUInt16BE(start)), target.name];
  for (let at = target.end; at < end; ) {
    if (at + 4 > end) return undefined;
    const key = message.readUInt16BE(at);
    const valueEnd = at + 4 + message.readUInt16BE(at + 2);
    if (valueEnd > end) return undefined;
    if (parts.length < 2 + SVCB_PARAMETERS_MAX) parts.push(serviceParameter(message, key, at + 4, valueEnd));
    at = valueEnd;
  }
  return parts.join(' ');
}

function serviceParameter(message: Buffer, key: number, start: number, end: number): string {
  const name = SVCB_KEYS[key] ?? `key${key}`;
  const bytes = end - start;
  if (bytes === 0) return name;
  const each = (size: number, text: (at: number) => string): string =>
    bytes % size === 0
      ? Array.from({ length: bytes / size }, (_, i) => text(start + i * size)).join(',')
      : hexText(message, start, end);
  switch (name) {
    case 'mandatory':
      return `${name}=${each(2, (at) => SVCB_KEYS[message.readUInt16BE(at)] ?? `key${message.readUInt16BE(at)}`)}`;
    case 'alpn':
      return `${name}=${(strings(message, start, end) ?? hexText(message, start, end)).replaceAll('" "', ',')}`;
    case 'port':
      return `${name}=${each(2, (at) => String(message.readUInt16BE(at)))}`;
    case 'ipv4hint':
      return `${name}=${each(4, (at) => addressText(message, at, 4))}`;
    case 'ipv6hint':
      return `${name}=${each(16, (at) => ip6Text(message, at))}`;
    case 'dohpath':
      return `${name}=${quoted(message, start, end)}`;
    default:
      return `${name}=${hexText(message, start, end)}`;
  }
}

function caa(message: Buffer, start: number, end: number): string | undefined {
  const tagEnd = start + 2 + (end - start >= 2 ? (message[start + 1] as number) : 0);
  if (end - start < 2 || tagEnd > end) return undefined;
  const tag = message.toString('latin1', start + 2, tagEnd);
  if (!/^[0-9a-zA-Z]+$/.test(tag)) return undefined;
  return `${message[start]} ${tag} ${quoted(message, tagEnd, end)}`;
}

function hexText(message: Buffer, start: number, end: number): string {
  const shownEnd = Math.min(end, start + HEX_BYTES_MAX);
  return `\\# ${end - start} ${message.toString('hex', start, shownEnd)}${shownEnd < end ? '…' : ''}`.trimEnd();
}
