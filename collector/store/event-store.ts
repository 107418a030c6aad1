// SPDX-License-Identifier: Apache-2.0

/**
 * What the collector needs of a database: append a batch, ask a question. `clickhouse/` is the only implementation; the
 * contract suite beside it runs against the embedded engine and, when there is one, against a server.
 */
import type { Readable } from 'node:stream';
import type { Activity, Kind, Sender } from '../model/activity.ts';
import type { PresenceStore } from './presence-store.ts';

/** Rows on their way into the store, in the store's own form. Filled once, appended once or again after a failure. */
export interface RowBatch {
  readonly rows: number;
  readonly bytes: number;
  add(kind: Kind, activity: Activity, sender: Sender): void;
}

/** What a person may take from one query. */
export interface QueryLimits {
  readonly seconds: number;
  readonly rows: number;
  readonly bytes: number;
  readonly memoryBytes: number;
}

export interface Question {
  readonly sql: string;
  readonly format: AnswerFormat;
  readonly parameters?: Readonly<Record<string, string | number | boolean | null>>;
  /** Ends the query when the asker has gone. */
  readonly signal?: AbortSignal;
}

export const ANSWER_FORMATS = {
  JSONCompactEachRowWithNamesAndTypes: 'application/x-ndjson; charset=utf-8',
  JSONCompactEachRow: 'application/x-ndjson; charset=utf-8',
  JSONEachRow: 'application/x-ndjson; charset=utf-8',
  CSVWithNames: 'text/csv; charset=utf-8; header=present',
  CSV: 'text/csv; charset=utf-8; header=absent',
  TabSeparatedWithNames: 'text/tab-separated-values; charset=utf-8',
  TabSeparated: 'text/tab-separated-values; charset=utf-8',
  // Exact for every byte, for programs: row by row, and by blocks of columns.
  RowBinary: 'application/octet-stream',
  Native: 'application/octet-stream',
} as const;

export type AnswerFormat = keyof typeof ANSWER_FORMATS;

/** A question's answer. The stream fails, and does not just end, when the query is stopped half-way. */
export interface Answer {
  readonly stream: Readable;
  readonly contentType: string;
}

export type Row = Readonly<Record<string, unknown>>;

export interface SessionFilter {
  readonly identity?: string;
  readonly workload?: string;
  readonly host?: string;
  /** Sessions that ended at or after, and started before; nanoseconds are not needed here. */
  readonly since?: Date;
  readonly until?: Date;
  readonly limit: number;
}

/** A place in a session's activities, to go on after. */
export interface ActivityCursor {
  readonly time: string;
  readonly agentId: string;
  readonly seq: string;
}

export interface StoredAlert {
  readonly alertId: string;
  readonly row: Row;
}

export interface Delivery {
  readonly timeMs: number;
  readonly alertId: string;
  readonly sink: string;
  readonly attempt: number;
  readonly outcome: 'delivered' | 'failed' | 'given_up';
  readonly detail: string;
}

/** The right to store rows of one agent. The newest of an agent is the only one that holds. */
export interface Claim {
  readonly agentId: string;
  /** Of this claim alone, in the store's own form. Empty where nobody else can store anything. */
  readonly ticket: string;
}

export interface EventStore extends PresenceStore {
  /** Connect and bring the tables to the form that this version needs. */
  open(): Promise<void>;

  newBatch(): RowBatch;

  /**
   * Take an agent over. When it resolves, no rows of it come into the store any more but under this claim: an insert under an
   * older one has landed or never will, also one of another collector. So `highestSeq` is then the last word.
   *
   * Errors   CollectorError `store_unavailable` or `engine_failed`
   */
  claim(agentId: string): Promise<Claim>;

  /** Those of these claims that have been followed by newer ones. */
  lost(claims: readonly Claim[]): Promise<ReadonlySet<Claim>>;

  /**
   * Store all rows of all batches, or none of them, in order. `claims` are those of all agents that they are of.
   *
   * Errors   CollectorError `store_unavailable` or `engine_failed`: the outcome is unknown, call `settle` and look;
   *          `store_rejected`: nothing was stored and the same rows will not be taken;
   *          `claim_lost`: nothing was stored, one of the claims holds no more
   */
  append(batches: readonly RowBatch[], claims?: readonly Claim[]): Promise<void>;

  /** Wait until no append of this collector runs any more, so that `highestSeq` is the last word on what is stored. */
  settle(): Promise<void>;

  /** The highest seq that is stored for an agent; 0 when there is none. */
  highestSeq(agentId: string): Promise<number>;

  /** Run a person's SQL: read only, within the limits. */
  query(question: Question): Promise<Answer>;

  sessions(filter: SessionFilter): Promise<readonly Row[]>;
  session(sessionId: string): Promise<Row | undefined>;
  /** A session's activities by time, then by agent and seq. */
  sessionActivities(sessionId: string, after: ActivityCursor | undefined, limit: number): Promise<readonly Row[]>;

  /** Alerts stored since then that have no end at this sink, oldest first. */
  undeliveredAlerts(sink: string, sinceMs: number, limit: number): Promise<readonly StoredAlert[]>;
  recordDeliveries(deliveries: readonly Delivery[]): Promise<void>;

  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
