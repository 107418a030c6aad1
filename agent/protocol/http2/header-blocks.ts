// SPDX-License-Identifier: Apache-2.0

/**
 * HEADERS, PUSH_PROMISE and their CONTINUATIONs of one direction, put together and read. A block is held until it is whole; one
 * that is longer than the bound (a flood of CONTINUATION) is let go, and with it the table that it changes.
 *
 * Source   RFC 9113, sections 4.3, 6.2, 6.6 and 6.10
 */
import { GrowingBytes } from '../http/held-bytes.ts';
import { FLAG, FRAME, type FrameHeader } from './frames.ts';
import { type HeaderBlock, HpackReader } from './hpack.ts';

export type BlockEnd =
  | {
      readonly kind: 'block';
      readonly stream: number;
      /** The stream that PUSH_PROMISE opens. */
      readonly promised: number | undefined;
      readonly endsStream: boolean;
      readonly block: HeaderBlock;
      /** Its frames, with their headers. */
      readonly bytes: number;
      readonly startAt: number;
      readonly endAt: number;
    }
  | { readonly kind: 'refused'; readonly block: undefined; readonly reason: string; readonly bytes: number };

/** What HTTP/1 takes for a head, too. */
const BLOCK_BYTES_MAX = 128 * 1024;

interface OpenBlock {
  readonly stream: number;
  readonly promised: number | undefined;
  readonly endsStream: boolean;
  readonly startAt: number;
  readonly fragments: GrowingBytes;
  isTooLong: boolean;
  bytes: number;
}

export class HeaderBlocks {
  readonly #table = new HpackReader();
  readonly #bytesMax: number;
  #open: OpenBlock | undefined;

  constructor(pendingBytesMax: number, late: boolean) {
    this.#bytesMax = Math.min(BLOCK_BYTES_MAX, Math.floor(pendingBytesMax / 2));
    if (late) this.#table.forget();
  }

  get heldBytes(): number {
    return this.#table.heldBytes + (this.#open?.fragments.heldBytes ?? 0);
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** A frame of a block, whole; `bytes` is its size on the wire. */
  add(header: FrameHeader, payload: Buffer, bytes: number, startAt: number, endAt: number): BlockEnd | 'open' {
    if (header.type === FRAME.continuation) {
      if (this.#open?.stream !== header.stream) return this.#refuse('continuation-of-nothing', bytes + this.drop());
    } else {
      const start = fragmentOf(header, payload);
      if (start === undefined) return this.#refuse('malformed-padding', bytes);
      this.#open = {
        stream: header.stream,
        promised: start.promised,
        endsStream: header.type === FRAME.headers && (header.flags & FLAG.endStream) !== 0,
        startAt,
        fragments: new GrowingBytes(this.#bytesMax),
        isTooLong: false,
        bytes: 0,
      };
      payload = start.fragment;
      // Nearly all blocks are in one frame, and are read where they stand.
      if ((header.flags & FLAG.endHeaders) !== 0 && payload.length <= this.#bytesMax) {
        const open = this.#open;
        this.#open = undefined;
        return this.#read(open, payload, bytes, endAt);
      }
    }
    const open = this.#open;
    open.bytes += bytes;
    if (open.fragments.append(payload) < payload.length) {
      open.isTooLong = true;
      // Its head is of no use any more.
      open.fragments.take();
    }
    if ((header.flags & FLAG.endHeaders) === 0) return 'open';
    this.#open = undefined;
    if (open.isTooLong) return this.#refuse('header-block-too-long', open.bytes);
    return this.#read(open, open.fragments.take(), open.bytes, endAt);
  }

  #read({ stream, promised, endsStream, startAt }: OpenBlock, whole: Buffer, bytes: number, endAt: number): BlockEnd {
    const block = this.#table.read(whole);
    if (block === undefined) return this.#refuse('malformed-header-block', bytes);
    return { kind: 'block', stream, promised, endsStream, block, bytes, startAt, endAt };
  }

  /** The block that is not whole will not be. Answers its bytes on the wire. */
  drop(): number {
    const bytes = this.#open?.bytes ?? 0;
    this.#open = undefined;
    return bytes;
  }

  /** Blocks were not seen. */
  forget(): void {
    this.drop();
    this.#table.forget();
  }

  clear(): void {
    this.drop();
    this.#table.clear();
  }

  #refuse(reason: string, bytes: number): BlockEnd {
    this.#table.forget();
    return { kind: 'refused', block: undefined, reason, bytes };
  }
}

/** The part of a payload that belongs to the block; undefined when there is more padding than frame. */
function fragmentOf(
  { type, flags }: FrameHeader,
  payload: Buffer,
): { fragment: Buffer; promised: number | undefined } | undefined {
  let from = 0;
  let padding = 0;
  if ((flags & FLAG.padded) !== 0) padding = payload[from++] ?? payload.length + 1;
  let promised: number | undefined;
  if (type === FRAME.pushPromise) {
    if (payload.length < from + 4) return undefined;
    promised = payload.readUInt32BE(from) & 0x7fffffff;
    from += 4;
  } else if ((flags & FLAG.priority) !== 0) {
    from += 5;
  }
  const to = payload.length - padding;
  return to < from ? undefined : { fragment: payload.subarray(from, to), promised };
}
