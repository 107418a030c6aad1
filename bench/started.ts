// SPDX-License-Identifier: Apache-2.0

/** A program of a bench, in a process of its own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const PRINTED_KEPT_MAX = 4000;

export interface Started {
  readonly pid: number;
  readonly said: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Starts a program and waits for its first line of JSON, or for one that has `ready` in it. */
export async function started(command: readonly string[], ready?: string): Promise<Started> {
  const [file, ...args] = command as [string, ...string[]];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const line = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (text) => {
        printed = `${printed}${text}\n`.slice(-PRINTED_KEPT_MAX);
        if (ready === undefined ? text.startsWith('{') : text.includes(ready)) resolve(text);
      });
    }
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}:\n${printed}`)));
  });
  return {
    pid: child.pid as number,
    said: JSON.parse(line) as Record<string, unknown>,
    stop: async () => {
      if (child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}
