// SPDX-License-Identifier: Apache-2.0

/**
 * The bytes of a segment file. Nothing here reads or writes files.
 *
 * Segment  header (twice) · frames
 * Header   512 bytes: magic 8 · version u32 · crc u32 of bytes 16..511 · first seq u64 · created ns u64 · segment id 16 ·
 *          chain before the first entry 32 · agent id (u16 length, 206 bytes) · host (u16 length, 222 bytes)
 * Frame    crc u32 · kind (4 bits) and length of body (28 bits) as u32 · body
 * Entry    kind 1: the encoded sworn.v1.Activity. It begins with its seq and ends with its leaf
 * Mark     kind 2, 64 bytes, ends every write: segment id 16 · own offset u64 · last seq u64 · chain after it 32
 * Units    little-endian, bytes
 *
 * The checksum is zlib's CRC-32: Node computes it natively (0.15 us for 400 bytes), CRC-32C it does not have. It covers the
 * frame from its fifth byte and starts from the segment id, so that a frame is valid in no other segment. It finds accidents;
 * the chain finds altered entries, because the leaf binds the content and the mark binds the leaves.
 *
 * A mark can be found without reading what is before it, by its segment id: 16 random bytes that only this file knows, so
 * that no recorded payload can pretend to be one. That is how reading goes on after damage.
 */
import { crc32 } from 'node:zlib';

export const HEADER_BYTES = 512;
/** Two copies of the header, so that one rotten sector does not cost a segment. */
export const FRAMES_START = 2 * HEADER_BYTES;
export const FRAME_HEAD_BYTES = 8;
export const MARK_BODY_BYTES = 64;
export const MARK_BYTES = FRAME_HEAD_BYTES + MARK_BODY_BYTES;
export const CHAIN_BYTES = 32;
export const SEGMENT_ID_BYTES = 16;
/** What 28 bits can say. */
export const BODY_BYTES_MAX = 0x0fffffff;

const MAGIC = Buffer.from('SWORNSEG', 'latin1');
export const SEGMENT_VERSION = 1;
const KIND_ENTRY = 1;
const KIND_MARK = 2;
const AGENT_ID_AT = 80;
const HOST_AT = 288;
/** Longest agent id and host, in bytes. */
export const AGENT_ID_BYTES_MAX = HOST_AT - AGENT_ID_AT - 2;
export const HOST_BYTES_MAX = HEADER_BYTES - HOST_AT - 2;

/** Activity field 1 as a varint: what every entry begins with. */
const SEQ_TAG = 0x08;
/** Activity field 41, 32 bytes: what every entry ends with. */
const LEAF_TAG = [0xca, 0x02, 0x20] as const;
const LEAF_BYTES = 32;

export interface SegmentHeader {
  readonly firstSeq: number;
  readonly createdNs: bigint;
  readonly segmentId: Buffer;
  /** Chain after the entry before the first. */
  readonly chain: Buffer;
  readonly agentId: string;
  readonly host: string;
}

/** File names sort in the order of their entries. */
export function segmentName(firstSeq: number): string {
  return `${String(firstSeq).padStart(16, '0')}.segment`;
}

export function firstSeqOfName(name: string): number | undefined {
  const match = /^(\d{16})\.segment$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Both copies. */
export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(FRAMES_START);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(SEGMENT_VERSION, 8);
  bytes.writeBigUInt64LE(BigInt(header.firstSeq), 16);
  bytes.writeBigUInt64LE(header.createdNs, 24);
  header.segmentId.copy(bytes, 32);
  header.chain.copy(bytes, 48);
  bytes.writeUInt16LE(bytes.write(header.agentId, AGENT_ID_AT + 2, AGENT_ID_BYTES_MAX), AGENT_ID_AT);
  bytes.writeUInt16LE(bytes.write(header.host, HOST_AT + 2, HOST_BYTES_MAX), HOST_AT);
  bytes.writeUInt32LE(crc32(bytes.subarray(16, HEADER_BYTES)), 12);
  bytes.copy(bytes, HEADER_BYTES, 0, HEADER_BYTES);
  return bytes;
}

export type HeaderRead =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'unknown-version'; readonly version: number }
  | { readonly kind: 'damaged' };

/** Reads whichever copy is whole. The checksum leaves the version out, so another one counts only when both copies say it. */
export function readHeader(bytes: Buffer): HeaderRead {
  const unknown: number[] = [];
  for (const start of [0, HEADER_BYTES]) {
    const copy = bytes.subarray(start, start + HEADER_BYTES);
    if (copy.length < HEADER_BYTES || !copy.subarray(0, 8).equals(MAGIC)) continue;
    if (crc32(copy.subarray(16)) !== copy.readUInt32LE(12)) continue;
    const version = copy.readUInt32LE(8);
    if (version !== SEGMENT_VERSION) {
      unknown.push(version);
      continue;
    }
    const text = (at: number) => copy.toString('utf8', at + 2, at + 2 + copy.readUInt16LE(at));
    return {
      kind: 'header',
      header: {
        firstSeq: Number(copy.readBigUInt64LE(16)),
        createdNs: copy.readBigUInt64LE(24),
        segmentId: Buffer.from(copy.subarray(32, 48)),
        chain: Buffer.from(copy.subarray(48, 80)),
        agentId: text(AGENT_ID_AT),
        host: text(HOST_AT),
      },
    };
  }
  const [version, again] = unknown;
  return version !== undefined && version === again ? { kind: 'unknown-version', version } : { kind: 'damaged' };
}

/** What the checksums of a segment start from. */
export function checksumSeed(segmentId: Buffer): number {
  return crc32(segmentId);
}

/** Completes the frame at `at`, whose body of `bodyBytes` is already in its place. */
export function sealEntryFrame(bytes: Buffer, at: number, bodyBytes: number, seed: number): void {
  bytes.writeUInt32LE((KIND_ENTRY * 0x10000000 + bodyBytes) >>> 0, at + 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, at + FRAME_HEAD_BYTES + bodyBytes), seed), at);
}

/** Writes a mark at `at`; `fileOffset` is where that will be in the file. */
export function writeMark(
  bytes: Buffer,
  at: number,
  mark: { segmentId: Buffer; fileOffset: number; lastSeq: number; chain: Buffer },
  seed: number,
): void {
  const body = at + FRAME_HEAD_BYTES;
  bytes.writeUInt32LE((KIND_MARK * 0x10000000 + MARK_BODY_BYTES) >>> 0, at + 4);
  mark.segmentId.copy(bytes, body);
  bytes.writeBigUInt64LE(BigInt(mark.fileOffset), body + 16);
  bytes.writeBigUInt64LE(BigInt(mark.lastSeq), body + 24);
  mark.chain.copy(bytes, body + 32, 0, CHAIN_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, body + MARK_BODY_BYTES), seed), at);
}

export type FrameRead =
  | {
      readonly kind: 'entry';
      readonly seq: number;
      readonly bodyStart: number;
      /** Where the body ends, and the next frame begins. */
      readonly end: number;
    }
  | { readonly kind: 'mark'; readonly lastSeq: number; readonly chainStart: number; readonly end: number }
  | { readonly kind: 'need-more'; readonly atLeastBytes: number }
  /** `end` is where the next frame would be if the length can be trusted; undefined when it cannot. */
  | { readonly kind: 'damaged'; readonly end: number | undefined };

const DAMAGED: FrameRead = { kind: 'damaged', end: undefined };

/**
 * Reads the frame at `at`, of a buffer whose byte 0 is the file's byte `fileOffset`.
 *
 * Errors   never throws; everything that this version would not have written is damaged
 * Keeps    offsets into `bytes`
 */
export function readFrame(bytes: Buffer, at: number, fileOffset: number, segmentId: Buffer, seed: number): FrameRead {
  if (bytes.length - at < FRAME_HEAD_BYTES) return { kind: 'need-more', atLeastBytes: FRAME_HEAD_BYTES };
  const word = bytes.readUInt32LE(at + 4);
  const kind = word >>> 28;
  const bodyBytes = word & BODY_BYTES_MAX;
  if (kind !== KIND_ENTRY && kind !== KIND_MARK) return DAMAGED;
  const bodyStart = at + FRAME_HEAD_BYTES;
  const end = bodyStart + bodyBytes;
  if (end > bytes.length) return { kind: 'need-more', atLeastBytes: end - at };
  if (crc32(bytes.subarray(at + 4, end), seed) !== bytes.readUInt32LE(at)) return { kind: 'damaged', end };
  if (kind === KIND_ENTRY) {
    const seq = seqOfEntry(bytes, bodyStart, end);
    return seq === undefined ? { kind: 'damaged', end } : { kind: 'entry', seq, bodyStart, end };
  }
  const isOurs =
    bodyBytes === MARK_BODY_BYTES &&
    bytes.compare(segmentId, 0, SEGMENT_ID_BYTES, bodyStart, bodyStart + SEGMENT_ID_BYTES) === 0 &&
    Number(bytes.readBigUInt64LE(bodyStart + 16)) === fileOffset + at;
  if (!isOurs) return { kind: 'damaged', end };
  return { kind: 'mark', lastSeq: Number(bytes.readBigUInt64LE(bodyStart + 24)), chainStart: bodyStart + 32, end };
}

/** The first mark that begins at `from` or later; -1 when there is none in `bytes`. */
export function findMark(bytes: Buffer, from: number, fileOffset: number, segmentId: Buffer, seed: number): number {
  for (;;) {
    const idAt = bytes.indexOf(segmentId, from + FRAME_HEAD_BYTES);
    if (idAt === -1) return -1;
    const at = idAt - FRAME_HEAD_BYTES;
    if (readFrame(bytes, at, fileOffset, segmentId, seed).kind === 'mark') return at;
    from = at + 1;
  }
}

/** Where the leaf of an entry begins, counted from the end of its body. */
export const LEAF_FROM_END = LEAF_BYTES;

/** undefined when the body is not an activity with seq and leaf in their places. */
function seqOfEntry(bytes: Buffer, bodyStart: number, end: number): number | undefined {
  const leafTagAt = end - LEAF_BYTES - LEAF_TAG.length;
  if (leafTagAt < bodyStart + 2 || bytes[bodyStart] !== SEQ_TAG) return undefined;
  if (LEAF_TAG.some((byte, index) => bytes[leafTagAt + index] !== byte)) return undefined;
  let seq = 0;
  let scale = 1;
  for (let at = bodyStart + 1; at < leafTagAt && scale < 2 ** 53; at += 1) {
    const byte = bytes[at]!;
    seq += (byte & 127) * scale;
    if (byte < 128) return Number.isSafeInteger(seq) ? seq : undefined;
    scale *= 128;
  }
  return undefined;
}
