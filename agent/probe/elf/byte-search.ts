// SPDX-License-Identifier: Apache-2.0

import { type FileReader, READ_BYTES_MAX } from '../file-reader.ts';

export interface ByteRange {
  readonly fileOffset: number;
  readonly fileBytes: number;
}

/**
 * The places of `needle` in a range, in order, as file offsets. Yields undefined after each piece that was read, so that
 * whoever drives it can let other work have its turn.
 */
export function* placesOf(
  reader: FileReader,
  range: ByteRange,
  needle: Buffer,
  placesMax: number,
): Generator<undefined, number[]> {
  const places: number[] = [];
  for (const { fileOffset, bytes } of readInPieces(reader, range, needle.length - 1)) {
    // Pieces overlap by less than the needle: a place is seen once.
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) {
      places.push(fileOffset + at);
      if (places.length >= placesMax) return places;
    }
    yield undefined;
  }
  return places;
}

export interface Piece {
  readonly fileOffset: number;
  /** Only until the next piece is asked for, which is read to the same place in memory. */
  readonly bytes: Buffer;
}

/** What a range holds, as `piecesOf` cuts it. New memory for each piece of a large program costs more than reading it. */
export function* readInPieces(reader: FileReader, range: ByteRange, overlapBytes: number): Generator<Piece> {
  let room: Buffer | undefined;
  for (const { fileOffset, fileBytes } of piecesOf(range, overlapBytes)) {
    // The first piece is the longest.
    room ??= Buffer.allocUnsafeSlow(fileBytes);
    yield { fileOffset, bytes: reader.read(fileOffset, fileBytes, room) };
  }
}

/** A range in pieces of at most `READ_BYTES_MAX`, each beginning `overlapBytes` before the end of the one before. */
export function* piecesOf(range: ByteRange, overlapBytes: number): Generator<ByteRange> {
  const end = range.fileOffset + range.fileBytes;
  for (let at = range.fileOffset; at < end; at += READ_BYTES_MAX - overlapBytes) {
    yield { fileOffset: at, fileBytes: Math.min(READ_BYTES_MAX, end - at) };
    if (at + READ_BYTES_MAX >= end) return;
  }
}
