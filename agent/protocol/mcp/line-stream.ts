// SPDX-License-Identifier: Apache-2.0

/**
 * One direction of a conversation in lines: each is a message, or none.
 *
 * Errors   never throws; what is no message is not understood, and the next line is looked at afresh
 * Keeps    the head of the line at hand, up to `bytesMax`; beyond, its outermost words only
 * Source   MCP 2025-06-18, Transports, stdio: messages are delimited by newlines and contain none
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Payload } from '../decoder.ts';
import { KeptBody } from '../http/kept-body.ts';
import { redactContent } from '../http/secret-content.ts';
import type { FoundSecret } from '../http/secrets.ts';
import { type RpcMessage, readMessages } from './json-rpc.ts';
import { Skimmer } from './skim.ts';

const LF = 0x0a;

export interface Line {
  readonly messages: readonly RpcMessage[];
  readonly payload: Payload;
  readonly truncated: boolean;
  /** Taken out of the payload, and of the messages. */
  readonly secrets: readonly FoundSecret[];
  /** Bytes on the wire, its end and empty lines before it included. */
  readonly wireBytes: number;
  readonly at: number;
  readonly endAt: number;
}

export interface LineHandler {
  line(line: Line): void;
  trouble(reason: string, bytes: number): void;
}

export class LineStream {
  readonly counts: ByteCounts = { decoded: 0, notUnderstood: 0, cut: 0 };
  readonly #bytesMax: number;
  readonly #inReply: boolean;
  readonly #handler: LineHandler;
  #body: KeptBody;
  #skimmer: Skimmer | undefined;
  #lineBytes = 0;
  /** Empty lines before the line at hand. */
  #blankBytes = 0;
  #at = 0;
  /** What comes first may be the end of a line. */
  #mayBeRest: boolean;
  #ended = false;

  constructor(bytesMax: number, late: boolean, inReply: boolean, handler: LineHandler) {
    this.#bytesMax = bytesMax;
    this.#mayBeRest = late;
    this.#inReply = inReply;
    this.#handler = handler;
    this.#body = new KeptBody(bytesMax);
  }

  get heldBytes(): number {
    return this.#body.heldBytes;
  }

  push(chunk: Uint8Array, at: number): void {
    const bytes = asBuffer(chunk);
    if (this.#ended) {
      this.#pass('after_the_end', bytes.length);
      return;
    }
    for (let from = 0; from < bytes.length; ) {
      const feed = bytes.indexOf(LF, from);
      const end = feed < 0 ? bytes.length : feed;
      if (this.#lineBytes === 0 && (end > from || this.#blankBytes === 0)) this.#at = at;
      this.#take(bytes.subarray(from, end));
      if (feed >= 0) this.#endLine(at);
      from = end + 1;
    }
  }

  gap(missingBytes: number): void {
    this.#handler.trouble('gap_in_lines', missingBytes);
    this.#drop('broken_by_gap');
    this.#mayBeRest = true;
  }

  end(): void {
    this.#ended = true;
    this.#drop('unfinished');
  }

  #take(bytes: Buffer): void {
    this.#lineBytes += bytes.length;
    const kept = this.#body.append(bytes);
    if (kept === bytes.length) return;
    if (this.#skimmer === undefined) {
      this.#skimmer = new Skimmer();
      // What was kept is the line's head, and all of this piece's that fitted is in it.
      this.#skimmer.push(this.#body.view());
    }
    this.#skimmer.push(bytes.subarray(kept));
  }

  #endLine(endAt: number): void {
    const wireBytes = this.#blankBytes + this.#lineBytes + 1;
    const { bytes, totalBytes, cut, sha256 } = this.#body.finish();
    const skimmer = this.#skimmer;
    const isBlank = !cut && bytes.toString('latin1', 0, 64).trim() === '' && bytes.length <= 64;
    this.#begin();
    if (isBlank) {
      this.#blankBytes = wireBytes;
      return;
    }
    this.#blankBytes = 0;
    const { bytes: safe, secrets } = redactContent(bytes, 'application/json', this.#inReply);
    const skimmed = skimmer?.message();
    const messages = cut ? skimmed && [skimmed] : readMessages(safe.toString());
    const reason = this.#mayBeRest ? 'skipped_to_resync' : 'not_json_rpc';
    this.#mayBeRest = false;
    if (messages === undefined) {
      this.#pass(reason, wireBytes);
      return;
    }
    const cutBytes = totalBytes - bytes.length;
    this.counts.cut += cutBytes;
    this.counts.decoded += wireBytes - cutBytes;
    this.#handler.line({
      messages,
      payload: { bytes: safe, totalBytes, ...(sha256 && { sha256 }) },
      truncated: cut,
      secrets,
      wireBytes,
      at: this.#at,
      endAt,
    });
  }

  #begin(): void {
    this.#body = new KeptBody(this.#bytesMax);
    this.#skimmer = undefined;
    this.#lineBytes = 0;
  }

  #drop(reason: string): void {
    this.#pass(reason, this.#blankBytes + this.#lineBytes);
    this.#blankBytes = 0;
    this.#begin();
  }

  #pass(reason: string, bytes: number): void {
    if (bytes === 0) return;
    this.counts.notUnderstood += bytes;
    this.#handler.trouble(reason, bytes);
  }
}
