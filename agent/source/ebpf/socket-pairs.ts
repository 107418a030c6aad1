// SPDX-License-Identifier: Apache-2.0

/**
 * A program whose standard input and output are sockets of two unnamed pairs (as Node makes them for its children) → one
 * connection with whoever started it, in which the starter is the client.
 *
 * Told from one end only. Where both ends are recorded, the starter's: each byte by whoever wrote it, and what the reader has
 * beyond that is a loss. Where only the program is, its own. Unix sockets that have a name, standard error, and pairs that
 * have two ends of a pipeline stay as they are: each end a connection.
 */
import type {
  BytesMissing,
  BytesMoved,
  ConnectionClosed,
  ConnectionOpened,
  KernelEvent,
  ProcessKey,
} from '../../model/kernel-event.ts';
import type { StandardSockets } from './socket-record.ts';

/** Programs with such pairs that run at once; of the oldest beyond, each end is a connection again. */
export const PAIRS_MAX = 4096;
/** Unix sockets that are known to be told of, or to be somebody's standard input or output. The kernel side has no more. */
const SOCKETS_MAX = 65_536;

type Direction = 'sent' | 'received';

/** One connection: two directions, each from one socket. */
interface Joined {
  readonly key: number;
  readonly pair: Pair;
  isTold: boolean;
  startedNs: number;
  joinedLate: boolean;
  readonly total: Record<Direction, { bytes: number; dropped: number }>;
}

interface Source {
  readonly pair: Pair;
  /** Where what was sent and received on it is told; undefined: its other end tells. */
  readonly sent: { readonly joined: Joined; readonly as: Direction };
  readonly received: { readonly joined: Joined; readonly as: Direction } | undefined;
  readonly readFrom: Joined;
  readonly readAs: Direction;
}

interface Pair extends StandardSockets {
  /** Standard input and output; and what goes against the grain, if anything does. */
  readonly joined: Joined[];
  readonly keys: readonly number[];
  /** Sockets of it that were used and are not over. */
  readonly open: Set<number>;
  /** By connection and direction, what readers took. */
  readonly read: Map<Joined, Record<Direction, number>>;
}

export class SocketPairs {
  readonly #sources = new Map<number, Source>();
  readonly #pairs = new Set<Pair>();
  /** When they began: connections of unix sockets that were told of as they were. */
  readonly #told = new Map<number, number>();
  readonly #standard = new Set<number>();
  readonly #running = new Set<number>();

  /** A program was executed. */
  note(sockets: StandardSockets): void {
    const { stdin, stdout, process } = sockets;
    for (const { own } of [stdin, stdout]) {
      if (own === 0) continue;
      const other = this.#sources.get(-own)?.pair;
      // The other end is somebody's standard input or output as well: a pipeline.
      if (other !== undefined && other.stdin.own !== own && other.stdout.own !== own) this.#leave(other);
      this.#standard.add(own);
      if (this.#standard.size > SOCKETS_MAX) this.#standard.delete(this.#standard.values().next().value as number);
    }
    if (stdin.own === 0 || stdout.own === 0 || stdin.own === stdout.own) return;
    const keys = [stdin.own, stdout.own, stdin.peer, stdout.peer].map((inode) => -inode);
    if (keys.some((key) => this.#sources.has(key))) return;
    if (this.#standard.has(stdin.peer) || this.#standard.has(stdout.peer)) return;
    this.#running.add(process.pid);
    this.#join(sockets, keys);
  }

  #join(sockets: StandardSockets, keys: readonly number[]): void {
    const { stdin, stdout, isParentWatched } = sockets;
    const pair: Pair = { ...sockets, joined: [], keys, open: new Set(), read: new Map() };
    const connection = (inode: number): Joined => ({
      key: -inode,
      pair,
      isTold: this.#told.has(-inode),
      startedNs: this.#told.get(-inode) ?? 0,
      joinedLate: false,
      total: { sent: { bytes: 0, dropped: 0 }, received: { bytes: 0, dropped: 0 } },
    });
    const main = connection(isParentWatched ? stdin.peer : stdin.own);
    const against = connection(isParentWatched ? stdout.peer : stdout.own);
    pair.joined.push(main, against);
    const [toChild, fromChild]: [Direction, Direction] = isParentWatched ? ['sent', 'received'] : ['received', 'sent'];
    const end = (inode: number, writes: Joined, sentAs: Direction, reads: Joined, readAs: Direction, tells: boolean) =>
      this.#sources.set(-inode, {
        pair,
        sent: { joined: writes, as: sentAs },
        received: tells ? { joined: reads, as: readAs } : undefined,
        readFrom: reads,
        readAs,
      });
    const tells = !isParentWatched;
    end(stdin.own, against, fromChild, main, toChild, tells);
    end(stdout.own, main, fromChild, against, toChild, tells);
    if (isParentWatched) {
      end(stdin.peer, main, toChild, against, fromChild, false);
      end(stdout.peer, against, toChild, main, fromChild, false);
    }
    for (const key of keys) if (this.#told.has(key)) pair.open.add(key);
    this.#pairs.add(pair);
    if (this.#pairs.size > PAIRS_MAX) this.#leave(this.#pairs.values().next().value as Pair);
  }

  /** Each event of the kernel side, in order; what is to be told for it goes to `into`. */
  pass(event: KernelEvent, into: KernelEvent[]): void {
    switch (event.type) {
      case 'process-exited':
        into.push(event);
        if (this.#running.delete(event.process.pid)) this.#sweep(event.atNs, into);
        return;
      case 'connection-opened':
        if (event.transport === 'unix') this.#opened(event, into);
        else into.push(event);
        return;
      case 'bytes-moved':
      case 'bytes-missing':
        this.#moved(event, into);
        return;
      case 'connection-closed':
        if (event.transport === 'unix') this.#closed(event, into);
        else into.push(event);
        return;
      default:
        into.push(event);
    }
  }

  passAll(events: readonly KernelEvent[]): KernelEvent[] {
    const into: KernelEvent[] = [];
    for (const event of events) this.pass(event, into);
    return into;
  }

  #opened(event: ConnectionOpened, into: KernelEvent[]): void {
    const source = this.#sources.get(event.connectionKey);
    if (source === undefined) {
      this.#remember(event.connectionKey, event.startedNs);
      into.push(event);
      return;
    }
    source.pair.open.add(event.connectionKey);
    for (const joined of source.pair.joined) {
      joined.startedNs ||= event.startedNs;
      joined.joinedLate ||= event.joinedLate;
    }
  }

  #moved(event: BytesMoved | BytesMissing, into: KernelEvent[]): void {
    const source = this.#sources.get(event.connectionKey);
    if (source === undefined) {
      into.push(event);
      return;
    }
    source.pair.open.add(event.connectionKey);
    const as = event.direction === 'sent' ? source.sent : source.received;
    if (as === undefined) return;
    const { joined } = as;
    if (!joined.isTold) into.push(openingOf(joined, event.atNs));
    joined.isTold = true;
    if (event.type === 'bytes-missing') {
      into.push({ ...event, connectionKey: joined.key, direction: as.as });
      return;
    }
    const { type, atNs, offset, bytes, pid } = event;
    into.push({ type, atNs, connectionKey: joined.key, direction: as.as, offset, bytes, pid });
  }

  #closed(event: ConnectionClosed, into: KernelEvent[]): void {
    const source = this.#sources.get(event.connectionKey);
    if (source === undefined) {
      this.#told.delete(event.connectionKey);
      this.#standard.delete(-event.connectionKey);
      into.push(event);
      return;
    }
    const { pair, sent, received, readFrom, readAs } = source;
    add(sent.joined, sent.as, event.sentBytes, event.droppedSentBytes);
    if (received !== undefined) add(received.joined, received.as, event.receivedBytes, event.droppedReceivedBytes);
    else {
      const read = pair.read.get(readFrom) ?? { sent: 0, received: 0 };
      read[readAs] = event.receivedBytes;
      pair.read.set(readFrom, read);
    }
    pair.open.delete(event.connectionKey);
    this.#closeIfDone(pair, event.atNs, into);
  }

  /** Pairs whose program has ended. */
  #sweep(nowNs: number, into: KernelEvent[]): void {
    for (const pair of this.#pairs) this.#closeIfDone(pair, nowNs, into);
  }

  #closeIfDone(pair: Pair, nowNs: number, into: KernelEvent[]): void {
    if (pair.open.size > 0) return;
    // The program may still begin to use what it was given.
    if (this.#running.has(pair.process.pid)) return;
    for (const joined of pair.joined) {
      const { sent, received } = joined.total;
      const read = pair.read.get(joined);
      for (const [direction, { bytes }] of Object.entries(joined.total) as [Direction, { bytes: number }][]) {
        const beyond = (read?.[direction] ?? 0) - bytes;
        if (beyond > 0) into.push(unseen(beyond, joined.startedNs, nowNs));
      }
      if (joined.isTold || sent.bytes + received.bytes > 0) into.push(closingOf(joined, nowNs));
    }
    for (const { key } of pair.joined) this.#told.delete(key);
    this.#forget(pair);
  }

  /** Its sockets are connections of their own from now on. */
  #leave(pair: Pair): void {
    for (const { isTold, key, startedNs } of pair.joined) if (isTold) this.#remember(key, startedNs);
    this.#forget(pair);
  }

  #remember(key: number, startedNs: number): void {
    this.#told.set(key, startedNs);
    if (this.#told.size > SOCKETS_MAX) this.#told.delete(this.#told.keys().next().value as number);
  }

  #forget(pair: Pair): void {
    this.#pairs.delete(pair);
    for (const key of pair.keys) {
      this.#sources.delete(key);
      this.#standard.delete(-key);
    }
  }
}

function add({ total }: Joined, direction: Direction, bytes: number, dropped: number): void {
  total[direction].bytes += bytes;
  total[direction].dropped += dropped;
}

function ends({ pair }: Joined): { process: ProcessKey; peer: ProcessKey; role: 'client' | 'server' } {
  return pair.isParentWatched
    ? { process: pair.parent, peer: pair.process, role: 'client' }
    : { process: pair.process, peer: pair.parent, role: 'server' };
}

function aboutOf(joined: Joined) {
  const { process, role } = ends(joined);
  const { startedNs, joinedLate, key: connectionKey, pair } = joined;
  return {
    ...{ connectionKey, startedNs, scope: pair.scope, process, role, joinedLate, transport: 'unix' as const },
    ...{ localAddress: '', localPort: 0, remoteAddress: '', remotePort: 0 },
  };
}

function openingOf(joined: Joined, atNs: number): ConnectionOpened {
  joined.startedNs ||= atNs;
  const { peer } = ends(joined);
  return { type: 'connection-opened', atNs, ...aboutOf(joined), peerPid: peer.pid, peer };
}

function closingOf(joined: Joined, atNs: number): ConnectionClosed {
  const { sent, received } = joined.total;
  return {
    ...{ type: 'connection-closed', atNs, ...aboutOf(joined), failed: false, error: 0 },
    ...{ sentBytes: sent.bytes, receivedBytes: received.bytes, unsentBytes: 0, unreadBytes: 0, heldUs: 0 },
    ...{ droppedSentBytes: sent.dropped, droppedReceivedBytes: received.dropped },
  };
}

/** Read at one end, and written by nobody that is recorded: another process has the starter's end. */
function unseen(bytes: number, sinceNs: number, atNs: number): KernelEvent {
  return { type: 'missed', atNs, sinceNs, where: 'unix', reason: 'written_by_others', events: 1, bytes };
}
