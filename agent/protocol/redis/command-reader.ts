// SPDX-License-Identifier: Apache-2.0

/**
 * The client's lines and bulk strings become commands. Values beyond the bound of a request are cut, and counted.
 */
import { endOfHead } from '../bytes/byte-reader.ts';
import { ARGUMENTS_MAX } from './command-start.ts';
import { inlineArguments } from './inline-command.ts';
import { Next, type RespHandler, type RespStream } from './resp-stream.ts';

/** As servers have it. */
const BULK_BYTES_MAX = 512 * 1024 * 1024;
/** What an argument costs beside its bytes. */
const ARGUMENT_BYTES = 16;
const STAR = 0x2a;
const DOLLAR = 0x24;
const FIRST_BYTES = 512;
/** A buffer that grew beyond this is given back between commands. */
const IDLE_BYTES_MAX = 64 * 1024;

/** Views are valid until the call that hands it over returns. */
export interface Command {
  /** The name first; fewer than `count` when there were too many to keep. */
  readonly args: readonly Buffer[];
  readonly count: number;
  readonly isInline: boolean;
  /** Some of it was above the bound, or was never seen. */
  readonly isCut: boolean;
  readonly missingBytes: number;
}

export interface CommandHandler {
  command(command: Command): void;
  /** So much will be held for the command at hand. */
  willHold(bytes: number): void;
  lost(): void;
  trouble(reason: string, bytes: number): void;
}

export class CommandReader implements RespHandler {
  readonly #handler: CommandHandler;
  readonly #bytesMax: number;
  /** Set once, before the first byte. */
  stream!: RespStream;
  #kept = Buffer.allocUnsafeSlow(0);
  #keptBytes = 0;
  /** Where each kept argument ends. */
  #ends: number[] = [];
  #count = 0;
  #left = 0;
  #cutBytes = 0;
  #missingBytes = 0;
  /** Of the argument at hand, so many bytes may still be kept. */
  #room = 0;
  /** The argument at hand is kept, at least its head. */
  #keepsArgument = false;

  constructor(bytesMax: number, handler: CommandHandler) {
    this.#bytesMax = bytesMax;
    this.#handler = handler;
  }

  get heldBytes(): number {
    return this.#keptBytes + ARGUMENT_BYTES * this.#ends.length;
  }

  line(bytes: Buffer, start: number, end: number, cutBytes: number): number {
    if (cutBytes > 0) return Next.malformed;
    if (this.#left > 0) return this.#bulkHeader(bytes, start, end);
    if (bytes[start] !== STAR || start === end) return this.#inline(bytes, start, end);
    const count = numberOf(bytes, start + 1, end);
    if (count === undefined || count > ARGUMENTS_MAX) return Next.malformed;
    // An empty command is passed over; its bytes are those of the next.
    if (count <= 0) return Next.line;
    this.#count = count;
    this.#left = count;
    return Next.line;
  }

  bulkPart(bytes: Buffer, start: number, end: number): void {
    const taken = Math.min(end - start, this.#room);
    this.#append(bytes, start, start + taken);
    this.#room -= taken;
    this.#cutBytes += end - start - taken;
  }

  bulkHole(missingBytes: number): void {
    this.#missingBytes += missingBytes;
    this.#room = Math.max(0, this.#room - missingBytes);
  }

  bulkEnd(): void {
    if (this.#keepsArgument) this.#ends.push(this.#keptBytes);
    if (--this.#left === 0) this.#complete(false);
  }

  lost(): void {
    this.reset();
    this.#handler.lost();
  }

  trouble(reason: string, bytes: number): void {
    this.#handler.trouble(reason, bytes);
  }

  /** The argument at hand is one that is kept: there is room, and none before it was left out. */
  get #isKept(): boolean {
    const index = this.#count - this.#left;
    return this.#ends.length === index && (index === 0 || this.heldBytes < this.#bytesMax);
  }

  #bulkHeader(bytes: Buffer, start: number, end: number): number {
    const size = bytes[start] === DOLLAR ? numberOf(bytes, start + 1, end) : undefined;
    if (size === undefined || size < 0 || size > BULK_BYTES_MAX) return Next.malformed;
    const isKept = this.#isKept;
    this.#keepsArgument = isKept;
    this.#room = isKept ? Math.min(size, Math.max(0, this.#bytesMax - this.heldBytes)) : 0;
    if (isKept) this.#handler.willHold(this.heldBytes + this.#room);
    return size;
  }

  #inline(bytes: Buffer, start: number, end: number): number {
    const args = inlineArguments(bytes, start, end);
    if (args === undefined) return Next.malformed;
    if (args.length === 0) return Next.line;
    this.#count = args.length;
    this.#handler.willHold(Math.min(end - start, this.#bytesMax));
    for (const arg of args) {
      this.#left = this.#count - this.#ends.length;
      this.#room = this.#isKept ? Math.max(0, this.#bytesMax - this.heldBytes) : 0;
      const taken = Math.min(arg.length, this.#room);
      this.#append(arg, 0, taken);
      this.#cutBytes += arg.length - taken;
      this.#ends.push(this.#keptBytes);
    }
    this.#complete(true);
    return Next.line;
  }

  #complete(isInline: boolean): void {
    const ends = this.#ends;
    const args = ends.map((end, i) => this.#kept.subarray(i === 0 ? 0 : ends[i - 1], end));
    const isCut = this.#cutBytes > 0 || this.#missingBytes > 0 || args.length < this.#count;
    // A value of text that was cut ends with a whole character.
    const last = args.length - 1;
    const tail = args[last];
    if (this.#cutBytes > 0 && tail !== undefined && tail.length > 4) {
      args[last] = tail.subarray(0, endOfHead(tail, 0, tail.length, tail.length - 1));
    }
    const command = { args, count: this.#count, isInline, isCut, missingBytes: this.#missingBytes };
    this.#handler.command(command);
    this.stream.settle(this.#cutBytes);
    this.reset();
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const wanted = this.#keptBytes + end - start;
    if (wanted > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, wanted, 2 * this.#kept.length));
      this.#kept.copy(grown, 0, 0, this.#keptBytes);
      this.#kept = grown;
    }
    bytes.copy(this.#kept, this.#keptBytes, start, end);
    this.#keptBytes = wanted;
  }

  reset(): void {
    if (this.#kept.length > IDLE_BYTES_MAX) this.#kept = Buffer.allocUnsafeSlow(0);
    this.#keptBytes = 0;
    this.#ends = [];
    this.#count = 0;
    this.#left = 0;
    this.#cutBytes = 0;
    this.#missingBytes = 0;
  }
}

const DIGITS_MAX = 10;

/** A decimal number, also below zero; undefined when it is none, or one that nobody sends. */
export function numberOf(bytes: Buffer, start: number, end: number): number | undefined {
  let at = start;
  const isNegative = bytes[at] === 0x2d;
  if (isNegative || bytes[at] === 0x2b) at++;
  if (at >= end || end - at > DIGITS_MAX) return undefined;
  let value = 0;
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = 10 * value + digit;
  }
  return isNegative ? -value : value;
}
