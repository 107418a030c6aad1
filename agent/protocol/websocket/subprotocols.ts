// SPDX-License-Identifier: Apache-2.0

/**
 * Languages that are spoken inside WebSocket. One is added by one line in `subprotocols`; where none matches, each message
 * is an exchange of its own.
 *
 * The contract of a talk. WebSocket does the framing: masks and compression are off, fragments are joined, control frames
 * are taken out. What is left comes as `data`, in order, and whole however long the message is: a talk keeps what it wants
 * of it, up to its bounds. What a talk says goes to the `sink` it was made with.
 *
 * Bytes    each part says how many bytes on the wire it stands for, framing included. A talk puts each of them into
 *          `requestBytes` (client) or `responseBytes` (server) of one exchange, at the latest in `end`. What it saw and did
 *          not keep it returns, and that is counted as cut
 * Cuts     parts follow the chunks of the connection: the same message may come in one part or in many, also in parts
 *          without a byte. The exchanges must be the same
 */
import type { Agreement, DecoderBounds, DecoderSink, Side } from '../decoder.ts';
import { kubernetesChannels } from '../kubernetes/channels.ts';
import { kubernetesTunnel } from '../kubernetes/tunnel.ts';

/** A piece of a message, in its order. Control frames do not interrupt a message here. */
export interface MessagePart {
  readonly from: Side;
  readonly opcode: 'text' | 'binary';
  /** A view that is good until `data` returns. May be empty. */
  readonly bytes: Uint8Array;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Which frame of the message it is of: 1, 2, … */
  readonly fragment: number;
  /** permessage-deflate: the whole message comes in one part. */
  readonly isCompressed: boolean;
  /** Bytes on the wire since the part before: headers of frames, and the payload as it was carried (compressed, masked). */
  readonly wireBytes: number;
  /** Label of these bytes. */
  readonly at: number;
}

export interface UnreadableMessage extends Pick<MessagePart, 'from' | 'opcode' | 'wireBytes' | 'fragment' | 'at'> {
  readonly reason: string;
  readonly carriedBytes: number;
  /** Label of its last bytes; `at` is that of the first. */
  readonly endAt: number;
}

export interface WebSocketTalk {
  /** Returns how many of `wireBytes` were seen and not kept; 0 when all was understood. */
  data(part: MessagePart): number;
  /** Bytes of the message at hand were never seen; it goes on behind them. How many they are is not known of compressed ones. */
  hole(from: Side, missingBytes: number, at: number): void;
  /** The message at hand, if one was begun, will not be finished, and any number of others may have been missed. */
  lost(from: Side, at: number): void;
  /**
   * A whole message that cannot be read, for `reason`: its payload, `carriedBytes` on the wire, is counted as not understood, its
   * framing is `wireBytes`. A talk without this gets `lost` instead, and nothing of the message is its.
   */
  unreadable?(message: UnreadableMessage): void;
  /** A close frame of `from`. 1005: it gave no code (RFC 6455, section 7.4.1). Data of the other side may still follow. */
  closed(from: Side, code: number, reason: string, at: number): void;
  /**
   * A talk that has this takes the bytes of a close frame that says nothing of its own (done, going away, no code), as `data` does;
   * without it, and of other codes, the close is an exchange. `closed` comes after it.
   */
  takesClose?(from: Side, wireBytes: number, at: number): void;
  /** Nothing more comes of `from`. After both sides ended nothing is held, and all exchanges were given out. */
  end(from: Side, at: number): void;
  readonly heldBytes: number;
}

export interface WebSocketSubprotocol {
  readonly name: string;
  /** `agreement` has the fields of the handshake: `sec-websocket-protocol` of the response is what was chosen. */
  matches(agreement: Agreement): boolean;
  create(bounds: DecoderBounds, sink: DecoderSink, agreement: Agreement): WebSocketTalk;
}

export const subprotocols: readonly WebSocketSubprotocol[] = [kubernetesChannels, kubernetesTunnel];

/** The subprotocol that the server chose; '' when none. */
export function chosenSubprotocol(agreement: Agreement): string {
  return agreement.responseFields.find(([name]) => name === 'sec-websocket-protocol')?.[1] ?? '';
}
