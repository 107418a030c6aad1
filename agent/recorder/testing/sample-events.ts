// SPDX-License-Identifier: Apache-2.0

/** Events of processes, for tests that care for something else. */
import type { KernelEvent, Scope } from '../../model/kernel-event.ts';

export const SCOPE: Scope = { selectionId: 1, sessionKey: 7n };

export function executed(pid: number, atNs: number, scope = SCOPE, argvBytes = 3): KernelEvent {
  return {
    type: 'process-executed',
    atNs,
    process: { pid, startNs: 5n },
    parent: { pid: 1, startNs: 0n },
    scope,
    program: {
      exe: `/bin/${pid}`,
      cwd: '/',
      cgroup: '/c',
      argv: ['x', 'y'],
      argvBytes,
      argvComplete: argvBytes <= 4,
      uid: 9,
      gid: 9,
      loginUid: 9,
    },
  };
}

export function exited(pid: number, atNs: number, scope = SCOPE, statusKnown = true): KernelEvent {
  const process = { pid, startNs: 5n };
  return { type: 'process-exited', atNs, process, scope, exitCode: 0, signal: 0, coreDumped: false, statusKnown };
}
