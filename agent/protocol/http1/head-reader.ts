// SPDX-License-Identifier: Apache-2.0

import { type Fields, parseFields } from '../http/fields.ts';
import { LabelledBytes } from '../http/held-bytes.ts';
/** Reads one head: start line, field lines, empty line. What is no head is said as early as the bytes allow. */
import { EmptyLineScanner } from './empty-line.ts';
import { fieldText, lineText, type StartGrammar } from './grammar.ts';

export interface Head<Line> {
  readonly start: Line;
  readonly fields: Fields;
  readonly bytes: number;
}

const LF = 0x0a;

export class HeadReader<Line> {
  readonly #grammar: StartGrammar<Line>;
  readonly #bytesMax: number;
  /** A head that arrives in pieces; one that is whole in a chunk, as nearly all are, is read in place. */
  readonly #held = new LabelledBytes();
  readonly #emptyLine = new EmptyLineScanner();
  #startChecked = false;
  #line: Line | undefined;
  #lineBytes = 0;
  /** After `take`: is the head whole, and if not, what is wrong. */
  state: 'more' | 'whole' | 'not-a-start' | 'too-long' = 'more';
  #head: Head<Line> | undefined;

  constructor(grammar: StartGrammar<Line>, bytesMax: number) {
    this.#grammar = grammar;
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  /** The head that was just found whole. */
  get head(): Head<Line> {
    return this.#head!;
  }

  begin(): void {
    this.state = 'more';
    this.#startChecked = false;
    this.#line = undefined;
  }

  /** Give back what is held, with its labels, and forget it. */
  giveBack(): { bytes: Buffer; at: number }[] {
    const runs = this.#held.runs();
    this.#held.clear();
    return runs;
  }

  /** Read on from `pos`; answers how far. Bytes of what is not a start are held or behind the answer, never passed. */
  take(bytes: Buffer, pos: number, at: number): number {
    const to = Math.min(bytes.length, pos + this.#bytesMax - this.#held.length);
    const inPlace = this.#held.length === 0;
    let fieldsFrom = pos;
    if (this.#line === undefined) {
      fieldsFrom = this.#takeStartLine(bytes, pos, to, at);
      if (this.#line === undefined) return fieldsFrom;
    }
    const end = this.#emptyLine.find(bytes, fieldsFrom, to);
    const upTo = end < 0 ? to : end;
    if (end >= 0 && inPlace) {
      this.#finish(bytes, pos, end);
      return end;
    }
    this.#held.append(bytes.subarray(inPlace ? pos : fieldsFrom, upTo), at);
    if (end >= 0) {
      this.#finish(this.#held.view(), 0, this.#held.length);
      this.#held.clear();
    } else if (this.#held.length >= this.#bytesMax) {
      this.state = 'too-long';
    }
    return upTo;
  }

  /** Sets `#line` when the line is whole and is one; in place, it is then not held. */
  #takeStartLine(bytes: Buffer, pos: number, to: number, at: number): number {
    const lf = bytes.indexOf(LF, pos);
    const isWhole = lf >= 0 && lf < to;
    const upTo = isWhole ? lf + 1 : to;
    const inPlace = isWhole && this.#held.length === 0;
    if (!inPlace) this.#held.append(bytes.subarray(pos, upTo), at);
    const source = inPlace ? bytes : this.#held.view();
    const from = inPlace ? pos : 0;
    const end = inPlace ? upTo : source.length;
    if (!this.#startChecked) {
      const answer = this.#grammar.check(source, from, end);
      if (answer === 'no') return this.#isNone(inPlace ? pos : upTo);
      this.#startChecked = answer === 'yes';
    }
    if (!isWhole) {
      if (this.#held.length >= this.#bytesMax) this.state = 'too-long';
      return upTo;
    }
    const line = this.#grammar.parse(lineText(source, from, end));
    if (line === undefined) return this.#isNone(inPlace ? pos : upTo);
    this.#line = line;
    this.#lineBytes = end - from;
    this.#emptyLine.restart();
    return upTo;
  }

  #isNone(pos: number): number {
    this.state = 'not-a-start';
    return pos;
  }

  #finish(bytes: Buffer, from: number, to: number): void {
    const fields = parseFields(fieldText(bytes, from + this.#lineBytes, to));
    this.#head = { start: this.#line!, fields, bytes: to - from };
    this.state = 'whole';
  }
}
