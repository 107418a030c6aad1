// SPDX-License-Identifier: Apache-2.0

/** A program that waits at a gate until it is watched, so that nothing of it is missed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder, trigger } from './trigger.ts';

export interface HowToStart {
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface GatedProgram {
  /** The program keeps it. */
  readonly pid: number;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Lets the program begin. */
  open(): void;
  /** Kills it and all that it started. */
  stop(): void;
  /** What it has written to its standard output. */
  readonly output: string;
}

export function startGated(program: string, args: readonly (string | Buffer)[], how: HowToStart = {}): GatedProgram {
  const name = randomBytes(6).toString('hex');
  const fifo = join(scratchFolder(), `${name}.gate`);
  const outputPath = join(scratchFolder(), `${name}.out`);
  execFileSync('mkfifo', ['-m', '0666', fifo]);
  // For reading too: opening it does not wait for the other end.
  const gate = openSync(fifo, constants.O_RDWR);
  const output = openSync(outputPath, 'a');
  const child = spawn(trigger('gate'), [fifo, program, ...(args as string[])], {
    stdio: ['ignore', output, 'inherit'],
    // A process group of its own, which `stop` ends as a whole.
    detached: true,
    ...how,
  });
  const ended = new Promise<Ended>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  void ended.then(() => {
    closeSync(gate);
    closeSync(output);
  });
  return {
    pid: child.pid as number,
    child,
    ended,
    open: () => void writeSync(gate, 'x'),
    stop() {
      try {
        process.kill(-(child.pid as number), 'SIGKILL');
      } catch {
        // None of them is left.
      }
    },
    get output() {
      return readFileSync(outputPath, 'utf8');
    },
  };
}
