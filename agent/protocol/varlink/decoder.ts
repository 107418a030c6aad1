// SPDX-License-Identifier: Apache-2.0

/**
 * Varlink: the client calls, the server replies in the order of the calls. Messages have no numbers, so where one is
 * missing it is not known whose the next reply is: what waits is given out without, and what follows says so.
 */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { KeptBody } from '../http/kept-body.ts';
import { type Answered, type Asked, exchangeOf } from './exchange.ts';
import { type Framed, MessageStream } from './message-stream.ts';
import { endsOfReply, headOfCall, readCall, readReply, type VarlinkReply } from './messages.ts';

/** What a call that waits costs beside its bytes. */
const WAITING_BYTES = 512;
const LINE_END = Buffer.from('\n');

/** Replies so far to the call that waits longest. */
interface Gathered {
  readonly first: Framed;
  /** Of a second reply on. */
  kept: KeptBody | undefined;
  truncated: boolean;
  replies: number;
  wireBytes: number;
  endAt: number;
}

export class VarlinkDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #bounds: DecoderBounds;
  readonly #sink: DecoderSink;
  readonly #streams: Readonly<Record<Side, MessageStream>>;
  readonly #ended = { client: false, server: false };
  /** Oldest first. */
  readonly #waiting: Asked[] = [];
  #waitingBytes = 0;
  #gathered: Gathered | undefined;
  #isUncertain: boolean;
  #isOver = false;
  #chunkBytes = 0;

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#bounds = bounds;
    this.#sink = sink;
    this.#isUncertain = opening.late;
    const { pendingBytesMax, requestBytesMax, responseBytesMax } = bounds;
    const streamOf = (from: Side, bytesMax: number) =>
      new MessageStream(Math.min(pendingBytesMax, bytesMax), opening.late, from === 'server', {
        message: (framed, bytesBehind) => this.#message(from, framed, bytesBehind),
        trouble: (reason, bytes) => sink.trouble(from, reason, bytes),
      });
    this.#streams = { client: streamOf('client', requestBytesMax), server: streamOf('server', responseBytesMax) };
    this.counts = { client: this.#streams.client.counts, server: this.#streams.server.counts };
  }

  get heldBytes(): number {
    const gathered = this.#gathered;
    const replies = gathered === undefined ? 0 : (gathered.kept?.heldBytes ?? 0) + gathered.first.payload.bytes.length;
    return this.#streams.client.heldBytes + this.#streams.server.heldBytes + this.#waitingBytes + replies;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    this.#chunkBytes = bytes.length;
    this.#streams[from].push(bytes, at, () => this.#isOver);
  }

  gap(from: Side, missingBytes: number): void {
    this.#streams[from].gap(missingBytes);
    this.#losePlace('gap');
  }

  end(from: Side): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#streams[from].end();
    if (this.#ended.client && this.#ended.server) this.#giveUpAll('connection-ended');
  }

  #message(from: Side, framed: Framed, bytesBehind: number): boolean {
    const text = Buffer.from(framed.payload.bytes).toString();
    const taken = from === 'client' ? this.#called(text, framed) : this.#replied(text, framed, bytesBehind);
    if (!taken) {
      this.#losePlace('not_varlink');
      return false;
    }
    for (const { kind, secret } of framed.secrets) {
      this.#sink.credential({ kind, secret, at: framed.endAt, ...(from === 'server' && { inReply: true }) });
    }
    return true;
  }

  #called(text: string, framed: Framed): boolean {
    const call = framed.truncated ? headOfCall(text) : readCall(text);
    if (call === undefined) return false;
    const asked = { call, framed };
    if (call.oneway) {
      this.#give(asked, undefined, {});
      return true;
    }
    this.#waiting.push(asked);
    this.#waitingBytes += costOf(asked);
    const bytesMax = this.#bounds.requestBytesMax / 2;
    while (
      this.#waiting.length > 1 &&
      (this.#waiting.length > this.#bounds.pipelineMax || this.#waitingBytes > bytesMax)
    ) {
      this.#giveUpOldest('not-awaited');
      this.#isUncertain = true;
    }
    return true;
  }

  #replied(text: string, framed: Framed, bytesBehind: number): boolean {
    const reply = framed.truncated ? endsOfReply(text, framed.tail) : readReply(text);
    if (reply === undefined) return false;
    this.#gather(framed);
    // Nobody waits for more of a reply to nothing.
    if (reply.continues && this.#waiting.length > 0) return true;
    const answered = this.#answered(reply);
    const asked = this.#takeOldest();
    this.#give(asked, answered, asked === undefined ? { request_missing: 'true' } : {});
    if (asked?.call?.upgrade === true && reply.error === '') {
      this.#isOver = true;
      this.#sink.handover('tunnel', this.#chunkBytes - bytesBehind);
    }
    return true;
  }

  #gather(framed: Framed): void {
    const gathered = this.#gathered;
    if (gathered === undefined) {
      const { truncated, wireBytes, endAt } = framed;
      this.#gathered = { first: framed, kept: undefined, truncated, replies: 1, wireBytes, endAt };
      return;
    }
    if (gathered.kept === undefined) {
      gathered.kept = new KeptBody(this.#bounds.responseBytesMax);
      gathered.kept.append(gathered.first.payload.bytes);
    }
    const { bytes, totalBytes } = framed.payload;
    gathered.kept.append(LINE_END);
    const missing = bytes.length - gathered.kept.append(bytes);
    // Redaction may have made it longer than it came; what was cut already is counted.
    const cut = Math.max(0, Math.min(missing, framed.wireBytes - (framed.truncated ? totalBytes : 0)));
    this.counts.server.decoded -= cut;
    this.counts.server.cut += cut;
    gathered.truncated ||= framed.truncated || missing > 0;
    gathered.replies++;
    gathered.wireBytes += framed.wireBytes;
    gathered.endAt = framed.endAt;
  }

  #answered(last: VarlinkReply | undefined): Answered | undefined {
    const gathered = this.#gathered;
    if (gathered === undefined) return undefined;
    this.#gathered = undefined;
    const { first, kept, truncated, replies, wireBytes, endAt } = gathered;
    const whole = kept?.finish();
    return {
      last,
      payload:
        whole === undefined
          ? first.payload
          : { bytes: whole.bytes, totalBytes: whole.totalBytes, ...(whole.sha256 && { sha256: whole.sha256 }) },
      truncated,
      replies,
      wireBytes,
      at: first.at,
      endAt,
    };
  }

  #takeOldest(): Asked | undefined {
    const asked = this.#waiting.shift();
    if (asked !== undefined) this.#waitingBytes -= costOf(asked);
    return asked;
  }

  #losePlace(why: string): void {
    this.#giveUpAll(why);
    this.#isUncertain = true;
  }

  #giveUpAll(why: string): void {
    while (this.#waiting.length > 0) this.#giveUpOldest(why);
  }

  #giveUpOldest(why: string): void {
    const answered = this.#answered(undefined);
    this.#give(this.#takeOldest(), answered, { response_missing: why });
  }

  #give(asked: Asked | undefined, answered: Answered | undefined, attributes: Readonly<Record<string, string>>): void {
    const doubt = this.#isUncertain && answered !== undefined ? { pairing_uncertain: 'true' } : {};
    this.#sink.exchange(exchangeOf(asked, answered, { ...attributes, ...doubt }));
  }
}

function costOf({ framed }: Asked): number {
  return WAITING_BYTES + framed.payload.bytes.length;
}
