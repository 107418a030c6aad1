// SPDX-License-Identifier: Apache-2.0

/** The talk of those who speak no language that is known here: each message is an exchange of its own. */
import type { Agreement, DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import { KeptBody } from '../http/kept-body.ts';
import { redactContent } from '../http/secret-content.ts';
import { exchangeOf } from './exchange.ts';
import { chosenSubprotocol, type MessagePart, type UnreadableMessage, type WebSocketTalk } from './subprotocols.ts';

/** A message of which not everything is there yet. */
interface Begun {
  readonly body: KeptBody;
  readonly opcode: MessagePart['opcode'];
  readonly isCompressed: boolean;
  fragments: number;
  wireBytes: number;
  hasHole: boolean;
  readonly at: number;
  endAt: number;
}

export class Messages implements WebSocketTalk {
  readonly #bytesMax: Readonly<Record<Side, number>>;
  readonly #sink: DecoderSink;
  readonly #agreement: Agreement | undefined;
  readonly #attributes: Readonly<Record<string, string>>;
  readonly #begun: Record<Side, Begun | undefined> = { client: undefined, server: undefined };

  /** `extension`: one is at work that is not undone here. */
  constructor(bounds: DecoderBounds, sink: DecoderSink, agreement: Agreement | undefined, extension = '') {
    this.#bytesMax = { client: bounds.requestBytesMax, server: bounds.responseBytesMax };
    this.#sink = sink;
    this.#agreement = agreement;
    const subprotocol = agreement === undefined ? '' : chosenSubprotocol(agreement);
    this.#attributes = { ...(subprotocol && { subprotocol }), ...(extension && { extension }) };
  }

  get heldBytes(): number {
    return (this.#begun.client?.body.heldBytes ?? 0) + (this.#begun.server?.body.heldBytes ?? 0);
  }

  data(part: MessagePart): number {
    if (part.isFirst) this.#begun[part.from] = begin(part, this.#bytesMax[part.from]);
    const begun = this.#begun[part.from];
    if (begun === undefined) return 0;
    const kept = begun.body.append(part.bytes);
    begun.wireBytes += part.wireBytes;
    begun.endAt = part.at;
    begun.fragments = part.fragment;
    if (part.isLast) this.#give(part.from, '');
    return part.isCompressed ? 0 : part.bytes.length - kept;
  }

  hole(from: Side, missingBytes: number): void {
    const begun = this.#begun[from];
    if (begun === undefined) return;
    begun.body.gap(missingBytes);
    begun.hasHole = true;
  }

  lost(from: Side): void {
    this.#give(from, 'gap');
  }

  unreadable(message: UnreadableMessage): void {
    const { from, opcode, reason, carriedBytes, wireBytes, fragment, at, endAt } = message;
    const attributes = {
      opcode,
      compressed: 'true',
      unreadable: reason,
      ...fragmentsOf(fragment),
      ...this.#attributes,
    };
    const exchange = exchangeOf(
      {
        from,
        operation: operationOf(from),
        text: `(${opcode}, compressed, not read)`,
        payload: { bytes: new Uint8Array(0), totalBytes: carriedBytes },
        wireBytes,
        attributes,
        status: 'unknown',
        truncated: true,
        at,
        endAt,
      },
      this.#agreement,
    );
    this.#sink.exchange(exchange);
  }

  /** The close frame is recorded by whoever reads the frames. */
  closed(): void {}

  end(from: Side): void {
    this.#give(from, 'connection-ended');
  }

  #give(from: Side, incomplete: string): void {
    const begun = this.#begun[from];
    if (begun === undefined) return;
    this.#begun[from] = undefined;
    const { opcode, isCompressed, fragments, wireBytes, hasHole, at, endAt } = begun;
    const body = begun.body.finish();
    const { bytes, secrets } = redactContent(body.bytes, '', from === 'server');
    for (const { kind, secret } of secrets) {
      this.#sink.credential({ kind, secret, at: endAt, ...(from === 'server' && { inReply: true }) });
    }
    const broken = incomplete || (hasHole ? 'gap' : '');
    const attributes: Record<string, string> = {
      opcode,
      ...(isCompressed && { compressed: 'true' }),
      ...fragmentsOf(fragments),
      ...(broken && { incomplete: broken }),
      ...(secrets.length > 0 && { redactions: String(secrets.length) }),
      ...this.#attributes,
    };
    const exchange = exchangeOf(
      {
        from,
        operation: operationOf(from),
        text: opcode === 'text' ? bytes.toString('utf8', 0, 4096) : `(binary, ${body.totalBytes} bytes)`,
        payload: { bytes, totalBytes: body.totalBytes, ...(body.sha256 && { sha256: body.sha256 }) },
        wireBytes,
        attributes,
        status: incomplete === '' ? 'ok' : 'unknown',
        truncated: body.cut,
        at,
        endAt,
      },
      this.#agreement,
    );
    this.#sink.exchange(exchange);
  }
}

function begin(part: MessagePart, bytesMax: number): Begun {
  return {
    body: new KeptBody(bytesMax),
    opcode: part.opcode,
    isCompressed: part.isCompressed,
    fragments: 1,
    wireBytes: 0,
    hasHole: false,
    at: part.at,
    endAt: part.at,
  };
}

function fragmentsOf(fragments: number): Record<string, string> {
  return fragments > 1 ? { fragments: String(fragments) } : {};
}

function operationOf(from: Side): string {
  return from === 'client' ? 'SEND' : 'RECEIVE';
}
