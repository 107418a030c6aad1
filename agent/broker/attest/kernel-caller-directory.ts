// SPDX-License-Identifier: Apache-2.0

/**
 * Callers as the kernel side has them: who sent, noted before the bytes could reach the broker. Only what it could not tell
 * is decided by /proc, and then for the process that opened the connection or for nobody.
 */

import { statSync } from 'node:fs';
import type { BrokerCaller, CallerKernel, SocketUser } from '../../model/broker-caller.ts';
import type { ProcessKey, Scope } from '../../model/kernel-event.ts';
import type { BrokerConnection, Caller, CallerDirectory } from './caller-directory.ts';
import { whileHeldByOpener } from './socket-holder.ts';

/** A scope in the words of the policy. */
export interface Workload {
  readonly selectionName: string;
  readonly sessionId?: string;
}

export interface KernelCallerOptions {
  readonly kernel: CallerKernel;
  readonly workloadOf: (scope: Scope) => Workload;
  /** The inode of the network namespace in which the broker listens; that of this process when left out. */
  readonly networkNamespace?: number;
}

const isSame = (a: ProcessKey, b: ProcessKey): boolean => a.pid === b.pid && a.startNs === b.startNs;

const isSameScope = (a: Scope | undefined, b: Scope | undefined): boolean =>
  a?.selectionId === b?.selectionId && a?.sessionKey === b?.sessionKey;

export function ownNetworkNamespace(): number {
  return statSync('/proc/self/ns/net').ino;
}

/** What the kernel side knows of a process now; what was noted of it before, when it is not watched or has ended. */
function knownNow(kernel: CallerKernel, user: SocketUser): Pick<SocketUser, 'scope' | 'execs'> {
  const now = kernel.processOf(user.process.pid);
  return now !== undefined && isSame(now.process, user.process) ? now : user;
}

/** The part of a caller that says which workload it is of. */
export function workloadPart(
  scope: Scope | undefined,
  workloadOf: (scope: Scope) => Workload,
): Pick<Caller, 'selectionName' | 'sessionKey' | 'sessionId'> {
  return scope === undefined
    ? { selectionName: undefined, sessionKey: 0n }
    : { ...workloadOf(scope), sessionKey: scope.sessionKey };
}

export function createKernelCallerDirectory(options: KernelCallerOptions): CallerDirectory {
  const { kernel, workloadOf, networkNamespace = ownNetworkNamespace() } = options;

  function recordOf(connection: BrokerConnection): BrokerCaller | undefined {
    const found = kernel.callerOf({
      localAddress: connection.remoteAddress,
      localPort: connection.remotePort,
      remoteAddress: connection.localAddress,
      remotePort: connection.localPort,
    });
    // Every namespace has loopback addresses of its own: those of another one are no connection to this broker.
    return found?.networkNamespace === networkNamespace ? found : undefined;
  }

  function openedBy({ opener }: BrokerCaller): NonNullable<Caller['openedBy']> {
    const { selectionName, sessionKey } = workloadPart(opener.scope, workloadOf);
    return { ...opener.process, selectionName, sessionKey };
  }

  function callerBy(record: BrokerCaller, user: SocketUser): Caller {
    const now = knownNow(kernel, user);
    const isOpener = isSame(user.process, record.opener.process);
    return {
      ...user.process,
      uid: user.uid,
      gid: user.gid,
      ...workloadPart(now.scope, workloadOf),
      networkNamespace: record.networkNamespace,
      execs: now.execs,
      openedExecs: isOpener ? record.opener.execs : user.execs,
      ...(!isOpener && { openedBy: openedBy(record) }),
      connectionKey: record.connectionKey,
      senderChanges: record.changes,
    };
  }

  const heldByOpener = whileHeldByOpener({
    callerOf(connection) {
      const record = recordOf(connection);
      return record && callerBy(record, record.opener);
    },
  });

  return {
    callerOf(connection) {
      const record = recordOf(connection);
      if (record === undefined) return undefined;
      const { opener, sender, hasStrangers, isUntold } = record;
      const byOpener = sender === undefined || isSame(sender.process, opener.process);
      // What another session had a part in is nobody's; a stranger that sent last is named, and refused as one.
      if (hasStrangers && (byOpener || isSameScope(sender.scope, opener.scope))) return undefined;
      if (sender !== undefined && !isUntold) return callerBy(record, sender);
      return byOpener ? heldByOpener.callerOf(connection) : undefined;
    },
  };
}
