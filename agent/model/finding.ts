// SPDX-License-Identifier: Apache-2.0

/**
 * Something that a person should know of the record or of a workload, and that is no command and no loss: bytes that went
 * by unread, a probe that no longer works, a way around the recorder that was taken.
 */
export interface FindingReport {
  /** A stable word: 'tls_unreadable', 'ssh_unreadable', 'probe_silent', 'foreign_socket', … */
  readonly kind: string;
  /** What it is about: a path, an address, a process. */
  readonly subject: string;
  /** A sentence for a person, with the next step where there is one. */
  readonly message: string;
  readonly sinceNs: number;
  readonly untilNs: number;
  /** How often. */
  readonly events: number;
  readonly bytes: number;
  /** Details; keys are snake_case. */
  readonly attributes: Readonly<Record<string, string>>;
}
