// SPDX-License-Identifier: Apache-2.0

/**
 * Whether an activity can stand in the table. An agent is known by its certificate, and still may be broken or taken
 * over: what it sends is held to the ranges of the columns before it is given to ClickHouse.
 */
import { type Activity, type Integer64, type Kind, kindOf } from '../model/activity.ts';

const SALT_BYTES = 16;
const DIGEST_BYTES = 32;
const PORT_MAX = 65_535;

/** A DateTime64(9) is a signed number of nanoseconds: from 2^63 on it would be a time before 1970. */
function isTime(value: Integer64): boolean {
  return typeof value === 'number' ? value >= 0 : value.high >= 0;
}

function isSize(bytes: Uint8Array | null | undefined, size: number): boolean {
  return bytes == null || bytes.length === 0 || bytes.length === size;
}

function seqOf(value: Integer64): number {
  return typeof value === 'number' ? value : value.high * 0x1_0000_0000 + (value.low >>> 0);
}

export type CheckedActivity = { readonly kind: Kind } | { readonly fault: string };

/**
 * Errors   a fault is a value: the sentence goes back to the agent, and holds nothing of the activity's contents
 */
export function checkActivity(activity: Activity, expectedSeq: number): CheckedActivity {
  if (seqOf(activity.seq) !== expectedSeq)
    return { fault: `an activity has seq ${seqOf(activity.seq)} where ${expectedSeq} belongs` };
  const kind = kindOf(activity);
  if (kind === undefined) return { fault: `activity ${expectedSeq} has no detail that this collector knows` };
  if (kind === 'alert') return { fault: `activity ${expectedSeq} is an alert; those are made by collectors` };
  if (kind === 'erasure') return { fault: `activity ${expectedSeq} is an erasure; those are written by collectors` };
  if (!isTime(activity.timeNs) || !isTime(activity.endTimeNs))
    return { fault: `activity ${expectedSeq} has a time beyond 2262` };
  if (!isSize(activity.salt, SALT_BYTES))
    return { fault: `activity ${expectedSeq} has a salt of ${activity.salt.length} bytes` };
  if (!isSize(activity.leaf, DIGEST_BYTES))
    return { fault: `activity ${expectedSeq} has a leaf of ${activity.leaf.length} bytes` };
  const { command, connection, token } = activity;
  if (
    command != null &&
    !(isSize(command.requestSha256, DIGEST_BYTES) && isSize(command.responseSha256, DIGEST_BYTES))
  ) {
    return { fault: `activity ${expectedSeq} has a digest that is not of ${DIGEST_BYTES} bytes` };
  }
  if (connection != null && ((connection.localPort ?? 0) > PORT_MAX || (connection.remotePort ?? 0) > PORT_MAX)) {
    return { fault: `activity ${expectedSeq} has a port above ${PORT_MAX}` };
  }
  if (token != null && !(isTime(token.issuedAtNs ?? 0) && isTime(token.expiresAtNs ?? 0))) {
    return { fault: `activity ${expectedSeq} has a time beyond 2262` };
  }
  return { kind };
}
