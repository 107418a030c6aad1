// SPDX-License-Identifier: Apache-2.0

/**
 * Messages in, exchanges out: a reply belongs to the oldest query with its number and its question that has none. A query
 * that is sent again is a query of its own.
 *
 * What is said to many at once (mDNS, LLMNR) is answered by others, from elsewhere: each message there stands alone.
 */
import { createHash } from 'node:crypto';
import type { DecoderBounds, DecoderSink, Payload, Side } from '../decoder.ts';
import { sayExchange } from './exchange.ts';
import { type Message, readMessage } from './message.ts';
import { sameCase } from './name.ts';

/** How names are asked for, beside a resolver that knows all. */
export type Variant = '' | 'mdns' | 'llmnr';

export function variantOf(serverPort: number): Variant {
  return serverPort === 5353 ? 'mdns' : serverPort === 5355 ? 'llmnr' : '';
}

/** A message as it came. Labels as those of a decoder. */
export interface Arrived {
  readonly from: Side;
  readonly message: Message;
  readonly payload: Payload;
  /** With its length prefix, where it has one. */
  readonly wireBytes: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** More than any client asks before it has an answer; the oldest is given out beyond, as without an answer. */
const WAITING_MAX = 256;
const WAITING_BYTES_MAX = 256 * 1024;
/** What one that waits costs beside its bytes. */
const WAITING_BYTES = 512;

export class DnsTalk {
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  readonly #variant: Variant;
  /** Oldest first. */
  readonly #waiting: Arrived[] = [];
  #heldBytes = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, variant: Variant) {
    this.#bounds = bounds;
    this.#sink = sink;
    this.#variant = variant;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Returns how many bytes of it were beyond the bound and are cut; undefined when it could not be read. */
  take(from: Side, bytes: Buffer, wireBytes: number, firstAt: number, lastAt: number): number | undefined {
    const message = readMessage(bytes);
    if (message === undefined) return undefined;
    const { requestBytesMax, responseBytesMax } = this.#bounds;
    const payload = payloadOf(bytes, message.isReply ? responseBytesMax : requestBytesMax);
    const arrived = { from, message, payload, wireBytes, firstAt, lastAt };
    if (!message.isWhole) this.#sink.trouble(from, 'malformed_records', 0);
    if (message.isReply) {
      const asked = this.#variant === '' ? this.#askedFor(arrived) : undefined;
      this.#sink.exchange(sayExchange(asked, arrived, this.#variant));
    } else if (this.#variant !== '') {
      this.#sink.exchange(sayExchange(arrived, undefined, this.#variant));
    } else {
      this.#wait(arrived);
    }
    return payload.totalBytes - payload.bytes.length;
  }

  /** No more answers: what waits for one has none. */
  end(): void {
    while (this.#waiting.length > 0) this.#giveOutOldest();
  }

  #wait(arrived: Arrived): void {
    this.#waiting.push(arrived);
    this.#heldBytes += WAITING_BYTES + arrived.payload.bytes.length;
    const most = Math.min(WAITING_MAX, this.#bounds.pipelineMax);
    while (this.#waiting.length > most || (this.#waiting.length > 1 && this.#heldBytes > WAITING_BYTES_MAX))
      this.#giveOutOldest();
  }

  #giveOutOldest(): void {
    const oldest = this.#takeOut(0);
    if (oldest !== undefined) this.#sink.exchange(sayExchange(oldest, undefined, this.#variant));
  }

  #askedFor(reply: Arrived): Arrived | undefined {
    return this.#takeOut(this.#waiting.findIndex((asked) => answers(reply, asked)));
  }

  #takeOut(index: number): Arrived | undefined {
    const [found] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (found !== undefined) this.#heldBytes -= WAITING_BYTES + found.payload.bytes.length;
    return found;
  }
}

/** A reply without a question (of a server that could not read it) is known by its number alone. */
function answers({ from, message: reply }: Arrived, { from: asker, message: asked }: Arrived): boolean {
  if (asker === from || reply.id !== asked.id || reply.opcode !== asked.opcode) return false;
  const [inReply] = reply.questions;
  const [inQuery] = asked.questions;
  if (inReply === undefined || inQuery === undefined) return inReply === undefined;
  return inReply.type === inQuery.type && sameCase(inReply.name) === sameCase(inQuery.name);
}

function payloadOf(bytes: Buffer, bytesMax: number): Payload {
  const totalBytes = bytes.length;
  if (totalBytes <= bytesMax) return { bytes: new Uint8Array(bytes), totalBytes };
  return {
    bytes: new Uint8Array(bytes.subarray(0, bytesMax)),
    totalBytes,
    sha256: createHash('sha256').update(bytes).digest(),
  };
}
