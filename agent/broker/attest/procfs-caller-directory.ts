// SPDX-License-Identifier: Apache-2.0

/**
 * Callers by way of /proc: find the socket in the tables of TCP sockets, then who holds it open. DEGRADED: for tests, and
 * for hosts where the kernel side is not loaded. It reads every process's descriptors for each question (milliseconds on a
 * small host, tens of them on a large one), it is a snapshot that a process can slip through between two readings, and it
 * sees only the network namespace and the processes that the agent sees. Of several holders in one session it names the
 * oldest; holders in different sessions are no answer.
 */

import { readdirSync, readFileSync } from 'node:fs';
import type { Caller, CallerDirectory } from './caller-directory.ts';
import { NS_PER_TICK, type ProcessStat, readProcessStat } from './process-liveness.ts';
import { callerSocketInode, holdsSocket } from './socket-holder.ts';

/** Which workload a process belongs to, if to any; the agent's lineage knows. */
export type ScopeOf = (process: {
  readonly pid: number;
  readonly startNs: bigint;
}) => { readonly selectionName: string; readonly sessionKey: bigint; readonly sessionId?: string } | undefined;

export interface ProcfsOptions {
  readonly scopeOf: ScopeOf;
  /** Another place for /proc, in tests. */
  readonly proc?: string;
}

function holdersOf(inode: string, proc: string): number[] {
  return readdirSync(proc)
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => holdsSocket(pid, inode, proc));
}

function uidOf(pid: number, proc: string): number | undefined {
  try {
    const text = /^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`${proc}/${pid}/status`, 'latin1'))?.[1];
    return text === undefined ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

export function createProcfsCallerDirectory({ scopeOf, proc = '/proc' }: ProcfsOptions): CallerDirectory {
  function describe(pid: number, stat: ProcessStat): Caller | undefined {
    const startNs = stat.startTicks * NS_PER_TICK;
    const uid = uidOf(pid, proc);
    if (uid === undefined) return undefined;
    const scope = scopeOf({ pid, startNs });
    return {
      pid,
      startNs,
      uid,
      selectionName: scope?.selectionName,
      sessionKey: scope?.sessionKey ?? 0n,
      ...(scope?.sessionId === undefined ? {} : { sessionId: scope.sessionId }),
    };
  }

  return {
    callerOf(connection) {
      const inode = callerSocketInode(connection, proc);
      if (inode === undefined) return undefined;
      const callers: Caller[] = [];
      for (const pid of holdersOf(inode, proc)) {
        const stat = readProcessStat(pid, proc);
        const caller = stat && describe(pid, stat);
        // A holder that cannot be described may be anybody.
        if (caller === undefined) return undefined;
        callers.push(caller);
      }
      const [first, ...others] = callers.sort((a, b) =>
        a.startNs < b.startNs ? -1 : a.startNs > b.startNs ? 1 : a.pid - b.pid,
      );
      if (first === undefined) return undefined;
      const together = others.every(
        (other) => other.sessionKey === first.sessionKey && other.selectionName === first.selectionName,
      );
      return together ? first : undefined;
    },
  };
}
