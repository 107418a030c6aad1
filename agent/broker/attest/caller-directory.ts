// SPDX-License-Identifier: Apache-2.0

/**
 * Who is at the other end of a connection to the broker. The answer comes from the kernel, never from the caller.
 *
 * Attestation names a process, not the code in its memory: what a debugger or a preloaded library makes of a process acts
 * for that process's identity.
 */

import type { ConnectionKey, ProcessKey } from '../../model/kernel-event.ts';

/** A connection as the broker's accepted socket has it: `remote` is the caller's end. Addresses in text, v4 without `::ffff:`. */
export interface BrokerConnection {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Who sent a request. */
export interface Caller extends ProcessKey {
  readonly uid: number;
  /** The name of the selection that made its process tree a workload; undefined for a process outside any workload. */
  readonly selectionName: string | undefined;
  /** Equal for all of one run of a workload; 0 outside any workload. */
  readonly sessionKey: bigint;
  /** The session as the record names it, where the directory knows it. */
  readonly sessionId?: string;
  readonly gid?: number;
  /** Inode number of the network namespace of its socket. */
  readonly networkNamespace?: number;
  /** How often the process has executed a program by now: another count means that another program asks. */
  readonly execs?: number;
  /** The same when it opened the connection; on one that another process opened, when it sent. */
  readonly openedExecs?: number;
  /** Who opened the connection, in its workload as of then; only when that was another process. */
  readonly openedBy?: ProcessKey & { readonly selectionName: string | undefined; readonly sessionKey: bigint };
  /** The connection for its whole life: its addresses may be another one's later. */
  readonly connectionKey?: ConnectionKey;
  /** How often within this request another process of the session, or another program, went on with it. */
  readonly senderChanges?: number;
}

export interface CallerDirectory {
  /**
   * The process that sent the newest bytes on `connection`. It is asked again for every request of a connection and once
   * more before a token leaves, since a socket can be inherited or passed on: it must not remember its answers.
   *
   * Errors   undefined when nobody can be named, or not exactly one; throws when it cannot tell at all (the broker then
   *          serves nobody)
   */
  callerOf(connection: BrokerConnection): Caller | undefined;
}

/** Does the process still run, and is it still the same one. */
export type IsAlive = (process: ProcessKey) => boolean;

export function isSameCaller(a: Caller, b: Caller): boolean {
  return (
    a.pid === b.pid &&
    a.startNs === b.startNs &&
    a.execs === b.execs &&
    a.connectionKey === b.connectionKey &&
    a.sessionKey === b.sessionKey &&
    a.selectionName === b.selectionName
  );
}
