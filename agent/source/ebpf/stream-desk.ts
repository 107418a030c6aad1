// SPDX-License-Identifier: Apache-2.0

/**
 * Bytes of pipes and terminals → events of connections and terminals.
 *
 * Two pipes between a program and whoever started it are one connection, in which the starter is the client. Any other pipe
 * is a connection of one direction. A pipe that carried nothing is none, and of pipes that are no conversation only so many
 * are told of in a time: a build makes thousands.
 */
import {
  type BytesMissing,
  type KernelEvent,
  PIPE_KEYS_BELOW,
  type ProcessKey,
  type Scope,
} from '../../model/kernel-event.ts';
import { limits } from './layout.generated.ts';
import { type PipePair, PipePairs } from './pipe-pairs.ts';
import type { StandardPipes, StreamAccount, StreamId, StreamMoved } from './stream-record.ts';
import { terminalMoved } from './terminal-device.ts';

/** Lone pipes of a session that are told of at once, and more a second; what is beyond is a loss by its bytes. */
export const LONE_PIPES_MAX = 256;
export const LONE_PIPES_A_SECOND = 4;
/** Sessions whose allowance is remembered; the oldest begins anew. */
const ALLOWANCES_MAX = 4096;

type Direction = 'sent' | 'received';

interface Conversation {
  readonly key: number;
  readonly startedNs: number;
  readonly scope: Scope;
  readonly process: ProcessKey;
  readonly role: 'client' | 'server' | 'unknown';
  readonly pair: PipePair | undefined;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly joinedLate: boolean;
  readonly total: Record<Direction, number>;
  /** Pipes of it that moved something and are not gone. */
  open: number;
  /** Pipes of it that moved something. */
  used: number;
}

interface Pipe {
  readonly startedNs: number;
  /** Undefined: there was no room for its line. */
  readonly conversation: Conversation | undefined;
  readonly direction: Direction;
  /** End of what was told of it. */
  toldEnd: number;
}

export class StreamDesk {
  readonly #pairs = new PipePairs();
  readonly #pipes = new Map<StreamId, Pipe>();
  readonly #conversations = new Map<PipePair, Conversation>();
  /** Bytes of terminals that were told: what the account has beyond was lost. */
  readonly #terminals = new Map<string, number>();
  readonly #allowances = new Map<bigint, { left: number; sinceNs: number }>();
  readonly #isWatched: (pid: number) => boolean;
  #conversationsMade = 0;
  /** Since when calls are seen; what a pipe moved before is not known. */
  attachedNs = 0;

  constructor(isWatched: (pid: number) => boolean) {
    this.#isWatched = isWatched;
  }

  note(pipes: StandardPipes): void {
    this.#pairs.note(pipes);
  }

  moved(moved: StreamMoved, into: KernelEvent[]): void {
    if (moved.kind === 'terminal') {
      const name = `${moved.stream}@${moved.startedNs}`;
      this.#terminals.set(name, (this.#terminals.get(name) ?? 0) + moved.bytes.length + moved.missingBytes);
      into.push(terminalMoved(moved));
      return;
    }
    let pipe = this.#pipes.get(moved.stream);
    if (pipe === undefined || pipe.startedNs !== moved.startedNs) {
      pipe = this.#begin(moved, into);
      this.#pipes.set(moved.stream, pipe);
    }
    const { atNs, offset, bytes, missingBytes, missingReason } = moved;
    pipe.toldEnd = Math.max(pipe.toldEnd, offset + bytes.length + missingBytes);
    if (pipe.conversation === undefined) return;
    const { key: connectionKey } = pipe.conversation;
    const { direction } = pipe;
    if (bytes.length > 0)
      into.push({ type: 'bytes-moved', atNs, connectionKey, direction, offset, bytes, pid: moved.process.pid });
    if (missingReason !== '')
      into.push(missing(atNs, connectionKey, direction, offset + bytes.length, missingBytes, missingReason));
  }

  /** Nobody that is watched uses it any more: its last account. */
  gone(account: StreamAccount, nowNs: number, into: KernelEvent[]): void {
    if (account.kind === 'terminal') {
      const name = `${account.stream}@${account.startedNs}`;
      const lost = account.writtenBytes + account.readBytes - (this.#terminals.get(name) ?? 0);
      this.#terminals.delete(name);
      if (lost > 0) into.push(missed('terminal', 'ring_full', lost, account, nowNs));
      return;
    }
    const known = this.#pipes.get(account.stream);
    const pipe = known?.startedNs === account.startedNs ? known : undefined;
    const total = account.told === 'written' ? account.writtenBytes : account.readBytes;
    // The reader tells, and something was written that no reader of a workload has read.
    const unread = account.told === 'read' ? account.writtenBytes - account.readBytes : 0;
    if (unread > 0) into.push(missed('pipe', 'not_read', unread, account, nowNs));
    if (pipe === undefined) {
      if (total > 0) into.push(missed('pipe', 'ring_full', total, account, nowNs));
      return;
    }
    this.#pipes.delete(account.stream);
    this.#pairs.forget(account.stream);
    const { conversation, direction } = pipe;
    if (conversation === undefined) {
      into.push(missed('pipe', 'too_many', total, account, nowNs));
      return;
    }
    // The kernel side copies no more of a pipe than this.
    const from = Math.max(pipe.toldEnd, limits.pipeCopyBytesMax);
    if (total > from) into.push(missing(nowNs, conversation.key, direction, from, total - from, 'skipped'));
    conversation.total[direction] = total;
    conversation.open--;
    this.#closeIfDone(conversation, nowNs, into);
  }

  /** Conversations of which one pipe is gone, the other was never used, and whose program has ended. */
  sweep(nowNs: number, into: KernelEvent[]): void {
    for (const conversation of this.#conversations.values()) this.#closeIfDone(conversation, nowNs, into);
  }

  #closeIfDone(conversation: Conversation, nowNs: number, into: KernelEvent[]): void {
    const { pair } = conversation;
    if (conversation.open > 0) return;
    if (pair !== undefined && conversation.used < 2 && this.#isWatched(pair.child.pid)) return;
    if (pair !== undefined) this.#conversations.delete(pair);
    into.push({
      type: 'connection-closed',
      ...addressesOf(conversation),
      atNs: nowNs,
      failed: false,
      error: 0,
      sentBytes: conversation.total.sent,
      receivedBytes: conversation.total.received,
      unsentBytes: 0,
      unreadBytes: 0,
      droppedSentBytes: 0,
      droppedReceivedBytes: 0,
      heldUs: 0,
    });
  }

  #begin(moved: StreamMoved, into: KernelEvent[]): Pipe {
    const { startedNs, stream } = moved;
    const pair = this.#pairs.pairOf(stream);
    if (pair === undefined) {
      const direction = moved.direction === 'written' ? 'sent' : 'received';
      if (!this.#mayTellLone(moved)) return { startedNs, conversation: undefined, direction, toldEnd: 0 };
      return { startedNs, conversation: this.#open(moved, undefined, into), direction, toldEnd: 0 };
    }
    const conversation = this.#conversations.get(pair) ?? this.#open(moved, pair, into);
    if (conversation.used > 0 && conversation.open === 0 && conversation.used >= 2) conversation.used = 0;
    conversation.open++;
    conversation.used++;
    const isToChild = stream === pair.stdin;
    const direction = isToChild === (conversation.role === 'client') ? 'sent' : 'received';
    return { startedNs, conversation, direction, toldEnd: 0 };
  }

  #open(moved: StreamMoved, pair: PipePair | undefined, into: KernelEvent[]): Conversation {
    const isClient = pair !== undefined && this.#isWatched(pair.parent.pid);
    const process = pair === undefined ? moved.process : isClient ? pair.parent : pair.child;
    const other = pair === undefined ? undefined : isClient ? pair.child : pair.parent;
    const [sent, received] =
      pair === undefined ? [moved.stream, 0] : isClient ? [pair.stdin, pair.stdout] : [pair.stdout, pair.stdin];
    const conversation: Conversation = {
      key: PIPE_KEYS_BELOW - ++this.#conversationsMade,
      startedNs: moved.startedNs,
      scope: moved.scope,
      process,
      role: pair === undefined ? 'unknown' : isClient ? 'client' : 'server',
      pair,
      localAddress: nameOf(sent),
      remoteAddress: nameOf(received),
      joinedLate: pair !== undefined && Number(pair.child.startNs) < this.attachedNs,
      total: { sent: 0, received: 0 },
      open: pair === undefined ? 1 : 0,
      used: pair === undefined ? 1 : 0,
    };
    if (pair !== undefined) this.#conversations.set(pair, conversation);
    into.push({
      type: 'connection-opened',
      ...addressesOf(conversation),
      atNs: moved.atNs,
      peerPid: other?.pid ?? 0,
      ...(other && { peer: other }),
    });
    return conversation;
  }

  #mayTellLone({ scope: { sessionKey }, atNs }: StreamMoved): boolean {
    let allowance = this.#allowances.get(sessionKey);
    if (allowance === undefined) {
      allowance = { left: LONE_PIPES_MAX, sinceNs: atNs };
      this.#allowances.set(sessionKey, allowance);
      if (this.#allowances.size > ALLOWANCES_MAX)
        this.#allowances.delete(this.#allowances.keys().next().value as bigint);
    }
    const gained = (Math.max(0, atNs - allowance.sinceNs) / 1e9) * LONE_PIPES_A_SECOND;
    allowance.left = Math.min(LONE_PIPES_MAX, allowance.left + gained);
    allowance.sinceNs = Math.max(allowance.sinceNs, atNs);
    if (allowance.left < 1) return false;
    allowance.left--;
    return true;
  }
}

function addressesOf(conversation: Conversation) {
  const { key: connectionKey, startedNs, scope, process, role, localAddress, remoteAddress, joinedLate } = conversation;
  return {
    ...{ connectionKey, startedNs, scope, process, role, localAddress, remoteAddress, joinedLate },
    transport: 'pipe' as const,
    localPort: 0,
    remotePort: 0,
  };
}

/** As /proc/PID/fd calls it. */
function nameOf(pipe: StreamId): string {
  return pipe === 0 ? '' : `pipe:[${pipe % 2 ** 32}]`;
}

function missing(
  atNs: number,
  connectionKey: number,
  direction: Direction,
  offset: number,
  bytes: number,
  reason: BytesMissing['reason'],
): BytesMissing {
  return { type: 'bytes-missing', atNs, connectionKey, direction, offset, bytes, reason };
}

function missed(
  where: 'pipe' | 'terminal',
  reason: string,
  bytes: number,
  { scope, startedNs: sinceNs }: StreamAccount,
  atNs: number,
): KernelEvent {
  return { type: 'missed', atNs, sinceNs, where, reason, events: 1, bytes, scope };
}
