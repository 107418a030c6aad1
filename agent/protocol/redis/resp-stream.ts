// SPDX-License-Identifier: Apache-2.0

/**
 * Cuts the bytes of one side into lines and bulk strings, and counts what becomes of each byte.
 *
 * Shape    a line ends with CR LF; a bulk string is as many bytes as its line said, and CR LF
 * Errors   never throws. What cannot be RESP, and a gap outside of a bulk string, loses the place: a client's is found again
 *          at the next command that proves itself by its shape, a server's when the client has sent the next command
 * Keeps    a line that is not all there yet, up to LINE_BYTES_MAX; bulk strings are handed on as they come
 * Source   Redis documentation, "Redis serialization protocol specification"
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Side } from '../decoder.ts';
import { PROOF_BYTES_MAX, startsCommand } from './command-start.ts';

/** 64 KiB: what a server takes of an inline command; of a longer line (MONITOR shows whole commands) the head is kept. */
const LINE_BYTES_MAX = 64 * 1024;
const FIRST_LINE_BYTES = 256;
const LF = 0x0a;
const CR = 0x0d;
const STAR = 0x2a;

/** What a line means for what comes next. */
export const Next = { line: -1, malformed: -2 } as const;

export interface RespHandler {
  /** A line without its CR LF; `cutBytes` of its end are left out. Returns `Next`, or the size of the bulk string that follows. */
  line(bytes: Buffer, start: number, end: number, cutBytes: number): number;
  bulkPart(bytes: Buffer, start: number, end: number): void;
  /** These bytes of the bulk string were never seen. */
  bulkHole(missingBytes: number): void;
  bulkEnd(): void;
  /** The place is lost: the value at hand never ends. */
  lost(): void;
  trouble(reason: string, bytes: number): void;
}

const Phase = { line: 0, bulk: 1, bulkEnd: 2, lost: 3, stopped: 4 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

export class RespStream {
  readonly #from: Side;
  readonly #handler: RespHandler;
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  #phase: Phase;
  #hasEnded = false;
  #line = Buffer.allocUnsafeSlow(FIRST_LINE_BYTES);
  #lineBytes = 0;
  /** Of the line at hand. */
  #cutBytes = 0;
  #hasReturn = false;
  /** Of all lines of the value at hand. */
  #lineCutBytes = 0;
  #bulkBytes = 0;
  #endBytes = 0;
  /** Bytes that may begin a command, while the place is lost, and their labels. */
  readonly #sought: number[] = [];
  readonly #soughtAt: number[] = [];

  /** Bytes on the wire of the value at hand, and its labels. */
  valueBytes = 0;
  firstAt = 0;
  lastAt = 0;
  /** Offset in the chunk just pushed up to which bytes are the stream's own. */
  usedBytes = 0;
  /** Where what is being taken begins in that chunk; below 0 when in one before. */
  #takenFrom = 0;

  constructor(from: Side, handler: RespHandler, isWhole: boolean) {
    this.#from = from;
    this.#handler = handler;
    this.#phase = isWhole ? Phase.line : Phase.lost;
  }

  get heldBytes(): number {
    return this.#lineBytes + this.#sought.length;
  }

  get isLost(): boolean {
    return this.#phase === Phase.lost;
  }

  push(chunk: Uint8Array, at: number): void {
    const bytes = asBuffer(chunk);
    this.usedBytes = 0;
    if (this.#hasEnded) {
      this.counts.notUnderstood += bytes.length;
      this.#handler.trouble('after_the_end', bytes.length);
      return;
    }
    while (this.usedBytes < bytes.length && this.#phase !== Phase.stopped) {
      if (this.#phase === Phase.lost) this.#seek(bytes, at);
      else this.usedBytes = this.#take(bytes, this.usedBytes, at);
    }
  }

  gap(missingBytes: number): void {
    if (this.#phase === Phase.stopped) return;
    if (this.#phase === Phase.bulk && missingBytes <= this.#bulkBytes) {
      this.#bulkBytes -= missingBytes;
      this.#handler.bulkHole(missingBytes);
      if (this.#bulkBytes === 0) this.#phase = Phase.bulkEnd;
      return;
    }
    this.lose('gap_in_value');
  }

  /** The place is lost; what was seen of the value at hand is not understood. */
  lose(reason: string): void {
    this.giveUp(reason);
    this.#dropSought(this.#sought.length);
    this.#phase = Phase.lost;
    this.#handler.lost();
  }

  /** The next byte begins a value. */
  resume(): void {
    if (this.#phase === Phase.lost) this.#phase = Phase.line;
  }

  /** The value at hand is complete; `cutBytes` of it were above a bound. */
  settle(cutBytes: number): void {
    const cut = Math.min(this.valueBytes, cutBytes + this.#lineCutBytes + this.#cutBytes);
    this.counts.decoded += this.valueBytes - cut;
    this.counts.cut += cut;
    this.valueBytes = 0;
    this.#lineCutBytes = 0;
    this.#cutBytes = 0;
  }

  /** What was seen of the value at hand is not understood. */
  giveUp(reason: string): void {
    if (this.valueBytes > 0) {
      this.counts.notUnderstood += this.valueBytes;
      this.#handler.trouble(reason, this.valueBytes);
    }
    this.valueBytes = 0;
    this.#lineBytes = 0;
    this.#cutBytes = 0;
    this.#lineCutBytes = 0;
  }

  /** Nothing more is this stream's. */
  stop(): void {
    this.#phase = Phase.stopped;
    this.#lineBytes = 0;
  }

  end(): void {
    this.#hasEnded = true;
    this.#dropSought(this.#sought.length);
    this.giveUp('unfinished');
    this.stop();
  }

  /** Takes what belongs together, and returns where it ends. */
  #take(bytes: Buffer, start: number, at: number): number {
    if (this.valueBytes === 0) this.firstAt = at;
    this.lastAt = at;
    if (this.#phase === Phase.line) return this.#takeLine(bytes, start);
    if (this.#phase === Phase.bulk) {
      const end = Math.min(bytes.length, start + this.#bulkBytes);
      this.valueBytes += end - start;
      this.#bulkBytes -= end - start;
      this.#handler.bulkPart(bytes, start, end);
      if (this.#bulkBytes === 0) this.#phase = Phase.bulkEnd;
      return end;
    }
    const isExpected = bytes[start] === (this.#endBytes === 0 ? CR : LF);
    this.valueBytes++;
    this.usedBytes = this.#takenFrom + start + 1;
    if (!isExpected) {
      this.lose('malformed');
    } else if (++this.#endBytes === 2) {
      this.#phase = Phase.line;
      this.#endBytes = 0;
      this.#handler.bulkEnd();
    }
    return start + 1;
  }

  #takeLine(bytes: Buffer, start: number): number {
    const feed = bytes.indexOf(LF, start);
    const end = feed < 0 ? bytes.length : feed + 1;
    this.valueBytes += end - start;
    if (feed < 0) {
      this.#collect(bytes, start, end);
      return end;
    }
    this.usedBytes = this.#takenFrom + end;
    let [line, from, to] = [bytes, start, feed];
    if (this.#lineBytes > 0 || to - from > LINE_BYTES_MAX) {
      this.#collect(bytes, start, feed);
      [line, from, to] = [this.#line, 0, this.#lineBytes];
    }
    let cutBytes = this.#cutBytes;
    this.#lineBytes = 0;
    this.#cutBytes = 0;
    if (cutBytes === 0) {
      if (to > from && line[to - 1] === CR) to--;
    } else if (this.#hasReturn) {
      // The CR is none of what the line says.
      cutBytes--;
    }
    this.#lineCutBytes += cutBytes;
    this.#follow(this.#handler.line(line, from, to, cutBytes));
    return end;
  }

  #follow(next: number): void {
    if (this.#phase === Phase.stopped || this.#phase === Phase.lost) return;
    if (next === Next.malformed) this.lose('malformed');
    else if (next >= 0) {
      this.#bulkBytes = next;
      this.#endBytes = 0;
      this.#phase = next === 0 ? Phase.bulkEnd : Phase.bulk;
    }
  }

  #collect(bytes: Buffer, start: number, end: number): void {
    const taken = Math.min(end - start, LINE_BYTES_MAX - this.#lineBytes);
    this.#cutBytes += end - start - taken;
    if (end > start) this.#hasReturn = bytes[end - 1] === CR;
    const wanted = this.#lineBytes + taken;
    if (wanted > this.#line.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#line.length));
      this.#line.copy(grown, 0, 0, this.#lineBytes);
      this.#line = grown;
    }
    bytes.copy(this.#line, this.#lineBytes, start, start + taken);
    this.#lineBytes = wanted;
  }

  /** Looks for a command of a client; a server's place is not sought but told. */
  #seek(bytes: Buffer, at: number): void {
    if (this.#from === 'server' || this.#sought.length === 0) {
      const star = this.#from === 'server' ? -1 : bytes.indexOf(STAR, this.usedBytes);
      const end = star < 0 ? bytes.length : star;
      this.#pass(end - this.usedBytes);
      this.usedBytes = end;
      if (star < 0) return;
    }
    this.#sought.push(bytes[this.usedBytes++] as number);
    this.#soughtAt.push(at);
    for (;;) {
      const fits = this.#sought.length === 0 ? 'maybe' : startsCommand(this.#sought);
      if (fits === 'maybe' && this.#sought.length <= PROOF_BYTES_MAX) return;
      if (fits === 'yes') {
        this.#found();
        return;
      }
      this.#dropSought(1);
    }
  }

  #found(): void {
    const found = Buffer.from(this.#sought);
    const labels = this.#soughtAt.splice(0);
    this.#sought.length = 0;
    this.#phase = Phase.line;
    const used = this.usedBytes;
    // Who hands over in the middle of this asks where in the chunk.
    this.#takenFrom = used - found.length;
    for (let from = 0; from < found.length && this.#phase !== (Phase.lost as Phase); ) {
      from = this.#take(found, from, labels[from] as number);
    }
    this.lastAt = labels.at(-1) as number;
    this.usedBytes = used;
    this.#takenFrom = 0;
  }

  #dropSought(count: number): void {
    this.#pass(count);
    this.#sought.splice(0, count);
    this.#soughtAt.splice(0, count);
  }

  #pass(bytes: number): void {
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble('skipped_to_resync', bytes);
  }
}
