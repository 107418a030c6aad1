// SPDX-License-Identifier: Apache-2.0

/**
 * HPACK: header blocks of one direction to field lines. The table of what was said before is part of the language, so every
 * block has to be read, also of streams that nobody wants.
 *
 * A table that was not followed from its beginning is unknown: static entries, literals, and what is inserted from then on
 * can be told, since indices count from the newest entry; what is older cannot.
 *
 * Source   RFC 7541
 */
import { huffmanDecoded } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** Lines as they stand in the block; `name` or `value` is undefined where it refers to an entry that nobody knows. */
export interface HeaderLine {
  readonly name: string | undefined;
  readonly value: string | undefined;
}

export interface HeaderBlock {
  readonly lines: readonly HeaderLine[];
  /** About what the lines cost: their characters, and 32 each (as section 4.1 counts). */
  readonly listBytes: number;
  /** Lines beyond HEADER_LIST_BYTES_MAX. */
  readonly linesNotKept: number;
}

/** 4096 is what all begin with (RFC 9113, section 6.5.2); more has to be offered by the peer. Browsers offer 64 KiB. */
export const TABLE_BYTES_MAX = 64 * 1024;
const TABLE_BYTES_AT_FIRST = 4096;
/** A block of 16 KiB can stand for 64 MiB of lines (entries of 4 KiB, a byte each): what is more than this is not kept. */
export const HEADER_LIST_BYTES_MAX = 64 * 1024;
const ENTRY_OVERHEAD_BYTES = 32;
/** Integers above this are nobody's length or index. */
const INTEGER_MAX = 2 ** 28;

interface Entry {
  readonly name: string | undefined;
  readonly value: string | undefined;
  readonly bytes: number;
}

interface Text {
  readonly text: string;
  readonly bytes: number;
}

const NO_BLOCK = Buffer.alloc(0);
const STATIC_LINES: readonly HeaderLine[] = STATIC_TABLE.map(([name, value]) => ({ name, value }));
const STATIC_NAMES: readonly Text[] = STATIC_TABLE.map(([name]) => ({ text: name, bytes: name.length }));

export class HpackReader {
  /** Newest last. */
  #entries: Entry[] = [];
  /** Entries before this one are gone; the array is cut now and then. */
  #first = 0;
  #bytes = 0;
  #bytesMax = TABLE_BYTES_AT_FIRST;
  #isUnknown = false;
  #block: Buffer = NO_BLOCK;
  #at = 0;

  /** Entries may be referred to that were not seen. */
  get isUnknown(): boolean {
    return this.#isUnknown;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  /** What was in the table is not known any more, nor how large it may be. */
  forget(): void {
    this.clear();
    this.#isUnknown = true;
    this.#bytesMax = TABLE_BYTES_MAX;
  }

  clear(): void {
    this.#entries = [];
    this.#first = this.#bytes = 0;
  }

  /** Undefined when it is no header block; the table is forgotten then. Never throws. */
  read(block: Buffer): HeaderBlock | undefined {
    this.#block = block;
    this.#at = 0;
    const lines: HeaderLine[] = [];
    let listBytes = 0;
    let linesNotKept = 0;
    while (this.#at < block.length) {
      const line = this.#line();
      if (line === undefined) {
        this.forget();
        this.#block = NO_BLOCK;
        return undefined;
      }
      if (line === 'size-update') continue;
      const bytes = (line.name?.length ?? 0) + (line.value?.length ?? 0) + ENTRY_OVERHEAD_BYTES;
      if (listBytes + bytes > HEADER_LIST_BYTES_MAX) {
        linesNotKept++;
      } else {
        listBytes += bytes;
        lines.push(line);
      }
    }
    this.#block = NO_BLOCK;
    return { lines, listBytes, linesNotKept };
  }

  #line(): HeaderLine | 'size-update' | undefined {
    const first = this.#block[this.#at]!;
    if ((first & 0x80) !== 0) {
      const index = this.#integer(7);
      return index === undefined ? undefined : this.#entry(index);
    }
    if ((first & 0xe0) === 0x20) return this.#sizeUpdate();
    const isInserted = (first & 0x40) !== 0;
    const index = this.#integer(isInserted ? 6 : 4);
    if (index === undefined) return undefined;
    const name = index === 0 ? this.#text() : this.#name(index);
    if (name === undefined) return undefined;
    const value = this.#text();
    if (value === undefined) return undefined;
    const entry: Entry = {
      name: name === 'unknown' ? undefined : name.text,
      value: value.text,
      bytes: (name === 'unknown' ? 0 : name.bytes) + value.bytes + ENTRY_OVERHEAD_BYTES,
    };
    if (isInserted) this.#insert(entry);
    return entry;
  }

  #sizeUpdate(): 'size-update' | undefined {
    const bytesMax = this.#integer(5);
    if (bytesMax === undefined) return undefined;
    // The larger table was agreed on, and cannot be followed: its oldest entries will be unknown.
    if (bytesMax > TABLE_BYTES_MAX) this.#isUnknown = true;
    this.#bytesMax = Math.min(bytesMax, TABLE_BYTES_MAX);
    this.#evict();
    return 'size-update';
  }

  #entry(index: number): HeaderLine | undefined {
    if (index === 0) return undefined;
    if (index <= STATIC_TABLE.length) return STATIC_LINES[index - 1];
    return this.#dynamic(index) ?? (this.#isUnknown ? { name: undefined, value: undefined } : undefined);
  }

  #name(index: number): Text | 'unknown' | undefined {
    if (index <= STATIC_TABLE.length) return STATIC_NAMES[index - 1];
    const entry = this.#dynamic(index);
    if (entry === undefined) return this.#isUnknown ? 'unknown' : undefined;
    return entry.name === undefined ? 'unknown' : { text: entry.name, bytes: Buffer.byteLength(entry.name) };
  }

  #dynamic(index: number): Entry | undefined {
    const place = this.#entries.length - (index - STATIC_TABLE.length);
    return place < this.#first ? undefined : this.#entries[place];
  }

  #insert(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.#evict();
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) this.#bytes -= this.#entries[this.#first++]!.bytes;
    if (this.#first < 64 || 2 * this.#first < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }

  /** An integer whose first byte has `prefixBits` of it (section 5.1). */
  #integer(prefixBits: number): number | undefined {
    const mask = (1 << prefixBits) - 1;
    let value = this.#block[this.#at++]! & mask;
    if (value < mask) return value;
    for (let scale = 1; scale <= INTEGER_MAX; scale *= 128) {
      const byte = this.#block[this.#at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value <= INTEGER_MAX ? value : undefined;
    }
    return undefined;
  }

  #text(): Text | undefined {
    const first = this.#block[this.#at];
    if (first === undefined) return undefined;
    const length = this.#integer(7);
    if (length === undefined || this.#at + length > this.#block.length) return undefined;
    const from = this.#at;
    this.#at += length;
    if ((first & 0x80) === 0) return { text: textOf(this.#block, from, this.#at), bytes: length };
    const bytes = huffmanDecoded(this.#block, from, this.#at);
    return bytes && { text: textOf(bytes, 0, bytes.length), bytes: bytes.length };
  }
}

/** UTF-8, else one character a byte, as the fields of HTTP/1. */
function textOf(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to);
  return text.includes('\ufffd') ? bytes.toString('latin1', from, to) : text;
}
