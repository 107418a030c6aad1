// SPDX-License-Identifier: Apache-2.0

/** What the store knows of which agents are there. */

export interface LastHeard {
  readonly agentId: string;
  readonly host: string;
  /** Of the last that its recorder said of itself: seq, what it was, and when it was stored (Unix time, milliseconds). */
  readonly lastSeq: number;
  readonly action: string;
  readonly heardMs: number;
  /** The last that a collector said of its presence, and when; '' and 0 when none did. */
  readonly toldRule: string;
  readonly toldMs: number;
}

export interface PresenceStore {
  /**
   * Agents whose recorder was heard of since then, the latest first.
   *
   * Errors   CollectorError `store_unavailable` or `engine_failed`
   */
  lastHeard(collectorId: string, sinceMs: number, limit: number): Promise<readonly LastHeard[]>;
}
