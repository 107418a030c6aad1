// SPDX-License-Identifier: Apache-2.0

/**
 * The tables of an ELF file (64 bit, little endian) that say where things are. A file is hostile: what does not fit is
 * left out, never thrown; every table has a bound.
 *
 * Source  System V gABI, chapters 4 and 5
 */

import type { FileReader } from '../file-reader.ts';

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly fileOffset: number;
  readonly address: number;
  readonly fileBytes: number;
}

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  /** Number of another section, as `type` says. */
  readonly link: number;
}

export const segmentType = { load: 1, dynamic: 2, interpreter: 3, note: 4 } as const;
export const segmentFlag = { execute: 1, write: 2, read: 4 } as const;
export const sectionType = { programBits: 1, symbolTable: 2, rela: 4, note: 7, noBits: 8, dynamicSymbols: 11 } as const;
export const sectionFlag = { write: 1, alloc: 2, execute: 4 } as const;
export const fileType = { executable: 2, shared: 3 } as const;
export const machine = { x86: 62, arm64: 183 } as const;

/** Programs have some 15 segments and 50 sections; -ffunction-sections in an unlinked object gives thousands, no probe goes there. */
const SEGMENTS_MAX = 256;
const SECTIONS_MAX = 1024;
const DYNAMIC_BYTES_MAX = 64 * 1024;
const NAMES_BYTES_MAX = 64 * 1024;
const NAME_BYTES_MAX = 4096;

const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SECTION_BYTES = 64;

export class ElfFile {
  readonly reader: FileReader;
  readonly type: number;
  readonly machine: number;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  /** Tag → value of the dynamic section; the first of each tag. */
  readonly dynamic: ReadonlyMap<bigint, bigint>;
  /** DT_NEEDED: libraries that the loader brings along. */
  readonly needed: readonly string[];
  /** DT_SONAME: the name that others need it by; '' when it has none. */
  readonly soname: string;

  /** Undefined when `reader` is no ELF file of 64 bits, little endian, that can be run or loaded. */
  static read(reader: FileReader): ElfFile | undefined {
    const header = reader.read(0, HEADER_BYTES);
    if (header.length < HEADER_BYTES || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
    if (header[4] !== 2 || header[5] !== 1) return undefined;
    const type = header.readUInt16LE(16);
    if (type !== fileType.executable && type !== fileType.shared) return undefined;
    return new ElfFile(reader, header);
  }

  private constructor(reader: FileReader, header: Buffer) {
    this.reader = reader;
    this.type = header.readUInt16LE(16);
    this.machine = header.readUInt16LE(18);
    this.segments = readSegments(reader, header);
    this.sections = readSections(reader, header);
    const entries = this.#dynamicEntries();
    const dynamic = new Map<bigint, bigint>();
    for (const [tag, value] of entries) if (!dynamic.has(tag)) dynamic.set(tag, value);
    this.dynamic = dynamic;
    const names = this.fileOffsetOf(Number(dynamic.get(DT_STRTAB) ?? -1n));
    const namesOf = (tag: bigint): string[] =>
      names === undefined
        ? []
        : entries.filter(([one]) => one === tag).map(([, value]) => this.textAt(names + Number(value)));
    this.needed = namesOf(DT_NEEDED);
    this.soname = namesOf(DT_SONAME)[0] ?? '';
  }

  section(name: string): Section | undefined {
    return this.sections.find((one) => one.name === name && one.type !== sectionType.noBits);
  }

  /** Where the byte at `address` is in the file; undefined when no part of the file is loaded there. */
  fileOffsetOf(address: number): number | undefined {
    const segment = this.segments.find(
      (one) => one.type === segmentType.load && address >= one.address && address < one.address + one.fileBytes,
    );
    return segment && segment.fileOffset + (address - segment.address);
  }

  /** Where the byte at `fileOffset` is in memory; undefined when it is not loaded. */
  addressOf(fileOffset: number): number | undefined {
    const segment = this.segments.find(
      (one) =>
        one.type === segmentType.load && fileOffset >= one.fileOffset && fileOffset < one.fileOffset + one.fileBytes,
    );
    return segment && segment.address + (fileOffset - segment.fileOffset);
  }

  /** As `fileOffsetOf`, and only where code is: a probe anywhere else is a damaged file or a trap. */
  codeOffsetOf(address: number): number | undefined {
    const segment = this.segments.find(
      (one) =>
        one.type === segmentType.load &&
        (one.flags & segmentFlag.execute) !== 0 &&
        address >= one.address &&
        address < one.address + one.fileBytes,
    );
    return segment && segment.fileOffset + (address - segment.address);
  }

  /** The text that ends with a zero byte; '' when there is none within bounds. */
  textAt(fileOffset: number): string {
    const bytes = this.reader.read(fileOffset, NAME_BYTES_MAX);
    const end = bytes.indexOf(0);
    return end < 0 ? '' : bytes.toString('latin1', 0, end);
  }

  #dynamicEntries(): [bigint, bigint][] {
    const segment = this.segments.find((one) => one.type === segmentType.dynamic);
    if (segment === undefined) return [];
    const bytes = this.reader.read(segment.fileOffset, Math.min(segment.fileBytes, DYNAMIC_BYTES_MAX));
    const entries: [bigint, bigint][] = [];
    for (let at = 0; at + 16 <= bytes.length; at += 16) {
      const tag = bytes.readBigInt64LE(at);
      if (tag === 0n) break;
      entries.push([tag, bytes.readBigUInt64LE(at + 8)]);
    }
    return entries;
  }
}

function readSegments(reader: FileReader, header: Buffer): Segment[] {
  const count = Math.min(header.readUInt16LE(56), SEGMENTS_MAX);
  const bytes = reader.read(Number(header.readBigUInt64LE(32)), count * SEGMENT_BYTES);
  const segments: Segment[] = [];
  if (header.readUInt16LE(54) !== SEGMENT_BYTES) return segments;
  for (let at = 0; at + SEGMENT_BYTES <= bytes.length; at += SEGMENT_BYTES) {
    const segment = {
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      fileOffset: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      fileBytes: Number(bytes.readBigUInt64LE(at + 32)),
    };
    if (Number.isSafeInteger(segment.address) && fitsIn(reader, segment.fileOffset, segment.fileBytes))
      segments.push(segment);
  }
  return segments;
}

function readSections(reader: FileReader, header: Buffer): Section[] {
  const count = Math.min(header.readUInt16LE(60), SECTIONS_MAX);
  if (header.readUInt16LE(58) !== SECTION_BYTES) return [];
  const bytes = reader.read(Number(header.readBigUInt64LE(40)), count * SECTION_BYTES);
  const names = sectionNames(reader, bytes, header.readUInt16LE(62));
  const sections: Section[] = [];
  for (let at = 0; at + SECTION_BYTES <= bytes.length; at += SECTION_BYTES) {
    const nameAt = bytes.readUInt32LE(at);
    const end = nameAt < names.length ? names.indexOf(0, nameAt) : -1;
    const section = {
      name: end < 0 ? '' : names.toString('latin1', nameAt, end),
      type: bytes.readUInt32LE(at + 4),
      flags: Number(bytes.readBigUInt64LE(at + 8)),
      address: Number(bytes.readBigUInt64LE(at + 16)),
      fileOffset: Number(bytes.readBigUInt64LE(at + 24)),
      fileBytes: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
    };
    // Numbers of sections stay what they are: one that does not fit is kept, and empty.
    const fits = section.type === sectionType.noBits || fitsIn(reader, section.fileOffset, section.fileBytes);
    sections.push(fits ? section : { ...section, fileOffset: 0, fileBytes: 0 });
  }
  return sections;
}

function sectionNames(reader: FileReader, table: Buffer, index: number): Buffer {
  const at = index * SECTION_BYTES;
  if (at + SECTION_BYTES > table.length) return Buffer.alloc(0);
  const bytes = Math.min(Number(table.readBigUInt64LE(at + 32)), NAMES_BYTES_MAX);
  return reader.read(Number(table.readBigUInt64LE(at + 24)), bytes);
}

function fitsIn(reader: FileReader, offset: number, bytes: number): boolean {
  return Number.isSafeInteger(offset) && Number.isSafeInteger(bytes) && offset + bytes <= reader.sizeBytes;
}
