// SPDX-License-Identifier: Apache-2.0

/**
 * One DNS message, without its length prefix.
 *
 * Shape    header of 12 bytes · questions · answers · authority · additional (RFC 1035, section 4)
 * Errors   undefined when header or questions cannot be read; records that cannot be are left out from there on, and
 *          `isWhole` is false
 * Keeps    nothing of `bytes`
 * Source   RFC 1035; RFC 6891 (EDNS); RFC 7871 (client subnet); RFC 6762 (mDNS's use of the class)
 */
import { addressText } from '../bytes/address-text.ts';
import { readName } from './name.ts';
import { dataText } from './record-data.ts';
import { TYPE } from './record-types.ts';

export const HEADER_BYTES = 12;
/** Length prefixes and datagrams can say no more. */
export const MESSAGE_BYTES_MAX = 65_535;
/** Of each part of a message so many are kept; the others are counted. A reply to one question has a few. */
export const KEPT_RECORDS_MAX = 64;

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** As a zone file has it. */
  readonly data: string;
}

export interface Edns {
  readonly udpBytesMax: number;
  readonly wantsDnssec: boolean;
  /** For whose network it is asked; '' when that was not said. */
  readonly clientSubnet: string;
}

export interface Message {
  readonly id: number;
  readonly isReply: boolean;
  readonly opcode: number;
  /** With the upper bits that EDNS brings. */
  readonly rcode: number;
  /** As `dig` writes them: 'aa tc rd ra ad cd'. */
  readonly flags: string;
  readonly isTruncated: boolean;
  readonly questionCount: number;
  /** Up to KEPT_RECORDS_MAX, as the answers. */
  readonly questions: readonly Question[];
  readonly answerCount: number;
  readonly answers: readonly DnsRecord[];
  readonly authorityCount: number;
  readonly additionalCount: number;
  readonly edns: Edns | undefined;
  /** All records could be read. */
  readonly isWhole: boolean;
  /** Behind the last record: nobody's. */
  readonly surplusBytes: number;
}

const FLAGS = [
  ['aa', 0x0400],
  ['tc', 0x0200],
  ['rd', 0x0100],
  ['ra', 0x0080],
  ['ad', 0x0020],
  ['cd', 0x0010],
] as const;
const CLIENT_SUBNET = 8;

interface RecordRead {
  readonly record: DnsRecord | undefined;
  readonly edns: Edns | undefined;
  readonly upperRcode: number;
  readonly end: number;
}

export function readMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const bits = bytes.readUInt16BE(2);
  const questionCount = bytes.readUInt16BE(4);
  const counts = [bytes.readUInt16BE(6), bytes.readUInt16BE(8), bytes.readUInt16BE(10)] as const;
  const questions: Question[] = [];
  let at = HEADER_BYTES;
  for (let i = 0; i < questionCount; i++) {
    const read = readName(bytes, at);
    if (read === undefined || read.end + 4 > bytes.length) return undefined;
    if (i < KEPT_RECORDS_MAX) {
      const type = bytes.readUInt16BE(read.end);
      questions.push({ name: read.name, type, class: bytes.readUInt16BE(read.end + 2) });
    }
    at = read.end + 4;
  }
  const answers: DnsRecord[] = [];
  let edns: Edns | undefined;
  let upperRcode = 0;
  let isWhole = true;
  for (const [part, count] of counts.entries()) {
    for (let i = 0; i < count && isWhole; i++) {
      const read = readRecord(bytes, at, part === 0 && answers.length < KEPT_RECORDS_MAX);
      if (read === undefined) {
        isWhole = false;
        break;
      }
      if (read.record !== undefined) answers.push(read.record);
      if (read.edns !== undefined && part === 2) {
        edns = read.edns;
        upperRcode = read.upperRcode;
      }
      at = read.end;
    }
  }
  return {
    id: bytes.readUInt16BE(0),
    isReply: (bits & 0x8000) !== 0,
    opcode: (bits >> 11) & 0xf,
    rcode: (bits & 0xf) | (upperRcode << 4),
    flags: FLAGS.filter(([, bit]) => (bits & bit) !== 0)
      .map(([name]) => name)
      .join(' '),
    isTruncated: (bits & 0x0200) !== 0,
    questionCount,
    questions,
    answerCount: counts[0],
    answers,
    authorityCount: counts[1],
    additionalCount: counts[2],
    edns,
    isWhole,
    surplusBytes: isWhole ? bytes.length - at : 0,
  };
}

/** Name · type u16 · class u16 · ttl u32 · length u16 · data. */
function readRecord(bytes: Buffer, at: number, isKept: boolean): RecordRead | undefined {
  const name = readName(bytes, at);
  if (name === undefined || name.end + 10 > bytes.length) return undefined;
  const type = bytes.readUInt16BE(name.end);
  const start = name.end + 10;
  const end = start + bytes.readUInt16BE(name.end + 8);
  if (end > bytes.length) return undefined;
  const recordClass = bytes.readUInt16BE(name.end + 2);
  const ttl = bytes.readUInt32BE(name.end + 4);
  if (type === TYPE.OPT) {
    const edns = {
      udpBytesMax: recordClass,
      wantsDnssec: (ttl & 0x8000) !== 0,
      clientSubnet: clientSubnet(bytes, start, end),
    };
    return { record: undefined, edns, upperRcode: ttl >>> 24, end };
  }
  const record = isKept
    ? { name: name.name, type, class: recordClass, ttl, data: dataText(bytes, type, start, end) }
    : undefined;
  return { record, edns: undefined, upperRcode: 0, end };
}

/** Option 8: family u16 · prefix bits u8 · scope u8 · as many bytes of the address as the prefix has. */
function clientSubnet(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at + 4 <= end; ) {
    const optionEnd = at + 4 + bytes.readUInt16BE(at + 2);
    if (optionEnd > end) return '';
    if (bytes.readUInt16BE(at) === CLIENT_SUBNET && optionEnd - at >= 8) {
      const family = bytes.readUInt16BE(at + 4) === 1 ? 4 : 6;
      const address = Buffer.alloc(16);
      bytes.copy(address, 0, at + 8, Math.min(optionEnd, at + 8 + (family === 4 ? 4 : 16)));
      return `${addressText(address, 0, family)}/${bytes[at + 6]}`;
    }
    at = optionEnd;
  }
  return '';
}
