// SPDX-License-Identifier: Apache-2.0

/**
 * What is asked of the whole connection: ports to listen on, proof of host keys, signs of life.
 *
 * Source   RFC 4254, sections 4 and 7.1; OpenSSH's PROTOCOL, sections 2.4 and 2.5
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import type { DecoderSink, Side } from '../decoder.ts';
import type { ConnectionFacts } from './connection-facts.ts';
import { type Draft, exchangeOf, type WireBytes } from './draft.ts';

const AWAITED_MAX = 256;
const FORWARDS = new Set([
  'tcpip-forward',
  'cancel-tcpip-forward',
  'streamlocal-forward@openssh.com',
  'cancel-streamlocal-forward@openssh.com',
]);

export class GlobalRequests {
  readonly #facts: ConnectionFacts;
  readonly #sink: DecoderSink;
  readonly #wire: WireBytes;
  readonly #awaited: Record<Side, (Draft | undefined)[]> = { client: [], server: [] };

  constructor(facts: ConnectionFacts, sink: DecoderSink, wire: WireBytes) {
    this.#facts = facts;
    this.#sink = sink;
    this.#wire = wire;
  }

  request(from: Side, message: Buffer, startAt: number, endAt: number): boolean {
    const reader = new ByteReader(message, 1);
    const name = reader.text(Math.min(reader.u32(), 256));
    const wantsReply = reader.u8() !== 0;
    const draft = FORWARDS.has(name) ? this.#draft(name, reader, startAt, endAt) : undefined;
    if (!wantsReply && draft !== undefined) this.#give(draft);
    else if (wantsReply) {
      this.#awaited[from].push(draft);
      if (this.#awaited[from].length > AWAITED_MAX) {
        const oldest = this.#awaited[from].shift();
        if (oldest !== undefined) this.#give(oldest);
      }
    }
    return !reader.short;
  }

  /** SSH_MSG_REQUEST_SUCCESS or FAILURE, from the side that was asked. */
  answered(from: Side, message: Buffer, endAt: number): void {
    const draft = this.#awaited[from === 'client' ? 'server' : 'client'].shift();
    if (draft === undefined) return;
    const isGranted = message[0] === 81;
    draft.status = isGranted ? 'ok' : 'error';
    if (!isGranted) draft.errorCode = 'request_refused';
    if (isGranted && message.length >= 5) draft.attributes['port'] = String(message.readUInt32BE(1));
    draft.responseAt = endAt;
    draft.responseEndAt = endAt;
    this.#give(draft);
  }

  end(): void {
    for (const side of ['client', 'server'] as const) {
      for (const draft of this.#awaited[side].splice(0)) if (draft !== undefined) this.#give(draft);
    }
  }

  #draft(name: string, reader: ByteReader, requestAt: number, requestEndAt: number): Draft {
    const host = reader.text(Math.min(reader.u32(), 1024));
    const resource = name.includes('tcpip') ? `${host}:${reader.u32()}` : host;
    return {
      operation: name.replace('@openssh.com', ''),
      target: this.#facts.user,
      resource,
      statement: `${name} ${resource}`,
      status: 'unknown',
      attributes: { ...this.#facts.attributes },
      requestAt,
      requestEndAt,
    };
  }

  #give(draft: Draft): void {
    this.#sink.exchange(exchangeOf(draft, this.#wire));
  }
}
