// SPDX-License-Identifier: Apache-2.0

/** `sworn` as people run it: a program with words, an environment, an output that is a pipe or a terminal. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

export const SWORN = join(import.meta.dirname, '../../bin/sworn');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** Over the environment of the test, without anything that points to a collector. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly folder?: string;
}

const ELSEWHERE = [
  'SWORN_URL',
  'SWORN_TOKEN',
  'SWORN_TOKEN_FILE',
  'SWORN_ADMIN_TOKEN',
  'SWORN_ADMIN_TOKEN_FILE',
  'NO_COLOR',
  'TERM',
  'SWORN_DEBUG',
];

export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !ELSEWHERE.includes(entry[0]),
  );
  return { ...Object.fromEntries(kept), ...more };
}

export function runSworn(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return runProgram(SWORN, words, options);
}

export async function runProgram(file: string, words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { child, ended } = startProgram(file, words, options);
  const [out, err, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, signal, out, err };
}

export interface Started {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<[code: number | null, signal: NodeJS.Signals | null]>;
}

/** For what is looked at, or told something, while it runs. Whoever starts it reads its output and ends it. */
export function startSworn(words: readonly string[], options: RunOptions = {}): Started {
  return startProgram(SWORN, words, options);
}

function startProgram(file: string, words: readonly string[], options: RunOptions): Started {
  const child = spawn(file, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: cleanEnvironment(options.environment),
    ...(options.folder !== undefined && { cwd: options.folder }),
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve([code, signal]));
  });
  return { child, ended };
}

/** On a terminal of so many columns, made by script(1). What comes is what the terminal got. */
export function onTerminal(words: readonly string[], columns: number, options: RunOptions = {}): Promise<Ended> {
  const line = [SWORN, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const script = `stty cols ${columns} rows 50; exec ${line}`;
  return runProgram('script', ['-qec', script, '/dev/null'], {
    ...options,
    environment: { TERM: 'xterm-256color', ...options.environment },
  });
}

/** Nothing in it acts on a terminal: no control but the end of a line, nothing that turns or hides text. */
export function assertTame(out: string): void {
  assert.doesNotMatch(out, /(?![\r\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
}
