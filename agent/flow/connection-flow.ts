// SPDX-License-Identifier: Apache-2.0

/**
 * One connection: both directions in order, what is said in it, and the account of every byte: one that comes out of a
 * stream belongs to the conversation, which answers for it; one that does not come out is lost, with a reason.
 */
import type { ByteAccount } from '../model/activity.ts';
import type { BytesMissing, BytesMoved, ConnectionClosed, ConnectionOpened } from '../model/kernel-event.ts';
import type {
  DecoderBounds,
  Exchange,
  ProtocolDefinition,
  SeenCredential,
  TerminalStretch,
} from '../protocol/decoder.ts';
import type { SshKeyStore } from '../ssh/key-pool.ts';
import type { SecretStore } from '../tls/secret-store.ts';
import type { TlsDescription } from '../tls/tls-layer.ts';
import { Conversation } from './conversation.ts';
import { Datagrams } from './datagrams.ts';
import { AS_CLIENT, AS_SERVER, type Direction, type SideOf } from './opening.ts';
import { Senders } from './senders.ts';
import { REORDER_NS, Stream, UNIX_REORDER_NS } from './stream.ts';

export type { Direction } from './opening.ts';

export interface FlowSink {
  exchange(flow: ConnectionFlow, exchange: Exchange): void;
  credential(flow: ConnectionFlow, credential: SeenCredential): void;
  terminal(flow: ConnectionFlow, stretch: TerminalStretch): void;
  /** Bytes of the connection that were never had. */
  lost(flow: ConnectionFlow, direction: Direction, reason: string, bytes: number, atNs: number): void;
  /** Bytes that were had and not understood, or an exchange that was given up. */
  trouble(flow: ConnectionFlow, direction: Direction, reason: string, bytes: number, atNs: number): void;
}

export interface FlowOptions {
  readonly bounds: DecoderBounds;
  /** As of a conversation. */
  readonly unknownHeadBytes?: number | undefined;
  /** Left out: all that there are. */
  readonly protocols?: readonly ProtocolDefinition[];
  /**
   * The secrets that may open the TLS of a connection; `pids` are the processes that are known to have used it, at any time.
   * Left out: what is said in TLS is not read.
   */
  readonly secretsOf?: (opened: ConnectionOpened, pids: () => Iterable<number>) => SecretStore;
  /** Likewise the keys that may open its SSH. */
  readonly sshKeysOf?: (opened: ConnectionOpened, pids: () => Iterable<number>) => SshKeyStore;
}

/** What was said of the remote address before it was connected to. */
export interface RemoteNames {
  readonly name: string;
  /** The language in which it was: 'dns', 'varlink'. */
  readonly by: string;
  /** All that it had; the newest first. */
  readonly all: readonly string[];
}

const DIRECTIONS = ['sent', 'received'] as const;

export class ConnectionFlow {
  readonly opened: ConnectionOpened;
  /** When something was last heard of it. */
  lastAtNs: number;
  /** Encrypted bytes that could not be read, by the reason. */
  readonly unreadable = new Map<string, number>();
  readonly #sink: FlowSink;
  readonly #streams: Readonly<Record<Direction, Stream>>;
  readonly #conversation: Conversation;
  readonly #senders = new Senders();
  readonly #lost: Record<Direction, number> = { sent: 0, received: 0 };
  readonly #surplus: Record<Direction, number> = { sent: 0, received: 0 };
  /** Of UDP, which is no stream. */
  readonly #datagrams: Datagrams | undefined;
  /** What names its remote address was found by; set by whoever knows. */
  names: RemoteNames | undefined;

  constructor(opened: ConnectionOpened, options: FlowOptions, sink: FlowSink) {
    this.opened = opened;
    this.lastAtNs = opened.atNs;
    this.#sink = sink;
    const isUnix = opened.transport === 'unix' || opened.transport === 'pipe';
    // What a process sends passes the boundary in order. A network reorders, and so do threads with one unix socket.
    this.#streams = {
      sent: new Stream(this.#streamSink('sent'), isUnix ? UNIX_REORDER_NS : 0),
      received: new Stream(this.#streamSink('received'), isUnix ? UNIX_REORDER_NS : REORDER_NS),
    };
    const { bounds, unknownHeadBytes, protocols, secretsOf, sshKeysOf } = options;
    this.#datagrams = opened.transport === 'udp' ? new Datagrams(opened, bounds, this.#datagramsSink()) : undefined;
    this.#conversation = new Conversation(
      waysOf(opened),
      { local: opened.localPort, remote: opened.remotePort },
      opened.joinedLate,
      {
        bounds,
        unknownHeadBytes,
        ...(protocols && { protocols }),
        secrets: secretsOf?.(opened, () => this.#users()),
        sshKeys: sshKeysOf?.(opened, () => this.#users()),
      },
      {
        exchange: (exchange) => sink.exchange(this, exchange),
        credential: (credential) => sink.credential(this, credential),
        terminal: (stretch) => sink.terminal(this, stretch),
        trouble: (direction, reason, bytes, atNs) => sink.trouble(this, direction, reason, bytes, atNs),
        unreadable: (_direction, reason, bytes) => {
          this.unreadable.set(reason, (this.unreadable.get(reason) ?? 0) + bytes);
        },
      },
    );
  }

  #datagramsSink() {
    const sink = this.#sink;
    return {
      exchange: (exchange: Exchange) => sink.exchange(this, exchange),
      lost: (direction: Direction, reason: string, bytes: number, atNs: number) =>
        sink.lost(this, direction, reason, bytes, atNs),
      trouble: (direction: Direction, reason: string, bytes: number, atNs: number) =>
        sink.trouble(this, direction, reason, bytes, atNs),
    };
  }

  /** '' while undecided; what it looks like, or 'unknown', when no decoder has it. Of what is said in TLS, if that is known. */
  get protocol(): string {
    return this.#datagrams?.protocol ?? this.#conversation.protocol;
  }

  /** The first bytes of a direction, when nobody decodes it and they may be kept. */
  head(direction: Direction): Uint8Array {
    return this.#conversation.head(direction);
  }

  /** What TLS showed of itself; undefined when the connection has none. */
  get tls(): TlsDescription | undefined {
    return this.#conversation.tls;
  }

  /** Which end the workload is: as the source says, or as the bytes have proved. */
  get role(): 'client' | 'server' | 'unknown' {
    return this.#datagrams?.role ?? this.#conversation.role;
  }

  get heldBytes(): number {
    const { sent, received } = this.#streams;
    return this.#conversation.heldBytes + sent.heldBytes + received.heldBytes + (this.#datagrams?.heldBytes ?? 0);
  }

  /** Encrypted bytes wait for a secret: tell it when there is one. */
  get awaitsSecret(): boolean {
    return this.#conversation.awaitsSecret;
  }

  moved(event: BytesMoved): void {
    this.#heardOf(event.atNs);
    if (this.#datagrams !== undefined) {
      this.#datagrams.moved(event);
      return;
    }
    if (event.direction === 'sent') this.#senders.note(event.atNs, event.pid);
    // Before the bytes: a decoder tells from the order of both sides which reply is whose.
    this.#streams.sent.settle(event.sentSettledOffset ?? 0, event.atNs);
    this.#streams.received.settle(event.receivedSettledOffset ?? 0, event.atNs);
    this.#streams[event.direction].push(event.offset, event.bytes, event.atNs);
  }

  missing(event: BytesMissing): void {
    this.#heardOf(event.atNs);
    if (this.#datagrams !== undefined) this.#datagrams.missing(event);
    else this.#streams[event.direction].missing(event.offset, event.bytes, event.reason, event.atNs);
  }

  secretsChanged(atNs: number): void {
    this.#conversation.secretsChanged(atNs);
  }

  /** Time passes: holes that have been open for long become losses, and nobody waits for a secret for ever. */
  expire(nowNs: number): void {
    this.#streams.sent.expire(nowNs);
    this.#streams.received.expire(nowNs);
    this.#conversation.expire(nowNs);
  }

  /** The process of the workload that sent at that time; 0 when no event told. */
  senderAt(atNs: number): number {
    return this.#senders.at(atNs);
  }

  /** The end: pending exchanges come out, and the tail that was never seen becomes a loss. */
  close(event: ConnectionClosed): void {
    this.#heardOf(event.atNs);
    if (this.#datagrams !== undefined) {
      this.#datagrams.close(event);
      return;
    }
    const sentEnd = Math.max(0, event.sentBytes - event.unsentBytes);
    const receivedEnd = event.receivedBytes + event.unreadBytes;
    this.#finishStream('sent', sentEnd, event.atNs);
    if (event.unsentBytes > 0) this.#streams.sent.finish(event.sentBytes, 'never_sent', event.atNs);
    this.#finishStream('received', receivedEnd, event.atNs);
    this.#conversation.end(event.atNs);
  }

  /** As `close`, when the source says no more of the connection: what was seen is all there is. */
  abandon(atNs: number): void {
    this.#datagrams?.end(atNs);
    for (const direction of DIRECTIONS) this.#streams[direction].finish(undefined, '', atNs);
    this.#conversation.end(atNs);
  }

  /** Gives back memory: what waits comes out, what is unfinished ends, and the bytes that follow are looked at afresh. */
  shed(atNs: number): void {
    for (const direction of DIRECTIONS) this.#streams[direction].giveUp('memory_bound', atNs);
    this.#conversation.shed(atNs);
  }

  /** What became of the bytes of a direction. Adds up at any time; what is still thought about is not understood yet. */
  account(direction: Direction): ByteAccount {
    if (this.#datagrams !== undefined) return this.#datagrams.account(direction);
    const { decoded, notUnderstood, unreadable, cut } = this.#conversation.account(direction);
    return {
      moved: this.#streams[direction].nextOffset,
      decoded,
      notUnderstood,
      unreadable,
      cut,
      lost: this.#lost[direction],
    };
  }

  /**
   * Bytes that passed the boundary and that the socket's counters do not have, known when it was closed: TCP refused
   * them, or what came before them never came. As far as they came out they are in the account.
   */
  surplus(direction: Direction): number {
    return this.#surplus[direction];
  }

  /** Since when bytes wait until it is known what they are; undefined when none do. */
  get waitingSinceNs(): number | undefined {
    return this.#conversation.waitingSinceNs;
  }

  /** Who opened it, and who sent. */
  *#users(): Iterable<number> {
    yield this.opened.process.pid;
    yield* this.#senders.pids;
  }

  #heardOf(atNs: number): void {
    if (atNs > this.lastAtNs) this.lastAtNs = atNs;
  }

  #streamSink(direction: Direction) {
    return {
      bytes: (bytes: Uint8Array, atNs: number): void => this.#conversation.feed(direction, bytes, atNs),
      gap: (missingBytes: number, reason: string, atNs: number): void => {
        this.#lost[direction] += missingBytes;
        this.#sink.lost(this, direction, reason, missingBytes, atNs);
        this.#conversation.gap(direction, missingBytes, atNs);
      },
      conflict: (bytes: number, atNs: number): void => {
        this.#sink.trouble(this, direction, 'conflicting_segments', bytes, atNs);
      },
    };
  }

  #finishStream(direction: Direction, endOffset: number, atNs: number): void {
    const stream = this.#streams[direction];
    stream.finish(endOffset, 'ring_full', atNs);
    this.#surplus[direction] = stream.nextOffset - endOffset + stream.beyondEndBytes;
  }
}

function waysOf({ role }: ConnectionOpened): readonly SideOf[] {
  if (role === 'unknown') return [AS_CLIENT, AS_SERVER];
  return role === 'server' ? [AS_SERVER] : [AS_CLIENT];
}
