// SPDX-License-Identifier: Apache-2.0

/**
 * The record of a run, as tests look at it: the same shape whether it was read from the agent's journal or, behind a
 * collector, from ClickHouse.
 */

export interface RecordedHead {
  readonly seq: number;
  readonly timeNs: bigint;
  readonly endTimeNs: bigint;
  readonly sessionId: string;
  readonly identityName: string;
  readonly identityState: string;
  readonly pid: number;
  readonly exe: string;
  readonly connectionId: string;
}

export interface RecordedCommand extends RecordedHead {
  readonly protocol: string;
  readonly operation: string;
  readonly target: string;
  readonly resource: string;
  readonly statement: string;
  /** JSON, or ''. */
  readonly parameters: string;
  readonly request: Buffer;
  readonly response: Buffer;
  readonly status: string;
  readonly errorCode: string;
  readonly errorMessage: string;
  readonly rows: number | null;
  readonly truncated: boolean;
  readonly requestPayloadBytes: number;
  readonly responsePayloadBytes: number;
  /** Hexadecimal; '' when the payload was kept whole. */
  readonly requestSha256: string;
  readonly responseSha256: string;
  readonly role: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly durationNs: number;
}

export interface RecordedAccount {
  readonly moved: number;
  readonly decoded: number;
  readonly notUnderstood: number;
  readonly unreadable: number;
  readonly cut: number;
  readonly lost: number;
}

export interface RecordedConnection extends RecordedHead {
  readonly action: string;
  readonly transport: string;
  readonly protocol: string;
  readonly role: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly joinedLate: boolean;
  readonly sent: RecordedAccount;
  readonly received: RecordedAccount;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface RecordedLoss extends RecordedHead {
  readonly place: string;
  readonly reason: string;
  readonly events: number;
  readonly bytes: number;
  readonly direction: string;
}

export interface RecordedSession extends RecordedHead {
  readonly action: string;
  readonly commandLine: string;
  /** As the agent counted them; of an end. */
  readonly commands: number;
}

export interface RecordedProcess extends RecordedHead {
  readonly action: string;
  readonly argv: readonly string[];
  readonly parentProcessId: string;
}

export interface RecordedToken extends RecordedHead {
  readonly action: string;
  readonly fingerprint: string;
  readonly interface: string;
  readonly reason: string;
  /** Name of the policy that decided. */
  readonly policy: string;
  readonly exeSha256: string;
}

export interface RecordedTerminal extends RecordedHead {
  readonly kind: string;
  readonly input: Buffer;
  readonly output: Buffer;
  readonly inputBytes: number;
  readonly hiddenBytes: number;
}

/** Every list in the order in which the agent wrote. */
export interface RunRecord {
  readonly commands: readonly RecordedCommand[];
  readonly connections: readonly RecordedConnection[];
  readonly losses: readonly RecordedLoss[];
  readonly sessions: readonly RecordedSession[];
  readonly processes: readonly RecordedProcess[];
  readonly tokens: readonly RecordedToken[];
  readonly terminals: readonly RecordedTerminal[];
  /** Numbers of all lines. */
  readonly seqs: readonly number[];
}
