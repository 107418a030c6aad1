// SPDX-License-Identifier: Apache-2.0

/**
 * Callers on a unix socket: the process that connected it, as the kernel noted then (SO_PEERCRED). A connection that was
 * passed on, or inherited, still names that one: who sends cannot be told of a unix socket. So what is asked for again is
 * whether that process lives, is of the same workload, and runs the same program.
 *
 * From Linux 6.5 on a descriptor of the process (SO_PEERPIDFD) is held while the connection lasts, so its pid cannot become
 * another's. Before that its start time is compared, from the first look on: who gets the pid before it is taken for it.
 */

import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { CallerKernel, KnownProcess } from '../../model/broker-caller.ts';
import type { Scope } from '../../model/kernel-event.ts';
import type { Caller } from './caller-directory.ts';
import { type Workload, workloadPart } from './kernel-caller-directory.ts';
import { NS_PER_TICK, readProcessStat } from './process-liveness.ts';

/** What the kernel says of the other end of a unix socket, by its descriptor. */
export interface UnixPeers {
  peerOf(fd: number): { readonly pid: number; readonly uid: number; readonly gid: number };
  /** To be closed; undefined before Linux 6.5. Errors: ESRCH, or EINVAL, when the process is gone. */
  peerPidfdOf(fd: number): number | undefined;
  isPidfdAlive(pidfd: number): boolean;
}

export interface UnixCallerDirectory {
  /**
   * The process that connected an accepted socket. Its `uid` and `gid` are the effective ones of then; `execs` are counted
   * by now, `openedExecs` at the first question: to be asked as soon as the connection is accepted.
   *
   * Errors   undefined when it has ended, or is of another pid namespace; throws when it cannot be told at all
   */
  callerOf(socket: Socket): Caller | undefined;
}

export interface UnixCallerOptions {
  readonly peers: UnixPeers;
  readonly kernel: Pick<CallerKernel, 'processOf'>;
  readonly workloadOf: (scope: Scope) => Workload;
}

/** What is known of a connection since the first question. */
interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly startTicks: bigint;
  readonly pidfd: number | undefined;
  readonly openedExecs: number;
}

export function createUnixCallerDirectory({ peers, kernel, workloadOf }: UnixCallerOptions): UnixCallerDirectory {
  const known = new WeakMap<Socket, Peer | undefined>();

  /** The kernel side's own, when it is the same process. */
  function watched({ pid, startTicks }: Pick<Peer, 'pid' | 'startTicks'>): KnownProcess | undefined {
    const found = kernel.processOf(pid);
    return found !== undefined && found.process.startNs / NS_PER_TICK === startTicks ? found : undefined;
  }

  function isAlive({ pid, pidfd, startTicks }: Pick<Peer, 'pid' | 'pidfd' | 'startTicks'>): boolean {
    if (pidfd !== undefined) return peers.isPidfdAlive(pidfd);
    const stat = readProcessStat(pid);
    return stat?.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
  }

  function look(socket: Socket): Peer | undefined {
    const fd = fdOf(socket);
    const { pid, uid, gid } = peers.peerOf(fd);
    // Of another pid namespace that this process does not see.
    if (pid <= 0) return undefined;
    const pidfd = pidfdOf(fd);
    if (pidfd === 'gone') return undefined;
    const startTicks = readProcessStat(pid)?.startTicks;
    // It lives still, so what was read just now was not of a later process with its pid.
    if (startTicks === undefined || !isAlive({ pid, pidfd, startTicks })) {
      if (pidfd !== undefined) closeSync(pidfd);
      return undefined;
    }
    if (pidfd !== undefined) socket.once('close', () => closeSync(pidfd));
    return { pid, uid, gid, startTicks, pidfd, openedExecs: watched({ pid, startTicks })?.execs ?? 0 };
  }

  function pidfdOf(fd: number): number | undefined | 'gone' {
    try {
      return peers.peerPidfdOf(fd);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Of a process that has ended: EINVAL up to Linux 6.15.
      if (code === 'ESRCH' || code === 'EINVAL') return 'gone';
      throw error;
    }
  }

  return {
    callerOf(socket) {
      if (socket.destroyed) return undefined;
      if (!known.has(socket)) known.set(socket, look(socket));
      const peer = known.get(socket);
      if (peer === undefined) return undefined;
      const { pid, uid, gid, startTicks, openedExecs } = peer;
      const now = watched(peer);
      // Only now: what was looked up by its pid is of this process when it has not ended since.
      if (!isAlive(peer)) return undefined;
      return {
        pid,
        startNs: now?.process.startNs ?? startTicks * NS_PER_TICK,
        uid,
        gid,
        ...workloadPart(now?.scope, workloadOf),
        execs: now?.execs ?? 0,
        openedExecs,
      };
    },
  };
}

/** Node shows the descriptor of a socket only here; the tests fail when that changes. */
function fdOf(socket: Socket): number {
  const fd = (socket as unknown as { _handle: { fd: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) throw new Error('this Node does not show the descriptor of a socket');
  return fd;
}
