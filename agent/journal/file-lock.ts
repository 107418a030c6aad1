// SPDX-License-Identifier: Apache-2.0

/**
 * One writer for a journal: flock(2) on a file beside it. The kernel lets go of it when the process ends, however it
 * ends, so there is no stale lock to reason about after kill -9 or a reused pid.
 *
 * Node has no flock. The lock belongs to the open file, which a child process shares: flock(1) of util-linux locks the
 * descriptor that it is given and ends, and the lock stays with ours. Three milliseconds, once.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { JournalError, journalErrorOf } from './journal-error.ts';

/** flock(1)'s answer when somebody else holds the lock, and nothing else's. */
const HELD = 75;

/** Takes the lock, or throws journal_locked naming the holder. The result lets go of it. */
export function lockFile(path: string): () => void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a+', 0o600);
  } catch (cause) {
    throw journalErrorOf(cause, `Lock file: ${path}.`);
  }
  const run = spawnSync('flock', ['-x', '-n', '-E', `${HELD}`, '3'], {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
  });
  if (run.status !== 0) {
    const holder = readFileSync(descriptor, 'utf8').trim();
    closeSync(descriptor);
    if (run.status === HELD) throw new JournalError('journal_locked', `Process ${holder || 'unknown'} holds ${path}.`);
    const cause = run.error ?? new Error(`flock(1): ${run.stderr.toString().trim() || `exit ${run.status}`}`);
    throw journalErrorOf(cause, `Cannot lock ${path}.`);
  }
  // Only for people and for the message above; the lock itself is the kernel's.
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return () => closeSync(descriptor);
}
