// SPDX-License-Identifier: Apache-2.0

/**
 * One line of the record, as `activity/` builds it and `journal/` takes it. The journal adds the position (seq), the salt
 * and the leaf, so a value of these types is not yet part of the record.
 *
 * The shape is that of `sworn.v1.Activity` (proto/sworn/v1/record.proto, where each field is explained), so that it is
 * encoded without being converted. Every field is asked for, even where the default would do: a builder then says of each
 * what it is, and objects of one kind have one shape, which is what makes sealing and encoding them fast.
 *
 * Numbers here are whole and not negative; sizes and counts stay below 2^53. Texts may hold lone surrogates (a text cut in
 * the middle of a pair): the journal seals and writes U+FFFD for each.
 */

/**
 * A 64-bit number as its halves: how times stand in a record. Nanoseconds since 1970 are beyond 2^53 and so not exact as
 * a number, and the encoder takes no bigint; two halves are what it writes anyway. Made once where the time is known.
 */
export interface Uint64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);
// Which half comes first in memory, by trial: both kinds of machine give the same record.
wide[0] = 1n;
const LOW = halves[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** The low 64 bits of `value`. Through a typed array: ten times as fast as shifting the bigint. */
export function uint64FromBigint(value: bigint): Uint64 {
  wide[0] = value;
  return { low: halves[LOW]! | 0, high: halves[HIGH]! | 0, unsigned: true };
}

export function bigintFromUint64(value: Uint64): bigint {
  halves[LOW] = value.low;
  halves[HIGH] = value.high;
  return wide[0]!;
}

/** How sure the identity is. */
export const IdentityState = { NONE: 1, POLICY: 2, VERIFIED: 3, UNVERIFIABLE: 4, INVALID: 5 } as const;
export type IdentityState = (typeof IdentityState)[keyof typeof IdentityState];

/** How the identity is known. */
export const IdentitySource = { NONE: 1, POLICY: 2, BROKER: 3, WIRE: 4 } as const;
export type IdentitySource = (typeof IdentitySource)[keyof typeof IdentitySource];

export const Status = { OK: 1, ERROR: 2, UNKNOWN: 3 } as const;
export type Status = (typeof Status)[keyof typeof Status];

/** Which end of the connection the workload is; UNSPECIFIED when that is not known. */
export const Role = { UNSPECIFIED: 0, CLIENT: 1, SERVER: 2 } as const;
export type Role = (typeof Role)[keyof typeof Role];

export const ProcessAction = { FORK: 1, EXEC: 2, EXIT: 3, JOINED: 4 } as const;
export type ProcessAction = (typeof ProcessAction)[keyof typeof ProcessAction];

export const ConnectionAction = { OPENED: 1, CLOSED: 2, FAILED: 3 } as const;
export type ConnectionAction = (typeof ConnectionAction)[keyof typeof ConnectionAction];

export const TokenAction = { ISSUED: 1, REFUSED: 2, OBSERVED: 3 } as const;
export type TokenAction = (typeof TokenAction)[keyof typeof TokenAction];

export const SessionAction = { STARTED: 1, ENDED: 2 } as const;
export type SessionAction = (typeof SessionAction)[keyof typeof SessionAction];

export const RecorderAction = { STARTED: 1, STOPPED: 2, HEARTBEAT: 3, CLOCK_JUMPED: 4, SUSPENDED: 5 } as const;
export type RecorderAction = (typeof RecorderAction)[keyof typeof RecorderAction];

/** What every line says: when, who, which process, which connection. */
export interface ActivityHead {
  readonly timeNs: Uint64;
  /** Equal to `timeNs` for what has no length. */
  readonly endTimeNs: Uint64;
  /** '' only for what the recorder says about itself. */
  readonly sessionId: string;
  readonly workload: string;
  readonly identityId: string;
  readonly identityName: string;
  readonly identityState: IdentityState;
  readonly identitySource: IdentitySource;
  readonly tokenId: string;
  readonly identityTenant: string;
  readonly identityBlueprint: string;
  readonly onBehalfOfId: string;
  readonly onBehalfOfName: string;
  readonly tokenAudience: string;
  readonly tokenScopes: string;
  readonly tokenFingerprint: string;
  readonly identityKind: string;
  readonly pid: number;
  readonly processId: string;
  readonly exe: string;
  readonly connectionId: string;
}

export interface Command {
  readonly protocol: string;
  readonly operation: string;
  readonly target: string;
  readonly resource: string;
  readonly statement: string;
  readonly statementShape: string;
  readonly parameters: string;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly status: Status;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** null where the protocol does not count rows. */
  readonly rows: number | null;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly truncated: boolean;
  readonly requestPayloadBytes: number;
  readonly responsePayloadBytes: number;
  readonly requestSha256: Uint8Array;
  readonly responseSha256: Uint8Array;
  readonly tls: string;
  readonly role: Role;
  readonly attributes: Readonly<Record<string, string>>;
  readonly durationNs: number;
}

export interface Process {
  readonly action: ProcessAction;
  readonly parentPid: number;
  readonly parentProcessId: string;
  readonly argv: readonly string[];
  readonly argvBytes: number;
  readonly truncated: boolean;
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly loginUid: number;
  readonly cgroup: string;
  readonly containerId: string;
  readonly exitCode: number;
  readonly signal: number;
  readonly coreDumped: boolean;
}

/** moved = decoded + notUnderstood + unreadable + cut + lost. */
export interface ByteAccount {
  readonly moved: number;
  readonly decoded: number;
  readonly notUnderstood: number;
  readonly unreadable: number;
  readonly cut: number;
  readonly lost: number;
}

export interface Connection {
  readonly action: ConnectionAction;
  readonly transport: string;
  readonly protocol: string;
  readonly role: Role;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly joinedLate: boolean;
  readonly error: string;
  readonly sent: ByteAccount;
  readonly received: ByteAccount;
  readonly tls: string;
  readonly serverName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Token {
  readonly action: TokenAction;
  readonly fingerprint: string;
  readonly audience: string;
  readonly tenantId: string;
  readonly claims: string;
  readonly issuedAtNs: Uint64;
  readonly expiresAtNs: Uint64;
  readonly reason: string;
  readonly interface: string;
  readonly suspicious: boolean;
  readonly holderSessionId: string;
  readonly holderProcessId: string;
  /** How many equal refusals this one stands for; 0 for one. */
  readonly count: number;
  readonly kind: string;
  readonly policy: string;
  readonly exeSha256: string;
}

export interface Loss {
  readonly where: string;
  readonly reason: string;
  readonly events: number;
  readonly bytes: number;
  readonly direction: '' | 'sent' | 'received';
  readonly message: string;
}

export interface Session {
  readonly action: SessionAction;
  readonly selectedBy: string;
  readonly commandLine: string;
  readonly processes: number;
  readonly commands: number;
  readonly losses: number;
  readonly exitCode: number;
  readonly signal: number;
}

export interface Recorder {
  readonly action: RecorderAction;
  readonly version: string;
  readonly kernel: string;
  readonly bootId: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Alert {
  readonly alertId: string;
  readonly ruleId: string;
  readonly ruleTitle: string;
  readonly level: string;
  readonly matchedAgentId: string;
  readonly matchedSeq: number;
  readonly summary: string;
}

export interface Finding {
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  readonly events: number;
  readonly bytes: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Terminal {
  readonly terminalId: string;
  readonly kind: string;
  readonly name: string;
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  readonly timing: string;
  readonly columns: number;
  readonly rows: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly cutBytes: number;
  readonly hiddenBytes: number;
}

interface Details {
  readonly command: Command;
  readonly process: Process;
  readonly connection: Connection;
  readonly token: Token;
  readonly loss: Loss;
  readonly session: Session;
  readonly recorder: Recorder;
  readonly alert: Alert;
  readonly finding: Finding;
  readonly terminal: Terminal;
}

export type DetailKind = keyof Details;

/** One kind of line: `detail` names it, and the field of that name holds it. */
export type ActivityOf<K extends DetailKind> = ActivityHead & { readonly detail: K } & Pick<Details, K>;

export type Activity = { readonly [K in DetailKind]: ActivityOf<K> }[DetailKind];

/** The head of a line that the recorder says about itself: no session, no identity, no process. */
export function recorderHead(sinceNs: bigint, untilNs: bigint): ActivityHead {
  return {
    timeNs: uint64FromBigint(sinceNs),
    endTimeNs: uint64FromBigint(untilNs),
    sessionId: '',
    workload: '',
    identityId: '',
    identityName: '',
    identityState: IdentityState.NONE,
    identitySource: IdentitySource.NONE,
    tokenId: '',
    identityTenant: '',
    identityBlueprint: '',
    onBehalfOfId: '',
    onBehalfOfName: '',
    tokenAudience: '',
    tokenScopes: '',
    tokenFingerprint: '',
    identityKind: '',
    pid: 0,
    processId: '',
    exe: '',
    connectionId: '',
  };
}
