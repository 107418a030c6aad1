// SPDX-License-Identifier: Apache-2.0

import type { RefusalReason } from './refusal.ts';

/** What the broker did since it started; for metrics and health. */
export interface BrokerCounts {
  /** Requests that reached the broker in any shape. */
  readonly requests: number;
  readonly issued: number;
  /** By reason; reasons that never happened are absent. */
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Tokens seen on the wire, each time. */
  readonly observed: number;
  /** Events that the agent did not take. A token is never issued then. */
  readonly eventsFailed: number;
  /** Tokens that sessions were seen to obtain, forgotten for want of room: their use elsewhere is not noticed. */
  readonly obtainedDropped: number;
  /** Lines of the ledger's file that could not be written. */
  readonly ledgerUnwritten: number;
  /** Token files of workloads that could not be written, each time. */
  readonly workloadFilesUnwritten: number;
}

export interface MutableCounts {
  requests: number;
  issued: number;
  refused: Partial<Record<RefusalReason, number>>;
  observed: number;
  eventsFailed: number;
  obtainedDropped: number;
  ledgerUnwritten: number;
  workloadFilesUnwritten: number;
}

export function createCounts(): MutableCounts {
  const none = { requests: 0, issued: 0, observed: 0, eventsFailed: 0, obtainedDropped: 0 };
  return { ...none, refused: {}, ledgerUnwritten: 0, workloadFilesUnwritten: 0 };
}
