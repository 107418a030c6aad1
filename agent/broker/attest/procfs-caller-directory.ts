// SPDX-License-Identifier: Apache-2.0

/**
 * Callers by way of /proc: find the socket in the tables of TCP sockets, then who holds it open. DEGRADED: for tests, and
 * for hosts where the kernel side is not loaded. It reads every process's descriptors for each question (milliseconds on a
 * small host, tens of them on a large one), it is a snapshot that a process can slip through between two readings, and it
 * sees only the network namespace and the processes that the agent sees. Of several holders in one session it names the
 * oldest; holders in different sessions are no answer.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { endianness } from 'node:os';
import type { BrokerConnection, Caller, CallerDirectory } from './caller-directory.ts';
import { NS_PER_TICK, type ProcessStat, readProcessStat } from './process-liveness.ts';

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

const LITTLE_ENDIAN = endianness() === 'LE';

/** An IPv4 address as /proc/net/tcp writes it: the word in memory order, in hexadecimal. */
function v4Hex(address: string): string | undefined {
  const bytes = address.split('.').map(Number);
  if (bytes.length !== 4 || bytes.some((byte) => !(byte >= 0 && byte <= 255))) return undefined;
  return Buffer.from(LITTLE_ENDIAN ? bytes.reverse() : bytes)
    .toString('hex')
    .toUpperCase();
}

const portHex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');

/** The v4-mapped form that a socket of family AF_INET6 has in /proc/net/tcp6; Java's sockets are such. */
const mapped = (v4: string): string => `0000000000000000${LITTLE_ENDIAN ? 'FFFF0000' : '0000FFFF'}${v4}`;

/** The inode of the caller's socket, whose own end is the broker's remote end. "0" is a socket that nobody holds any more. */
function inodeOf(connection: BrokerConnection, proc: string): string | undefined {
  const caller = v4Hex(connection.remoteAddress);
  const broker = v4Hex(connection.localAddress);
  if (caller === undefined || broker === undefined) return undefined;
  const ports = [portHex(connection.remotePort), portHex(connection.localPort)];
  for (const [table, from, to] of [
    ['tcp', caller, broker],
    ['tcp6', mapped(caller), mapped(broker)],
  ] as const) {
    const wanted = ` ${from}:${ports[0]} ${to}:${ports[1]} `;
    for (const line of readFileSync(`${proc}/net/${table}`, 'latin1').split('\n')) {
      if (!line.includes(wanted)) continue;
      const inode = line.trim().split(/\s+/)[9];
      if (inode !== undefined && inode !== '0') return inode;
    }
  }
  return undefined;
}

function holdersOf(inode: string, proc: string): number[] {
  const link = `socket:[${inode}]`;
  const holders: number[] = [];
  for (const entry of readdirSync(proc)) {
    if (!/^\d+$/.test(entry)) continue;
    let descriptors: string[];
    try {
      descriptors = readdirSync(`${proc}/${entry}/fd`);
    } catch {
      continue; // It ended, or is not ours to look into.
    }
    for (const descriptor of descriptors) {
      try {
        if (readlinkSync(`${proc}/${entry}/fd/${descriptor}`) !== link) continue;
        holders.push(Number(entry));
        break;
      } catch {
        // Closed since the directory was read.
      }
    }
  }
  return holders;
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
      const inode = inodeOf(connection, proc);
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
