// SPDX-License-Identifier: Apache-2.0

/**
 * JSON-RPC in lines, as MCP speaks it over stdio. Both sides ask and both answer, so a reply belongs to the request of the
 * other side with its id. `requestBytes` are those of the request, whoever sent it.
 */
import type { ByteCounts, Decoder, DecoderBounds, DecoderSink, Opening, Side } from '../decoder.ts';
import { exchangeOf, NO_PAYLOAD, type Pair } from './exchange.ts';
import { PARSED_BYTES_MAX, type RpcMessage, type RpcResponse } from './json-rpc.ts';
import { type Line, LineStream } from './line-stream.ts';
import { type Asked, Pending } from './pending.ts';
import { isGreeting, isMcp } from './words.ts';

const SERVER_NAME = 'server_name';

export class McpDecoder implements Decoder {
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  readonly #sink: DecoderSink;
  readonly #lines: Readonly<Record<Side, LineStream>>;
  readonly #pending: Readonly<Record<Side, Pending>>;
  readonly #ended = { client: false, server: false };
  /** Once it has said so, all of the conversation is. */
  #isMcp = false;
  /** As it introduced itself. */
  #serverName = '';

  constructor(bounds: DecoderBounds, sink: DecoderSink, opening: Opening) {
    this.#sink = sink;
    const bytesMax = Math.min(bounds.pendingBytesMax, PARSED_BYTES_MAX);
    const linesOf = (from: Side) =>
      new LineStream(bytesMax, opening.late, from === 'server', {
        line: (line) => this.#line(from, line),
        trouble: (reason, bytes) => sink.trouble(from, reason, bytes),
      });
    const pendingOf = (from: Side) =>
      new Pending(bounds.pipelineMax, bounds.requestBytesMax / 2, (asked, why) =>
        this.#give(from, asked, undefined, undefined, { response_missing: why }),
      );
    this.#lines = { client: linesOf('client'), server: linesOf('server') };
    this.#pending = { client: pendingOf('client'), server: pendingOf('server') };
    this.counts = { client: this.#lines.client.counts, server: this.#lines.server.counts };
  }

  get heldBytes(): number {
    const lines = this.#lines.client.heldBytes + this.#lines.server.heldBytes;
    return lines + this.#pending.client.heldBytes + this.#pending.server.heldBytes;
  }

  push(from: Side, bytes: Uint8Array, at: number): void {
    this.#lines[from].push(bytes, at);
  }

  gap(from: Side, missingBytes: number): void {
    this.#lines[from].gap(missingBytes);
  }

  end(from: Side): void {
    if (this.#ended[from]) return;
    this.#ended[from] = true;
    this.#lines[from].end();
    if (!this.#ended.client || !this.#ended.server) return;
    this.#pending.client.giveUpAll();
    this.#pending.server.giveUpAll();
  }

  #line(from: Side, line: Line): void {
    for (const { kind, secret } of line.secrets) {
      this.#sink.credential({ kind, secret, at: line.endAt, ...(from === 'server' && { inReply: true }) });
    }
    line.messages.forEach((message, index) => {
      this.#message(from, line, message, index === 0 ? line.wireBytes : 0);
    });
  }

  #message(from: Side, line: Line, message: RpcMessage, wireBytes: number): void {
    if (message.kind === 'response') {
      if (isGreeting(message)) this.#isMcp = true;
      const asker = from === 'client' ? 'server' : 'client';
      const asked = this.#pending[asker].take(message.id);
      this.#give(asker, asked, message, { line, wireBytes }, asked === undefined ? { request_missing: 'true' } : {});
      return;
    }
    if (isMcp(message)) this.#isMcp = true;
    const asked = { request: message, line, wireBytes };
    if (message.kind === 'request') this.#pending[from].add(asked);
    else this.#give(from, asked, undefined, undefined, {});
  }

  #give(
    askedBy: Side,
    asked: Asked | undefined,
    response: RpcResponse | undefined,
    reply: { readonly line: Line; readonly wireBytes: number } | undefined,
    attributes: Readonly<Record<string, string>>,
  ): void {
    const first = asked?.line ?? reply?.line;
    if (first === undefined) return;
    const last = reply?.line ?? first;
    const pair: Pair = { protocol: this.#isMcp ? 'mcp' : 'json-rpc', request: asked?.request, response, askedBy };
    const batch = Math.max(asked?.line.messages.length ?? 1, reply?.line.messages.length ?? 1);
    const exchange = exchangeOf(pair, {
      target: '',
      request: asked?.line.payload ?? NO_PAYLOAD,
      response: reply?.line.payload ?? NO_PAYLOAD,
      requestBytes: asked?.wireBytes ?? 0,
      responseBytes: reply?.wireBytes ?? 0,
      truncated: (asked?.line.truncated ?? false) || (reply?.line.truncated ?? false),
      attributes: { ...attributes, ...(batch > 1 && { batch: String(batch) }) },
      requestAt: first.at,
      requestEndAt: first.endAt,
      responseAt: last.at,
      responseEndAt: last.endAt,
    });
    this.#serverName = exchange.attributes[SERVER_NAME] ?? this.#serverName;
    this.#sink.exchange({ ...exchange, target: this.#serverName });
  }
}
