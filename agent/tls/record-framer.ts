// SPDX-License-Identifier: Apache-2.0

/**
 * Records out of the bytes of one direction. In step, each header says where the next one is. After a loss it looks for
 * headers: a place that may be one is offered as a candidate, and only who holds the key can tell whether it is.
 *
 * Shape    type u8 · version u16 (3, 0..4) · length u16 · fragment
 * Keeps    at most one record, the header behind it and a little in front, in twice the memory
 * Source   RFC 8446, section 5.1
 */
import { asBuffer } from '../protocol/bytes/byte-reader.ts';
import { FRAGMENT_BYTES_MAX, RECORD, RECORD_HEADER_BYTES } from './record-cipher.ts';

export type Framed =
  /** Whole, and in step. A view until the next call. */
  | { readonly kind: 'record'; readonly record: Buffer }
  /** May be a record; answer with `accept` or `refuse`. `before`: the bytes in front of it, where they are known. */
  | { readonly kind: 'candidate'; readonly record: Buffer; readonly before: Buffer | undefined }
  /** A candidate that was refused and yet was a record, as what follows it shows. */
  | { readonly kind: 'passed'; readonly bytes: number; readonly type: number }
  /** Of no record that can be told. */
  | { readonly kind: 'skipped'; readonly bytes: number }
  /** The end of a record whose other bytes are missing. */
  | { readonly kind: 'remnant'; readonly bytes: number }
  /** In step, and no header: what remains of the chunk was not taken. */
  | { readonly kind: 'no-header' }
  | { readonly kind: 'need-more' };

/** A chunk that is being read. */
export class Chunk {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = asBuffer(bytes);
  }

  get remaining(): number {
    return this.bytes.length - this.at;
  }

  /** What remains of it, behind `head`. */
  after(head: Buffer): Chunk {
    return head.length === 0 ? this : new Chunk(Buffer.concat([head, this.bytes.subarray(this.at)]));
  }
}

/** What a gap does to the record that it falls into. */
export interface Missed {
  /** Bytes that were held and are of no use now. */
  readonly droppedBytes: number;
  /** The size of the record that was begun; 0 if the gap began between records, or inside a header. */
  readonly recordBytes: number;
  readonly recordType: number;
  /** Missing, dropped bytes included, and in no record that is known. */
  readonly unknownBytes: number;
}

const RECORD_BYTES_MAX = RECORD_HEADER_BYTES + FRAGMENT_BYTES_MAX;
/** What TLS 1.0 needs of the bytes in front. */
const BEFORE_BYTES = 16;
/** Small records are usual. */
const SEEK_BYTES_MIN = 512;
const NEED_MORE: Framed = { kind: 'need-more' };
const NO_HEADER: Framed = { kind: 'no-header' };
const EMPTY = Buffer.alloc(0);

export class RecordFramer {
  #mode: 'in-step' | 'seeking' = 'in-step';
  /** In step: the record that is begun. Seeking: [start, used) is not decided yet. */
  #held: Buffer = EMPTY;
  #start = 0;
  #used = 0;
  #remnantBytes = 0;
  /** The place that is looked at was offered and refused. */
  #refused = false;
  /** The place that is looked at is known to be a boundary. */
  #exact = false;
  #expectedType: number | undefined;

  get heldBytes(): number {
    return this.#used - this.#start;
  }

  /** What the holding costs. */
  get memoryBytes(): number {
    return this.#held.length;
  }

  /** While seeking, only records of this type are candidates; undefined: of any. */
  expect(type: number | undefined): void {
    this.#expectedType = type;
  }

  /** Look for records; `exact`: the next byte begins one, as far as can be told. */
  seek(exact: boolean): void {
    if (this.#mode === 'in-step') {
      this.#mode = 'seeking';
    }
    this.#exact = exact;
    this.#refused = false;
  }

  /** `missingBytes` are not to be had. From here on it seeks. */
  missed(missingBytes: number): Missed {
    const held = this.heldBytes;
    const size =
      held >= RECORD_HEADER_BYTES && (this.#mode === 'in-step' || this.#exact) ? this.#sizeAt(this.#start) : 0;
    const recordType = this.#held[this.#start] ?? 0;
    let missing = missingBytes;
    let known: Missed = { droppedBytes: held, recordBytes: 0, recordType, unknownBytes: held + missing };
    this.#used = this.#start;
    if (this.#remnantBytes > 0) {
      const inside = Math.min(this.#remnantBytes, missing);
      this.#remnantBytes -= inside;
      missing -= inside;
      known = { droppedBytes: 0, recordBytes: 0, recordType, unknownBytes: missing };
      this.seek(missing === 0 && this.#exact);
    } else if (size > 0 && size >= held + missing) {
      this.#remnantBytes = size - held - missing;
      known = { droppedBytes: held, recordBytes: size, recordType, unknownBytes: 0 };
      this.seek(true);
    } else {
      if (size > 0) known = { droppedBytes: held, recordBytes: size, recordType, unknownBytes: held + missing - size };
      this.seek(false);
    }
    // Nothing in front of a gap is in front of what follows it.
    this.#start = 0;
    this.#used = 0;
    return known;
  }

  next(chunk: Chunk): Framed {
    if (this.#remnantBytes > 0) {
      const bytes = Math.min(this.#remnantBytes, chunk.remaining);
      if (bytes === 0) return NEED_MORE;
      chunk.at += bytes;
      this.#remnantBytes -= bytes;
      return { kind: 'remnant', bytes };
    }
    return this.#mode === 'in-step' ? this.#inStep(chunk) : this.#seek(chunk);
  }

  /** The candidate is a record: in step again. What is held behind it is put back, to be read before anything else. */
  accept(size: number): Buffer {
    const rest = Buffer.from(this.#held.subarray(this.#start + size, this.#used));
    this.#mode = 'in-step';
    this.#held = EMPTY;
    this.#start = 0;
    this.#used = 0;
    return rest;
  }

  refuse(): void {
    this.#refused = true;
  }

  /** Nothing more comes; returns how many bytes were held. */
  end(): number {
    const held = this.heldBytes;
    this.#held = EMPTY;
    this.#start = 0;
    this.#used = 0;
    return held;
  }

  #inStep(chunk: Chunk): Framed {
    if (this.#used === 0) {
      const { bytes, at } = chunk;
      if (chunk.remaining === 0) return NEED_MORE;
      if (chunk.remaining >= RECORD_HEADER_BYTES) {
        if (!plausible(bytes, at, undefined)) return NO_HEADER;
        const size = RECORD_HEADER_BYTES + bytes.readUInt16BE(at + 3);
        if (chunk.remaining >= size) {
          chunk.at += size;
          return { kind: 'record', record: bytes.subarray(at, at + size) };
        }
        this.#held = Buffer.allocUnsafe(size);
      } else this.#held = Buffer.allocUnsafe(RECORD_HEADER_BYTES);
    }
    if (this.#used < RECORD_HEADER_BYTES) {
      if (!this.#fill(chunk, RECORD_HEADER_BYTES)) return NEED_MORE;
      if (!plausible(this.#held, 0, undefined)) return NO_HEADER;
      const whole = Buffer.allocUnsafe(this.#sizeAt(0));
      this.#held.copy(whole, 0, 0, RECORD_HEADER_BYTES);
      this.#held = whole;
    }
    if (!this.#fill(chunk, this.#sizeAt(0))) return NEED_MORE;
    const record = this.#held;
    this.#held = EMPTY;
    this.#used = 0;
    return { kind: 'record', record };
  }

  #seek(chunk: Chunk): Framed {
    let skipped = 0;
    for (;;) {
      this.#makeRoom();
      if (!this.#fill(chunk, RECORD_HEADER_BYTES))
        return skipped > 0 ? { kind: 'skipped', bytes: skipped } : this.#release();
      if (!plausible(this.#held, this.#start, this.#exact ? undefined : this.#expectedType)) {
        this.#exact = false;
        this.#start++;
        skipped++;
        continue;
      }
      if (skipped > 0) return { kind: 'skipped', bytes: skipped };
      const size = this.#sizeAt(this.#start);
      if (!this.#fill(chunk, size)) return NEED_MORE;
      if (!this.#refused) {
        const record = this.#held.subarray(this.#start, this.#start + size);
        const from = this.#start - BEFORE_BYTES;
        return { kind: 'candidate', record, before: from < 0 ? undefined : this.#held.subarray(from, this.#start) };
      }
      if (!this.#exact && !this.#fill(chunk, size + RECORD_HEADER_BYTES)) return NEED_MORE;
      this.#refused = false;
      if (this.#exact || plausible(this.#held, this.#start + size, this.#expectedType)) {
        this.#exact = true;
        const type = this.#held[this.#start] as number;
        this.#start += size;
        return { kind: 'passed', bytes: size, type };
      }
      this.#start++;
      skipped++;
    }
  }

  /** Is [start, start + size) held, once the chunk gave what it has? */
  #fill(chunk: Chunk, size: number): boolean {
    const wanted = Math.min(size - (this.#used - this.#start), chunk.remaining);
    if (wanted > 0) {
      this.#grow(this.#used + wanted);
      chunk.bytes.copy(this.#held, this.#used, chunk.at, chunk.at + wanted);
      chunk.at += wanted;
      this.#used += wanted;
    }
    return this.#used - this.#start >= size;
  }

  /** What is done with goes, but for the little in front. */
  #makeRoom(): void {
    if (this.#start <= RECORD_BYTES_MAX) return;
    const from = this.#start - BEFORE_BYTES;
    this.#held.copyWithin(0, from, this.#used);
    this.#used -= from;
    this.#start = BEFORE_BYTES;
  }

  #grow(size: number): void {
    if (size <= this.#held.length) return;
    const grown = Buffer.allocUnsafe(Math.max(size, this.#held.length * 2, SEEK_BYTES_MIN));
    this.#held.copy(grown, 0, 0, this.#used);
    this.#held = grown;
  }

  /** Nothing is held: nor is memory for it. Many connections may never be read. */
  #release(): Framed {
    if (this.#used === this.#start && this.#held.length > BEFORE_BYTES) {
      const from = Math.max(this.#start - BEFORE_BYTES, 0);
      this.#held = Buffer.from(this.#held.subarray(from, this.#start));
      this.#start = this.#held.length;
      this.#used = this.#start;
    }
    return NEED_MORE;
  }

  #sizeAt(at: number): number {
    return RECORD_HEADER_BYTES + this.#held.readUInt16BE(at + 3);
  }
}

function plausible(bytes: Buffer, at: number, type: number | undefined): boolean {
  const found = bytes[at] as number;
  return (
    (type === undefined ? found >= RECORD.changeCipherSpec && found <= RECORD.heartbeat : found === type) &&
    bytes[at + 1] === 3 &&
    (bytes[at + 2] as number) <= 4 &&
    bytes.readUInt16BE(at + 3) <= FRAGMENT_BYTES_MAX
  );
}
