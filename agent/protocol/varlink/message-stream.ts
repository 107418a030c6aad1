// SPDX-License-Identifier: Apache-2.0

/**
 * One direction of a conversation in varlink: messages, a NUL behind each.
 *
 * Errors   never throws; whoever takes a message says whether it was one
 * Keeps    the head of the message at hand, up to `bytesMax`, and its last bytes
 * Source   varlink.org, "Transport": a single NUL byte ends a message; JSON has none inside
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Payload } from '../decoder.ts';
import { KeptBody } from '../http/kept-body.ts';
import { redactContent } from '../http/secret-content.ts';
import type { FoundSecret } from '../http/secrets.ts';

const NUL = 0;
/** Of a message that is cut: where libraries write `continues`. */
const TAIL_BYTES = 64;

export interface Framed {
  readonly payload: Payload;
  /** The head of it, where it was cut. */
  readonly truncated: boolean;
  /** Last bytes of a message that was cut. */
  readonly tail: string;
  /** Taken out of the payload. */
  readonly secrets: readonly FoundSecret[];
  /** On the wire, NUL included. */
  readonly wireBytes: number;
  readonly at: number;
  readonly endAt: number;
}

export interface MessageHandler {
  /** The bytes behind the message, of the chunk at hand. Answers whether it was one. */
  message(framed: Framed, bytesBehind: number): boolean;
  trouble(reason: string, bytes: number): void;
}

export class MessageStream {
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  readonly #bytesMax: number;
  readonly #inReply: boolean;
  readonly #handler: MessageHandler;
  #body: KeptBody;
  #tail: Buffer = Buffer.alloc(0);
  #bytes = 0;
  #at = 0;
  /** What comes first may be the end of a message. */
  #mayBeRest: boolean;
  #ended = false;

  constructor(bytesMax: number, late: boolean, inReply: boolean, handler: MessageHandler) {
    this.#bytesMax = bytesMax;
    this.#mayBeRest = late;
    this.#inReply = inReply;
    this.#handler = handler;
    this.#body = new KeptBody(bytesMax);
  }

  get heldBytes(): number {
    return this.#body.heldBytes + this.#tail.length;
  }

  /** `isOver` is asked behind each message: what follows is another language's. */
  push(chunk: Uint8Array, at: number, isOver: () => boolean): void {
    const bytes = asBuffer(chunk);
    if (this.#ended) {
      this.#pass('after_the_end', bytes.length);
      return;
    }
    for (let from = 0; from < bytes.length && !isOver(); ) {
      const nul = bytes.indexOf(NUL, from);
      const end = nul < 0 ? bytes.length : nul;
      if (this.#bytes === 0) this.#at = at;
      this.#take(bytes.subarray(from, end));
      from = end + 1;
      if (nul >= 0) this.#finish(at, bytes.length - from);
    }
  }

  gap(missingBytes: number): void {
    this.#handler.trouble('gap_in_messages', missingBytes);
    this.#drop('broken_by_gap');
    this.#mayBeRest = true;
  }

  end(): void {
    this.#ended = true;
    this.#drop('unfinished');
  }

  #take(bytes: Buffer): void {
    this.#bytes += bytes.length;
    const kept = this.#body.append(bytes);
    if (kept === bytes.length && this.#tail.length === 0) return;
    this.#tail = Buffer.from(Buffer.concat([this.#tail, bytes.subarray(kept)]).subarray(-TAIL_BYTES));
  }

  #finish(endAt: number, bytesBehind: number): void {
    const wireBytes = this.#bytes + 1;
    const { bytes, totalBytes, cut, sha256 } = this.#body.finish();
    const tail = this.#tail.toString('latin1');
    this.#begin();
    const { bytes: safe, secrets } = redactContent(bytes, 'application/json', this.#inReply);
    const payload = { bytes: safe, totalBytes, ...(sha256 && { sha256 }) };
    const framed = { payload, truncated: cut, tail, secrets, wireBytes, at: this.#at, endAt };
    const reason = this.#mayBeRest ? 'skipped_to_resync' : 'not_varlink';
    this.#mayBeRest = false;
    const cutBytes = totalBytes - bytes.length;
    // Counted before it is taken: whoever takes it may turn to another language at once.
    this.counts.cut += cutBytes;
    this.counts.decoded += wireBytes - cutBytes;
    if (this.#handler.message(framed, bytesBehind)) return;
    this.counts.cut -= cutBytes;
    this.counts.decoded -= wireBytes - cutBytes;
    this.#pass(reason, wireBytes);
  }

  #begin(): void {
    this.#body = new KeptBody(this.#bytesMax);
    this.#tail = Buffer.alloc(0);
    this.#bytes = 0;
  }

  #drop(reason: string): void {
    this.#pass(reason, this.#bytes);
    this.#begin();
  }

  #pass(reason: string, bytes: number): void {
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }
}
