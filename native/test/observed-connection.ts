// SPDX-License-Identifier: Apache-2.0

/** What was told of one connection, put in order as the agent does it. */
import { createHash, type Hash } from 'node:crypto';
import { REORDER_NS, Stream, UNIX_REORDER_NS } from '../../agent/flow/stream.ts';
import type { ConnectionClosed, ConnectionOpened, KernelEvent, Scope } from '../../agent/model/kernel-event.ts';

type ConnectionEvent = Extract<KernelEvent, { connectionKey: number }>;

export class ObservedStream {
  bytes = 0;
  readonly gaps: { readonly bytes: number; readonly reason: string }[] = [];
  readonly pids = new Set<number>();
  /** Bytes that were told twice, and differently. */
  conflictBytes = 0;
  /** Bytes as they were handed over, those that came twice included. */
  handedOver = 0;
  /** The first bytes, for a look. */
  head = Buffer.alloc(0);
  readonly stream: Stream;
  readonly #sum: Hash = createHash('sha256');

  constructor(reorderNs: number) {
    this.stream = new Stream(
      {
        bytes: (bytes) => {
          this.bytes += bytes.length;
          this.#sum.update(bytes);
          if (this.head.length < HEAD_BYTES) this.head = Buffer.concat([this.head, bytes]).subarray(0, HEAD_BYTES);
        },
        gap: (bytes, reason) => this.gaps.push({ bytes, reason }),
        conflict: (bytes) => {
          this.conflictBytes += bytes;
        },
      },
      reorderNs,
    );
  }

  get gapBytes(): number {
    return this.gaps.reduce((sum, gap) => sum + gap.bytes, 0);
  }

  get sha256(): string {
    return this.#sum.copy().digest('hex');
  }
}

const HEAD_BYTES = 256;

export class ObservedConnection {
  readonly key: number;
  opened: ConnectionOpened | undefined;
  closed: ConnectionClosed | undefined;
  opens = 0;
  closes = 0;
  /** Bytes that came when it was not open: the agent would not know whose they are. */
  strayBytes = 0;
  sent = new ObservedStream(0);
  received = new ObservedStream(REORDER_NS);

  constructor(key: number) {
    this.key = key;
  }

  get scope(): Scope | undefined {
    return this.opened?.scope ?? this.closed?.scope;
  }

  take(event: ConnectionEvent): void {
    switch (event.type) {
      case 'connection-opened':
        this.opens++;
        if (this.opened !== undefined) return;
        this.opened = event;
        if (event.transport === 'unix' || event.transport === 'pipe') {
          this.sent = new ObservedStream(UNIX_REORDER_NS);
          this.received = new ObservedStream(UNIX_REORDER_NS);
        }
        return;
      case 'bytes-moved': {
        if (this.opened === undefined || this.closed !== undefined) this.strayBytes += event.bytes.length;
        const direction = this[event.direction];
        direction.handedOver += event.bytes.length;
        if (event.pid !== 0) direction.pids.add(event.pid);
        direction.stream.push(event.offset, event.bytes, event.atNs);
        return;
      }
      case 'bytes-missing':
        this[event.direction].stream.missing(event.offset, event.bytes, event.reason, event.atNs);
        return;
      case 'connection-closed':
        this.closes++;
        this.closed = event;
    }
  }

  /** After its end, as the agent does: what never came becomes gaps. */
  settle(): void {
    const { closed } = this;
    if (closed === undefined) throw new Error(`connection ${this.key} is not closed`);
    this.sent.stream.finish(closed.sentBytes - closed.unsentBytes, 'ring_full', closed.atNs);
    this.received.stream.finish(closed.receivedBytes + closed.unreadBytes, 'ring_full', closed.atNs);
  }
}
