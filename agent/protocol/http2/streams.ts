// SPDX-License-Identifier: Apache-2.0

/** The open streams of a connection, oldest first, and what they cost. */
import type { DecoderBounds } from '../decoder.ts';
import { bodyOf, type Half, newStream, type Stream } from './stream.ts';

/** Heads of small streams, besides one whole request and its reply. */
const KEPT_BYTES_BESIDES = 32 * 1024;

export class Streams {
  readonly #open = new Map<number, Stream>();
  /** Streams given out before their end, as many as `pipelineMax`: their replies are told from strangers. */
  readonly #givenOut = new Set<number>();
  readonly #keptBytesMax: number;
  readonly #streamsMax: number;
  /** Gives out a stream that is too much. */
  readonly #relieve: (stream: Stream) => void;
  /** Whatever the cut of the bytes, the same: what is kept, not what is allocated for it. */
  #keptBytes = 0;
  #allocatedBytes = 0;

  constructor(bounds: DecoderBounds, relieve: (stream: Stream) => void) {
    this.#keptBytesMax = bounds.requestBytesMax + bounds.responseBytesMax + KEPT_BYTES_BESIDES;
    this.#streamsMax = Math.max(1, bounds.pipelineMax);
    this.#relieve = relieve;
  }

  get heldBytes(): number {
    return this.#allocatedBytes;
  }

  get(id: number): Stream | undefined {
    return this.#open.get(id);
  }

  all(): Stream[] {
    return [...this.#open.values()];
  }

  open(id: number, at: number, asked?: Stream['asked']): Stream {
    const stream = newStream(id, at, this.#givenOut.delete(id), asked);
    this.#open.set(id, stream);
    this.#cost(stream.textBytes);
    this.#makeRoom(0);
    return stream;
  }

  wasGivenOut(id: number): boolean {
    return this.#givenOut.has(id);
  }

  /** `bytes` of texts more are kept of it. Answers whether it is still open. */
  addText(stream: Stream, bytes: number): boolean {
    stream.textBytes += bytes;
    this.#cost(bytes);
    this.#makeRoom(0);
    return this.#open.has(stream.id);
  }

  /** Append to a body; answers how many bytes were kept. Where they are too many the oldest streams are given out. */
  addBody(stream: Stream, half: Half<unknown>, bytes: Buffer, bytesMax: number, at: number): number {
    const body = bodyOf(half.message!, bytesMax);
    if (body.isFollowed) {
      const taken = body.append(bytes, half.message!.wireBytes, at);
      const more = body.heldBytes - stream.followedBytes;
      stream.followedBytes += more;
      this.#cost(more);
      this.#makeRoom(0);
      return taken;
    }
    let kept = 0;
    for (let from = 0; from < bytes.length; ) {
      const room = this.#keptBytesMax - this.#keptBytes;
      const wanted = Math.min(bytes.length - from, body.room);
      const to = wanted <= Math.max(0, room) ? bytes.length : from + Math.max(0, room);
      if (to > from) {
        const before = body.heldBytes;
        const count = body.append(bytes.subarray(from, to));
        kept += count;
        stream.bodyBytes += count;
        this.#keptBytes += count;
        this.#allocatedBytes += body.heldBytes - before;
      }
      from = to;
      if (from < bytes.length) this.#giveOldest();
      if (!this.#open.has(stream.id)) return kept;
    }
    return kept;
  }

  /** The request's body, which cost `bodyBytes`, is in a part of `keptBytes` now. */
  requestTaken(stream: Stream, bodyBytes: number, keptBytes: number): void {
    stream.textBytes += keptBytes;
    this.#keptBytes += keptBytes;
    this.#allocatedBytes += keptBytes - bodyBytes;
  }

  remove(stream: Stream): void {
    this.#open.delete(stream.id);
    this.#keptBytes -= stream.textBytes + stream.bodyBytes + stream.followedBytes;
    const stores = [stream.request, stream.reply].map(({ message }) => {
      const body = message?.body;
      return body?.isFollowed ? stream.followedBytes : (body?.heldBytes ?? 0);
    });
    this.#allocatedBytes -= stream.textBytes + stores[0]! + stores[1]!;
  }

  forget(): void {
    this.#givenOut.clear();
  }

  #cost(bytes: number): void {
    this.#keptBytes += bytes;
    this.#allocatedBytes += bytes;
  }

  #makeRoom(bytes: number): void {
    while (this.#open.size > this.#streamsMax || this.#keptBytes + bytes > this.#keptBytesMax) {
      if (!this.#giveOldest()) return;
    }
  }

  #giveOldest(): boolean {
    const [oldest] = this.#open.values();
    if (oldest === undefined) return false;
    this.#givenOut.add(oldest.id);
    if (this.#givenOut.size > this.#streamsMax) {
      const [first] = this.#givenOut;
      this.#givenOut.delete(first!);
    }
    this.remove(oldest);
    this.#relieve(oldest);
    return true;
  }
}
