// SPDX-License-Identifier: Apache-2.0

/**
 * A program started as a workload: what it is given, what it printed, how it ended. Its standard streams are files: Node
 * makes pipes to children out of unix sockets, and those would be connections of the record.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface WorkloadOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Its standard input. */
  readonly input?: string;
  /** It is meant to end with an exit code other than 0. */
  readonly fails?: boolean;
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** The first line of its standard output. Errors: an Error when it ends without one. */
  firstLine(): Promise<string>;
  stop(): Promise<void>;
}

const END_MS_MAX = 15_000;

/** Of our own environment only what programs need: no proxies, no PG… settings, nothing that changes what they send. */
function cleanEnvironment(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME = '/', TMPDIR } = process.env;
  return { PATH, HOME, LANG: 'C.UTF-8', ...(TMPDIR !== undefined && { TMPDIR }) };
}

/** `place`: where its files go, a path without an ending. */
export function startWorkload(command: readonly string[], place: string, options: WorkloadOptions): RunningProgram {
  const [file, ...args] = command as [string, ...string[]];
  writeFileSync(`${place}.in`, options.input ?? '');
  const streams = [openSync(`${place}.in`, 'r'), openSync(`${place}.out`, 'w'), openSync(`${place}.err`, 'w')];
  const child = spawn(file, args, { env: { ...cleanEnvironment(), ...options.environment }, stdio: streams });
  for (const fd of streams) closeSync(fd);
  const stdout = (): string => readFileSync(`${place}.out`, 'utf8');
  const stderr = (): string => readFileSync(`${place}.err`, 'utf8');
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve({ code: code ?? 128, stdout: stdout(), stderr: stderr() }));
  });
  return {
    child,
    finished,
    async firstLine() {
      for (;;) {
        const hasEnded = child.exitCode !== null || child.signalCode !== null;
        const [line, rest] = stdout().split('\n', 2);
        if (rest !== undefined) return line as string;
        if (hasEnded) throw new Error(`${command.join(' ')} ended without a word: ${stderr().slice(-2000)}`);
        await sleep(20);
      }
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
      await finished;
      clearTimeout(timer);
    },
  };
}
