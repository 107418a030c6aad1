// SPDX-License-Identifier: Apache-2.0

/** Where the record goes once it is in the journal. `grpc/` is the one implementation; it runs until it is stopped. */
import type { DeliveryError } from './delivery-error.ts';

export interface ActivitySink {
  start(): void;
  /**
   * Stops. With `drainMs`, waits at most that long until all that is durable is at the collector, provided that there is
   * a connection; what is not delivered stays in the journal.
   */
  stop(drainMs?: number): Promise<void>;
  readonly state: SinkState;
}

/** What `sworn status` shows. */
export interface SinkState {
  readonly phase:
    | 'stopped'
    /** On the way to the collector, up to its Welcome. */
    | 'connecting'
    | 'delivering'
    /** Until the next attempt, after an error that may pass by itself. */
    | 'waiting'
    /** Until the next, much later attempt, after an error that somebody has to do something about. */
    | 'refused';
  readonly sinceMs: number;
  readonly collector: string;
  /** The last entry that the collector has; 0 before its first answer. */
  readonly storedSeq: number;
  /** Sent and not yet acknowledged. */
  readonly inFlightBatches: number;
  readonly inFlightBytes: number;
  /** The newest error; null once entries were acknowledged after it. */
  readonly error: DeliveryError | null;
  readonly retryAtMs: number | null;
  readonly counts: Readonly<SinkCounts>;
}

/** Since the start. */
export interface SinkCounts {
  connects: number;
  failures: number;
  batches: number;
  activities: number;
  /** Before compression, and as sent. */
  bytes: number;
  compressedBytes: number;
  acknowledged: number;
}
