// SPDX-License-Identifier: Apache-2.0

/** A program of the demo: started, listened to, and ended by the pid that was started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, createWriteStream, openSync } from 'node:fs';
import { createInterface } from 'node:readline';

const END_MS_MAX = 15_000;

export interface Program {
  readonly child: ChildProcess;
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
  /** The first line of its output that fits. Errors: an Error with the last lines when it ends before. */
  line(fits: (line: string) => boolean, timeoutMs: number): Promise<string>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Everything that it prints goes here too. */
  readonly logFile: string;
  /** It prints into that file alone: Node's pipes are unix sockets, and those of a workload would be in its record. */
  readonly quiet?: boolean;
}

export function startProgram(options: ProgramOptions): Program {
  const { name, command, environment = {}, logFile, quiet = false } = options;
  const [file, ...args] = command as [string, ...string[]];
  const fd = quiet ? openSync(logFile, 'a') : undefined;
  const child = spawn(file, args, {
    stdio: ['ignore', fd ?? 'pipe', fd ?? 'pipe'],
    env: { ...process.env, ...environment },
    ...(options.folder !== undefined && { cwd: options.folder }),
  });
  if (fd !== undefined) closeSync(fd);
  const log = createWriteStream(logFile, { flags: 'a' });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      log.end();
      resolve(code ?? 1);
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > 1000) lines.shift();
      log.write(`${line}\n`);
      for (const look of waiting) look();
    });
  }
  return {
    child,
    ended,
    line: (fits, timeoutMs) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          waiting.delete(look);
          reject(new Error(`${name} ${why}:\n${lines.slice(-10).join('\n')}`));
        };
        const timer = setTimeout(() => fail(`said nothing of the kind within ${timeoutMs / 1000} s`), timeoutMs);
        const look = (): void => {
          const found = lines.find(fits);
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        ended.then(
          (code) => {
            clearTimeout(timer);
            if (waiting.has(look)) fail(`ended with exit code ${code}`);
          },
          (error: unknown) => fail(String(error)),
        );
      }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
      await ended;
      clearTimeout(timer);
    },
  };
}
