// SPDX-License-Identifier: Apache-2.0

/**
 * What every protocol decoder is: a machine that is fed the bytes of a connection, in order, and gives back exchanges.
 *
 * A decoder sees bytes and nothing else: no socket, pid, clock or logger. `at` is a label that the caller puts on bytes
 * (nanoseconds, but a decoder never looks inside); it comes back on the exchange, so the same bytes with the same labels
 * give the same answer on any machine. Same contract for whole streams, single bytes and everything between.
 */

/** Who sent the bytes: the end that opened the connection, or the end that accepted it. */
export type Side = 'client' | 'server';

export type Status = 'ok' | 'error' | 'unknown';

/** A payload as it is kept: the head of it up to a bound, and what it was in whole. */
export interface Payload {
  /** Kept bytes; `bytes.length < totalBytes` when the payload was cut at the bound. Never a view into a chunk. */
  readonly bytes: Uint8Array;
  /** The size of the whole payload. */
  readonly totalBytes: number;
  /** SHA-256 of the whole payload; present exactly when it was cut, and absent then only if a gap made it unknowable. */
  readonly sha256?: Uint8Array;
}

/** A request with its reply. Texts are what a person would need to know what was done. */
export interface Exchange {
  /** What is spoken, where that is more than the language of the connection: 'kubernetes', 'grpc' or 'mcp' over HTTP. */
  readonly protocol?: string;
  /** The protocol's own verb: SELECT, DELETE, GET, … */
  readonly operation: string;
  /** Where it went, as far as the bytes say: database name, authority, … ; the caller adds the address. */
  readonly target: string;
  /** What it touched: tables, path, … */
  readonly resource: string;
  /** The command as a person would read it. */
  readonly statement: string;
  /** The statement without comments and literals, lower case; equal for statements that differ in values only. */
  readonly statementShape: string;
  /** JSON text of bound parameters; '' when there are none. */
  readonly parameters: string;
  readonly request: Payload;
  readonly response: Payload;
  readonly status: Status;
  /** SQLSTATE, HTTP status, … ; '' when the protocol gave none. */
  readonly errorCode: string;
  readonly errorMessage: string;
  /** Rows affected or returned; undefined where the protocol does not count them. */
  readonly rows?: number;
  /** Bytes of this exchange on the wire, framing included. Over a connection they add up to what was decoded. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly truncated: boolean;
  /**
   * It only keeps the conversation going (a greeting, a goodbye, flow control) and says nothing of what was done: its bytes
   * are counted, and it is no line of the record.
   */
  readonly routine?: true;
  /** The credential by which it was asked for; of several that contradict each other, none. */
  readonly credential?: CarriedCredential;
  /** What else the protocol says; keys are snake_case, values text. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Labels of the first and last bytes of the request and of the reply; reply labels equal request's when there is none. */
  readonly requestAt: number;
  readonly requestEndAt: number;
  readonly responseAt: number;
  readonly responseEndAt: number;
  /** It tells of a connection that was carried (`DecoderSink.carried`), by its id, after that was closed. */
  readonly carries?: string;
  /** It was said in a connection that another one carried; whoever reads that one writes it down. */
  readonly carriedIn?: CarriedIn;
}

/** A connection inside of the one that was recorded. */
export interface CarriedIn {
  /** Its language. */
  readonly protocol: string;
  /** Where it goes: host:port, or a path. */
  readonly place: string;
  /** What the workload is in it. */
  readonly role: Side;
  /** Version of its TLS; '' without. */
  readonly tls: string;
}

/**
 * A credential that an exchange carried, without the secret. Its fingerprint stays in memory: of a password, which can be
 * guessed, it would give the password away.
 */
export interface CarriedCredential {
  /** As in `SeenCredential`. */
  readonly kind: string;
  /** SHA-256 of the secret, hex; '' of a login that shows none. */
  readonly fingerprint: string;
  /**
   * 'connection': a login, which all later exchanges of the connection are asked for by, unless it was refused. Exchanges
   * come in the order in which the server took them up.
   */
  readonly reach: 'exchange' | 'connection';
}

/**
 * A credential that crossed the connection (a bearer token, a password message). The decoder keeps it out of every
 * exchange and hands it over here, once; the caller fingerprints it and forgets it.
 */
export interface SeenCredential {
  /** "http-bearer", "http-basic", "postgresql-cleartext-password", … */
  readonly kind: string;
  readonly secret: string;
  /** Whether it stands for one exchange (left out) or for all that follow on the connection. */
  readonly reach?: CarriedCredential['reach'];
  /** Of a request that names whom it is for, in the client's words: host (and port), and path. */
  readonly sentTo?: { readonly authority: string; readonly path: string };
  /** It stood in the server's answer. */
  readonly inReply?: true;
  readonly at: number;
}

/** Something that happened at a terminal; sizes are in characters. */
export type TerminalEvent =
  | { readonly kind: 'typed' | 'shown'; readonly bytes: Uint8Array; readonly at: number }
  /** Typed where the source knows that the terminal does not show it (a password): only how many bytes. */
  | { readonly kind: 'hidden'; readonly bytes: number; readonly at: number }
  | { readonly kind: 'resized'; readonly columns: number; readonly rows: number; readonly at: number };

/**
 * A stretch of a terminal's life, in the order in which it happened. A decoder gives one out when it has some 64 KiB or when a
 * second has passed since its first event, and at the end of the terminal.
 */
export interface TerminalStretch {
  /** Tells the terminals of a connection apart. */
  readonly terminal: string;
  /** Size at the beginning of the stretch; 0 when it is not known. */
  readonly columns: number;
  readonly rows: number;
  readonly events: readonly TerminalEvent[];
  /** Bytes of the stretch that were seen and not kept, beyond a bound. */
  readonly cutBytes: number;
}

/** Where a connection goes that another one carries. */
export interface CarriedPlace {
  /** What carries it: "ssh", … */
  readonly via: string;
  /** host:port, or a path. */
  readonly target: string;
  /** 0 when there is none. */
  readonly port: number;
  /** Which side of the carrying connection is its client. */
  readonly client: Side;
}

/** What happens in a connection that another one carries; `id` tells those of one connection apart. */
export type CarriedEvent =
  | { readonly kind: 'opened'; readonly id: string; readonly place: CarriedPlace; readonly at: number }
  /** Never a view into a chunk. */
  | {
      readonly kind: 'bytes';
      readonly id: string;
      readonly from: Side;
      readonly bytes: Uint8Array;
      readonly at: number;
    }
  | {
      readonly kind: 'gap';
      readonly id: string;
      readonly from: Side;
      readonly missingBytes: number;
      readonly at: number;
    }
  | { readonly kind: 'closed'; readonly id: string; readonly at: number };

export interface DecoderSink {
  exchange(exchange: Exchange): void;
  credential(credential: SeenCredential): void;
  terminal(stretch: TerminalStretch): void;
  /**
   * A connection inside of this one, to be read as one of its own. The decoder counts its bytes as decoded, whatever they are:
   * what was not understood inside is found there.
   */
  carried(event: CarriedEvent): void;
  /**
   * The connection changes its language after this point: both sides' later bytes belong to `protocol`
   * ('tls' after an SSLRequest that was granted, 'websocket' or 'http2' after an upgrade). The decoder gets no more bytes;
   * `consumedBytes` of the chunk just pushed were its own, the rest goes to the next decoder, with what was agreed on.
   */
  handover(protocol: string, consumedBytes: number, agreement?: Agreement): void;
  /**
   * Bytes of one side that could not be understood: a stable word for the cause. Over a connection they add up to
   * `notUnderstood`, but for those whose word begins with `gap`: these tell what a gap broke, and how long it is.
   */
  trouble(from: Side, reason: string, bytes: number): void;
}

/** What a handover was agreed on with: the request that asked for it and the answer that granted it. */
export interface Agreement {
  readonly method: string;
  readonly authority: string;
  /** Path and query, secrets out. */
  readonly path: string;
  /** Names in lower case, as they came; values with secrets out. */
  readonly requestFields: readonly (readonly [name: string, value: string])[];
  readonly responseFields: readonly (readonly [name: string, value: string])[];
  /** What was asked with: what is done in the next language is done by it. */
  readonly credential?: CarriedCredential;
  /** The exchange that asked, when it was not given out: its answer comes in the next language (h2c's stream 1). */
  readonly unanswered?: Exchange;
}

/** Every byte pushed is in exactly one of these once `end` was called for both sides. */
export interface ByteCounts {
  /** Understood. Content above a payload bound is `cut` instead: it was framed and counted, but not kept. */
  decoded: number;
  notUnderstood: number;
  cut: number;
}

export interface DecoderBounds {
  /** Kept bytes of a request payload, also of a statement and its parameters. */
  readonly requestBytesMax: number;
  /** Kept bytes of a response payload. */
  readonly responseBytesMax: number;
  /** Bytes of one unfinished frame that may be held while the rest is awaited; a longer frame is skipped over and counted. */
  readonly pendingBytesMax: number;
  /** Requests that may wait for their replies; beyond, the oldest is given out with status unknown. */
  readonly pipelineMax: number;
}

/** Whole requests, responses to 1 MiB (design, section 5). */
export const DEFAULT_BOUNDS: DecoderBounds = {
  requestBytesMax: 16 * 1024 * 1024,
  responseBytesMax: 1024 * 1024,
  pendingBytesMax: 1024 * 1024,
  pipelineMax: 10_000,
};

export interface Decoder {
  /** Bytes that `from` sent next. May hold views of `bytes` only until it returns: what is kept is copied. */
  push(from: Side, bytes: Uint8Array, at: number): void;
  /**
   * `missingBytes` that `from` sent next will never be seen. The decoder finds its way back, or says that it cannot. A gap
   * of one side comes before what the other side sent after it: from the order of both it is told which reply is whose.
   */
  gap(from: Side, missingBytes: number, at: number): void;
  /** `from` sends no more. After both sides ended, all pending exchanges were given out and all bytes are counted. */
  end(from: Side, at: number): void;
  readonly counts: Readonly<Record<Side, ByteCounts>>;
  /** Bytes held in memory for unfinished frames and exchanges; bounded whatever the input. */
  readonly heldBytes: number;
}

/** What `detect.ts` needs of a protocol: "not mine" is answered once per connection, from the first bytes. */
export interface ProtocolDefinition {
  readonly name: string;
  /**
   * Does this connection speak the protocol? `client` and `server` are the first bytes of each side seen so far (either
   * may be empty), `serverPort` the port that was connected to (0 when unknown). `late` says that the first bytes of the
   * connection were not seen, so that the bytes may start anywhere.
   */
  detect(opening: Opening): 'yes' | 'no' | 'not-yet';
  create(bounds: DecoderBounds, sink: DecoderSink, opening: Opening): Decoder;
}

export interface Opening {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly serverPort: number;
  readonly late: boolean;
  /** Behind a handover: what was agreed on. */
  readonly agreement?: Agreement;
}
