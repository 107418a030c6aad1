// SPDX-License-Identifier: Apache-2.0

/**
 * The words of the record as the collector uses them: kinds, and the text that stands in a column for each enum value
 * of `proto/sworn/v1/record.proto`. Nothing here knows where an activity comes from or goes to.
 */
import type { sworn } from '../../proto/record.ts';

export type Activity = sworn.v1.Activity;
export type ActivityProperties = sworn.v1.Activity.$Properties;

/** A 64-bit number as protobufjs gives it: a plain number, or two 32-bit halves. */
export type Integer64 = number | { readonly low: number; readonly high: number };

export const KINDS = [
  'command',
  'process',
  'connection',
  'token',
  'loss',
  'session',
  'recorder',
  'alert',
  'finding',
  'erasure',
  'terminal',
] as const satisfies readonly NonNullable<ActivityProperties['detail']>[];

export type Kind = (typeof KINDS)[number];

/** Who delivered an activity; what its own fields leave out. */
export interface Sender {
  readonly agentId: string;
  readonly host: string;
}

/** One activity with what it belongs to, as it passes from the wire to those who look at it. */
export interface SeenActivity {
  readonly kind: Kind;
  readonly activity: Activity;
  readonly sender: Sender;
}

/** Words by enum number; the unspecified value is ''. */
export type Words = readonly string[];

export const IDENTITY_STATES: Words = ['', 'none', 'policy', 'verified', 'unverifiable', 'invalid'];
export const IDENTITY_SOURCES: Words = ['', 'none', 'policy', 'broker', 'wire'];
export const STATUSES: Words = ['', 'ok', 'error', 'unknown'];
export const ROLES: Words = ['', 'client', 'server'];
export const PROCESS_ACTIONS: Words = ['', 'fork', 'exec', 'exit', 'joined'];
export const CONNECTION_ACTIONS: Words = ['', 'opened', 'closed', 'failed'];
export const TOKEN_ACTIONS: Words = ['', 'issued', 'refused', 'observed'];
export const SESSION_ACTIONS: Words = ['', 'started', 'ended'];
export const RECORDER_ACTIONS: Words = ['', 'started', 'stopped', 'heartbeat', 'clock_jumped', 'suspended'];
export const ERASURE_ACTIONS: Words = ['', 'payload_erased', 'rows_dropped', 'completed'];

/** The word for an enum number. A number that this collector does not know yet (a newer agent) keeps its digits. */
export function word(words: Words, value: number | null | undefined): string {
  return words[value ?? 0] ?? `unknown_${value}`;
}

/**
 * The kind of an activity, or undefined when it has no detail that this collector knows.
 *
 * Keeps    a protobufjs message carries one detail at most; the first that is set wins
 */
export function kindOf(activity: ActivityProperties): Kind | undefined {
  for (const kind of KINDS) {
    if (activity[kind] != null) return kind;
  }
  return undefined;
}

/** The exact value of a 64-bit number from the wire. */
export function toBigInt(value: Integer64): bigint {
  if (typeof value === 'number') return BigInt(value);
  return (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
}

/** A 64-bit number as protobufjs takes it: it needs no more of a Long than its halves. */
export function fromBigInt(value: bigint): Activity['seq'] {
  const halves = {
    low: Number(value & 0xffff_ffffn) | 0,
    high: Number((value >> 32n) & 0xffff_ffffn) | 0,
    unsigned: true,
  };
  return halves as Activity['seq'];
}
