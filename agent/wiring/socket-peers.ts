// SPDX-License-Identifier: Apache-2.0

/** Who is at the other end of the broker's unix socket: the process that connected, as the kernel noted it. */
import type { Socket } from 'node:net';
import type { Caller } from '../broker/attest/caller-directory.ts';
import type { UnixCallerDirectory } from '../broker/socket/unix-endpoint.ts';
import type { Recorder } from '../recorder/recorder.ts';
import { isStartedAt, processKeyOf } from '../source/ebpf/proc.ts';

export interface SocketPeersOptions {
  readonly peerOf: (fd: number) => { readonly pid: number; readonly uid: number };
  readonly recorder: Recorder;
}

export function socketPeers({ peerOf, recorder }: SocketPeersOptions): UnixCallerDirectory {
  return {
    callerOf(socket): Caller | undefined {
      const fd = fdOf(socket);
      if (fd === undefined) return undefined;
      const { pid, uid } = peerOf(fd);
      const key = processKeyOf(pid);
      if (key === undefined) return undefined;
      const tracked = recorder.lineage.processAt(pid, Number.MAX_SAFE_INTEGER);
      if (tracked === undefined || tracked.exitedNs !== undefined || !isStartedAt(tracked.key)) {
        return { ...key, uid, selectionName: undefined, sessionKey: 0n };
      }
      const { session } = tracked;
      return {
        ...tracked.key,
        uid,
        selectionName: session.workload,
        sessionKey: session.scope.sessionKey,
        sessionId: session.id,
      };
    },
  };
}

/** undefined when the connection is closed. Node shows the descriptor of a socket only here. */
function fdOf(socket: Socket): number | undefined {
  const fd = (socket as unknown as { _handle: { fd: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
