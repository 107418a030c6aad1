// SPDX-License-Identifier: Apache-2.0

/** Real programs as workloads, known to the broker through /proc. They reach nothing but loopback. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { CallerDirectory } from '../attest/caller-directory.ts';
import { readProcessStat } from '../attest/process-liveness.ts';
import { createProcfsCallerDirectory, type ScopeOf } from '../attest/procfs-caller-directory.ts';
import type { SessionName } from '../attest/session-secret.ts';

export interface FinishedProgram {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly finished: Promise<FinishedProgram>;
  /** The next line of its output. */
  line(): Promise<string>;
}

export interface WorkloadProcesses {
  readonly callers: CallerDirectory;
  /** Start a program in `session`, or outside any workload. Its children belong to its session too. */
  start(
    session: SessionName | undefined,
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): RunningProgram;
  endAll(): void;
}

const ANCESTORS_MAX = 32;

/** A port that nobody listens on: what goes past NO_PROXY ends there, and not on a network. */
const DEAD_PROXY = 'http://127.0.0.1:9';

/** For a program that must not reach anything but loopback. */
export const LOOPBACK_ONLY: Readonly<Record<string, string>> = {
  PATH: process.env['PATH'] ?? '',
  HTTP_PROXY: DEAD_PROXY,
  HTTPS_PROXY: DEAD_PROXY,
  http_proxy: DEAD_PROXY,
  https_proxy: DEAD_PROXY,
};

export function createWorkloadProcesses(): WorkloadProcesses {
  const sessions = new Map<number, SessionName>();
  const children = new Set<ChildProcess>();

  const scopeOf: ScopeOf = ({ pid }) => {
    let at = pid;
    for (let depth = 0; depth < ANCESTORS_MAX && at > 1; depth += 1) {
      const session = sessions.get(at);
      if (session !== undefined) return session;
      at = readProcessStat(at)?.parentPid ?? 0;
    }
    return undefined;
  };

  return {
    callers: createProcfsCallerDirectory({ scopeOf }),
    start(session, [program = '', ...arguments_], environment) {
      const child = spawn(program, arguments_, {
        cwd: import.meta.dirname,
        env: { ...LOOPBACK_ONLY, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const pid = child.pid ?? 0;
      // Before it has had time to open a socket: spawn returns as soon as the process is there.
      if (session !== undefined) sessions.set(pid, session);
      children.add(child);
      let [stdout, stderr, readLines] = ['', '', 0];
      const wakers = new Set<() => void>();
      const wake = (): void => {
        for (const waker of wakers) waker();
      };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        wake();
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const finished = new Promise<FinishedProgram>((resolve) => {
        child.once('close', (exitCode) => {
          children.delete(child);
          resolve({ exitCode, stdout, stderr });
          wake();
        });
      });
      return {
        child,
        pid,
        finished,
        line: () =>
          new Promise((resolve, reject) => {
            const look = (): void => {
              const lines = stdout.split('\n');
              const next = lines[readLines];
              if (next === undefined || readLines >= lines.length - 1) {
                if (child.exitCode !== null) reject(new Error(`it ended with ${child.exitCode}: ${stderr}`));
                return;
              }
              readLines += 1;
              wakers.delete(look);
              resolve(next);
            };
            wakers.add(look);
            look();
          }),
      };
    },
    endAll() {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}
