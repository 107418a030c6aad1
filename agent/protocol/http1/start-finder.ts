// SPDX-License-Identifier: Apache-2.0

import { LabelledBytes } from '../http/held-bytes.ts';
/**
 * Finds the next message in one direction after its position was lost: bytes were missed, or were not HTTP.
 *
 * A start line alone is too little, since bodies quote them; what counts is a whole head: start line, well-formed field
 * lines, empty line. A line that breaks this starts the search again behind it, so every byte is looked at once or twice.
 */
import { isTokenByte } from '../http/token.ts';
import type { StartGrammar } from './grammar.ts';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
/** Bytes taken at a time: what is behind a head that was found is not copied, whatever the size of the chunk. */
const PIECE_BYTES = 8192;

export class StartFinder<Line> {
  readonly #grammar: StartGrammar<Line>;
  readonly #headBytesMax: number;
  readonly #held = new LabelledBytes();
  /** Where the search for a start line goes on. */
  #searchFrom = 0;
  /** A start line was found at the beginning of what is held; its next line to judge begins here. */
  #lineFrom: number | undefined;
  /** Bytes passed over and not held since `takeSkipped`. */
  #skippedBytes = 0;

  constructor(grammar: StartGrammar<Line>, headBytesMax: number) {
    this.#grammar = grammar;
    this.#headBytesMax = headBytesMax;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  /** Look at the bytes from `from` on; answers how far it looked, and the head when one was found right before there. */
  take(bytes: Uint8Array, from: number, at: number): { upTo: number; head?: readonly { bytes: Buffer; at: number }[] } {
    for (let pos = from; pos < bytes.length; ) {
      const piece = bytes.subarray(pos, pos + PIECE_BYTES);
      this.#held.append(piece, at);
      const headEnd = this.#find();
      if (headEnd !== undefined) {
        const head = this.#held.runs(headEnd);
        const upTo = pos + piece.length - (this.#held.length - headEnd);
        this.#held.clear();
        this.#searchFrom = 0;
        this.#lineFrom = undefined;
        return { upTo, head };
      }
      pos += piece.length;
    }
    return { upTo: bytes.length };
  }

  takeSkipped(): number {
    const skipped = this.#skippedBytes;
    this.#skippedBytes = 0;
    return skipped;
  }

  /** What is held is not what was looked for: the position is lost again, or the side ended. */
  giveUp(): void {
    this.#drop(this.#held.length);
  }

  #find(): number | undefined {
    for (;;) {
      if (this.#lineFrom === undefined) {
        const found = this.#grammar.search(this.#held.view(), this.#searchFrom);
        if (found.kind === 'none') {
          this.#drop(found.keepFrom);
          this.#searchFrom = found.searchFrom - found.keepFrom;
          return undefined;
        }
        this.#drop(found.start);
        this.#lineFrom = found.lineEnd - found.start;
      }
      const judged = this.#judgeLines(this.#lineFrom);
      if (judged.kind === 'whole') return judged.headEnd;
      if (judged.kind === 'not-yet') {
        this.#lineFrom = judged.lineFrom;
        return undefined;
      }
      this.#drop(judged.searchFrom);
    }
  }

  #judgeLines(
    from: number,
  ): { kind: 'whole'; headEnd: number } | { kind: 'not-yet'; lineFrom: number } | { kind: 'no'; searchFrom: number } {
    const bytes = this.#held.view();
    for (let lineFrom = from; ; ) {
      const lf = bytes.subarray(0, this.#headBytesMax).indexOf(LF, lineFrom);
      if (lf < 0) {
        if (bytes.length >= this.#headBytesMax) return { kind: 'no', searchFrom: this.#headBytesMax };
        return { kind: 'not-yet', lineFrom };
      }
      const lineEnd = lf > lineFrom && bytes[lf - 1] === CR ? lf - 1 : lf;
      if (lineEnd === lineFrom) return { kind: 'whole', headEnd: lf + 1 };
      if (!isFieldLine(bytes, lineFrom, lineEnd)) return { kind: 'no', searchFrom: lineFrom };
      lineFrom = lf + 1;
    }
  }

  #drop(count: number): void {
    this.#skippedBytes += count;
    this.#held.drop(count);
    this.#searchFrom = 0;
    this.#lineFrom = undefined;
  }
}

function isFieldLine(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] === COLON) return i > from;
    if (!isTokenByte(bytes[i]!)) return false;
  }
  return false;
}
