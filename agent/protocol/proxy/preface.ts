// SPDX-License-Identifier: Apache-2.0

/**
 * What stands before a conversation and says where it goes: short messages of either side, and then another language. Holds what is
 * unfinished, counts, and hands over. Behind a gap, or what it cannot read, nothing more is understood: where the other language
 * begins is not known.
 */
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ByteCounts, Decoder, DecoderSink, Exchange, Side } from '../decoder.ts';

/** Longer than any message of SOCKS, and than headers of PROXY with all that they may tell. */
export const MESSAGE_BYTES_MAX = 4096;

export type Read =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'malformed'; readonly reason: string }
  /** `next`: what is spoken behind this message. */
  | { readonly kind: 'message'; readonly usedBytes: number; readonly next?: string };

export interface PrefaceReader {
  /** The next message of a side, of which `bytes` are the first. */
  read(from: Side, bytes: Buffer, firstAt: number, at: number): Read;
  /** What was asked and not answered. */
  end(): Exchange | undefined;
}

const NOTHING = Buffer.alloc(0);

export class Preface implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>> = {
    client: { decoded: 0, notUnderstood: 0, cut: 0 },
    server: { decoded: 0, notUnderstood: 0, cut: 0 },
  };
  readonly #sink: DecoderSink;
  readonly #reader: PrefaceReader;
  readonly #held: Record<Side, Buffer> = { client: NOTHING, server: NOTHING };
  readonly #firstAt: Record<Side, number> = { client: 0, server: 0 };
  readonly #ended = { client: false, server: false };
  /** Why nothing more is understood; '' while it is. */
  #broken = '';
  #isOver = false;

  constructor(sink: DecoderSink, reader: PrefaceReader) {
    this.#sink = sink;
    this.#reader = reader;
  }

  get heldBytes(): number {
    return this.#held.client.length + this.#held.server.length;
  }

  push(from: Side, chunk: Uint8Array, at: number): void {
    if (this.#broken !== '' || this.#ended[from]) {
      this.#pass(from, this.#broken || 'after_the_end', chunk.length);
      return;
    }
    const before = this.#held[from];
    if (before.length === 0) this.#firstAt[from] = at;
    let bytes = before.length === 0 ? asBuffer(chunk) : Buffer.concat([before, chunk]);
    while (bytes.length > 0) {
      const read = this.#reader.read(from, bytes, this.#firstAt[from], at);
      if (read.kind === 'need-more' && bytes.length < MESSAGE_BYTES_MAX) break;
      if (read.kind !== 'message') {
        this.#held[from] = NOTHING;
        const reason = read.kind === 'malformed' ? read.reason : 'malformed';
        this.#pass(from, reason, bytes.length);
        this.#break(reason);
        return;
      }
      this.counts[from].decoded += read.usedBytes;
      bytes = bytes.subarray(read.usedBytes);
      this.#firstAt[from] = at;
      if (read.next !== undefined) {
        this.#held[from] = NOTHING;
        this.#isOver = true;
        this.#sink.handover(read.next, chunk.length - bytes.length);
        return;
      }
    }
    this.#held[from] = bytes.length === 0 ? NOTHING : Buffer.from(bytes);
  }

  gap(from: Side, missingBytes: number): void {
    if (this.#broken === '') this.#sink.trouble(from, 'gap', missingBytes);
    this.#break('behind_gap');
  }

  end(from: Side): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#drop(from, 'unfinished');
    if (this.#ended.client && this.#ended.server && !this.#isOver) this.#giveOut();
  }

  #break(why: string): void {
    this.#broken ||= why;
    this.#drop('client', why);
    this.#drop('server', why);
  }

  #giveOut(): void {
    const exchange = this.#reader.end();
    if (exchange !== undefined) this.#sink.exchange(exchange);
  }

  #drop(from: Side, reason: string): void {
    const { length } = this.#held[from];
    this.#held[from] = NOTHING;
    this.#pass(from, reason, length);
  }

  #pass(from: Side, reason: string, bytes: number): void {
    if (bytes === 0) return;
    this.counts[from].notUnderstood += bytes;
    this.#sink.trouble(from, reason, bytes);
  }
}
