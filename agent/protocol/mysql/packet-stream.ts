// SPDX-License-Identifier: Apache-2.0

/**
 * Cuts the bytes of one side into messages, and counts what becomes of each byte.
 *
 * Shape    packet: length u24 LE · sequence u8 · body; a body of 16 MiB - 1 is continued by the next packet
 * Keeps    a message that is not all there, up to the bound; what is above is counted as cut
 * Errors   never throws. A gap in a body damages that message; any other loses the place: the client's is found again at the
 *          next command that proves itself, the server's when the client has sent that
 * Source   MySQL manual, "Protocol Basics"; MariaDB documentation, "0 - Packet"
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Side } from '../decoder.ts';
import { PROOF_BYTES, startsCommand } from './command-start.ts';

const HEADER_BYTES = 4;
const CONTINUED = 0xffffff;
const FIRST_BYTES = 4096;
const NONE = Buffer.allocUnsafeSlow(0);

export interface MessageHandler {
  /** A message, or the head of one (`isWhole` false). The view is valid until the call returns. */
  message(bytes: Buffer, start: number, end: number, sequence: number, isWhole: boolean): void;
  lost(): void;
  trouble(reason: string, bytes: number): void;
}

const Phase = { header: 0, body: 1, lost: 2, stopped: 3 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

export class PacketStream {
  readonly #from: Side;
  readonly #handler: MessageHandler;
  readonly #bytesMax: number;
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  #phase: Phase;
  #hasEnded = false;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #sequence = 0;
  #bodyBytes = 0;
  #leftBytes = 0;
  #isContinued = false;
  #hasHole = false;
  #collected: Buffer = NONE;
  #collectedBytes = 0;
  #seenBytes = 0;
  readonly #sought: number[] = [];
  readonly #soughtAt: number[] = [];
  /** Bytes on the wire of compressed packets whose messages were not complete yet; undefined when nothing is compressed. */
  #packedBytes: number | undefined;
  #isLast = false;
  /** What is left of the chunk at hand is to be pushed in another form. */
  isPaused = false;

  firstAt = 0;
  lastAt = 0;
  usedBytes = 0;
  /** Set while a message is handed on: bytes of it above a bound, or why it is not understood. */
  cutBytes = 0;
  disowned = '';

  constructor(from: Side, bytesMax: number, handler: MessageHandler, isWhole: boolean) {
    this.#from = from;
    this.#bytesMax = bytesMax;
    this.#handler = handler;
    this.#phase = isWhole ? Phase.header : Phase.lost;
  }

  get heldBytes(): number {
    return this.#headerBytes + this.#collectedBytes + this.#sought.length;
  }

  get isLost(): boolean {
    return this.#phase === Phase.lost;
  }

  /** Bytes on the wire of the message that is being handed on. */
  get messageBytes(): number {
    return this.#packedBytes ?? this.#seenBytes;
  }

  push(chunk: Uint8Array, at: number): void {
    const bytes = asBuffer(chunk);
    this.usedBytes = 0;
    if (this.#hasEnded) {
      this.counts.notUnderstood += bytes.length;
      this.#handler.trouble('after_the_end', bytes.length);
      return;
    }
    while (this.usedBytes < bytes.length && this.#phase !== Phase.stopped && !this.isPaused) {
      if (this.#phase === Phase.lost) this.#seek(bytes, at);
      else this.usedBytes = this.#take(bytes, this.usedBytes, at);
    }
  }

  /** From here on what is pushed was compressed: so many bytes on the wire are those of the next messages. */
  addPacked(wireBytes: number): void {
    this.#packedBytes = (this.#packedBytes ?? 0) + wireBytes;
  }

  gap(missingBytes: number): void {
    if (this.#phase === Phase.stopped) return;
    if (this.#phase !== Phase.body || missingBytes >= this.#leftBytes) {
      this.lose('gap_in_header');
      return;
    }
    this.#leftBytes -= missingBytes;
    this.#hasHole = true;
  }

  lose(reason: string): void {
    this.giveUp(reason);
    this.#passSought(this.#sought.length);
    this.#phase = Phase.lost;
    this.#handler.lost();
  }

  resume(): void {
    if (this.#phase === Phase.lost) this.#phase = Phase.header;
  }

  /** What was seen of the message at hand is not understood. */
  giveUp(reason: string): void {
    const bytes = this.messageBytes;
    if (this.#packedBytes !== undefined) this.#packedBytes = 0;
    this.#forget();
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }

  /** What was handed on last is the last message of this stream. */
  stopAfterMessage(): void {
    this.#isLast = true;
  }

  /** All that follows is compressed. */
  usePacked(): void {
    this.#packedBytes ??= 0;
  }

  stop(): void {
    this.#phase = Phase.stopped;
    this.#forget();
  }

  end(): void {
    this.#hasEnded = true;
    this.#passSought(this.#sought.length);
    this.giveUp('unfinished');
    this.stop();
  }

  #take(bytes: Buffer, start: number, at: number): number {
    if (this.#seenBytes === 0) this.firstAt = at;
    this.lastAt = at;
    return this.#phase === Phase.header ? this.#takeHeader(bytes, start) : this.#takeBody(bytes, start);
  }

  #takeHeader(bytes: Buffer, start: number): number {
    const taken = Math.min(HEADER_BYTES - this.#headerBytes, bytes.length - start);
    bytes.copy(this.#header, this.#headerBytes, start, start + taken);
    this.#headerBytes += taken;
    this.#seenBytes += taken;
    const end = start + taken;
    this.usedBytes = end;
    if (this.#headerBytes < HEADER_BYTES) return end;
    this.#headerBytes = 0;
    const length = this.#header.readUIntLE(0, 3);
    if (!this.#isContinued) this.#sequence = this.#header[3] as number;
    this.#bodyBytes = length;
    this.#leftBytes = length;
    this.#phase = Phase.body;
    // Behind full packets it ends what they held.
    if (length === 0) this.#endPacket(this.#collectedBytes === 0 ? NONE : this.#collected, 0, this.#collectedBytes);
    return end;
  }

  #takeBody(bytes: Buffer, start: number): number {
    const end = Math.min(bytes.length, start + this.#leftBytes);
    this.#leftBytes -= end - start;
    this.#seenBytes += end - start;
    this.usedBytes = end;
    const isAlone = this.#collectedBytes === 0 && !this.#isContinued && !this.#hasHole;
    const isHere = isAlone && this.#leftBytes === 0 && end - start === this.#bodyBytes;
    if (isHere && this.#bodyBytes < CONTINUED && this.#bodyBytes <= this.#bytesMax) {
      this.#endPacket(bytes, start, end);
      return end;
    }
    this.#collect(bytes, start, end);
    if (this.#leftBytes === 0) this.#endPacket(this.#collected, 0, this.#collectedBytes);
    return end;
  }

  #collect(bytes: Buffer, start: number, end: number): void {
    // Behind a hole nothing is where it should be.
    const room = this.#hasHole ? 0 : this.#bytesMax - this.#collectedBytes;
    const taken = Math.min(end - start, Math.max(0, room));
    const wanted = this.#collectedBytes + taken;
    if (wanted > this.#collected.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, wanted, 2 * this.#collected.length));
      this.#collected.copy(grown, 0, 0, this.#collectedBytes);
      this.#collected = grown;
    }
    bytes.copy(this.#collected, this.#collectedBytes, start, start + taken);
    this.#collectedBytes = wanted;
    this.cutBytes += end - start - taken;
  }

  #endPacket(bytes: Buffer, start: number, end: number): void {
    this.#phase = Phase.header;
    this.#isContinued = this.#bodyBytes === CONTINUED;
    if (this.#isContinued) return;
    const isWhole = this.cutBytes === 0 && !this.#hasHole;
    const wire = this.messageBytes;
    this.#handler.message(bytes, start, end, this.#sequence, isWhole);
    if (this.#packedBytes !== undefined) this.#packedBytes = 0;
    if (this.disowned !== '') {
      this.counts.notUnderstood += wire;
      this.#handler.trouble(this.disowned, wire);
    } else {
      const cut = Math.min(wire, this.cutBytes);
      this.counts.cut += cut;
      this.counts.decoded += wire - cut;
    }
    this.#forget();
    if (this.#isLast) this.stop();
  }

  #forget(): void {
    this.#headerBytes = 0;
    this.#seenBytes = 0;
    this.#collectedBytes = 0;
    if (this.#collected.length > 16 * FIRST_BYTES) this.#collected = NONE;
    this.#isContinued = false;
    this.#hasHole = false;
    this.cutBytes = 0;
    this.disowned = '';
  }

  /** Looks for a command of a client; a server's place is not sought but told. */
  #seek(bytes: Buffer, at: number): void {
    if (this.#from === 'server') {
      this.#pass(bytes.length - this.usedBytes);
      this.usedBytes = bytes.length;
      return;
    }
    this.#sought.push(bytes[this.usedBytes++] as number);
    this.#soughtAt.push(at);
    while (this.#sought.length > 0) {
      const fits = startsCommand(this.#sought);
      if (fits === 'maybe' && this.#sought.length < PROOF_BYTES) return;
      if (fits === 'yes') {
        this.#found();
        return;
      }
      this.#passSought(1);
    }
  }

  #found(): void {
    const found = Buffer.from(this.#sought);
    const labels = this.#soughtAt.splice(0);
    this.#sought.length = 0;
    this.#phase = Phase.header;
    const used = this.usedBytes;
    for (let from = 0; from < found.length && this.#phase !== (Phase.lost as Phase); ) {
      from = this.#take(found, from, labels[from] as number);
    }
    this.lastAt = labels.at(-1) as number;
    this.usedBytes = used;
  }

  #passSought(count: number): void {
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
