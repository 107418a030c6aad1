// SPDX-License-Identifier: Apache-2.0

/**
 * One process for a folder: two witnesses with one key and one state could each be right about what they last signed, and
 * not about the other.
 *
 * Node has no flock. The lock belongs to the open file, which a child process shares: flock(1) locks the descriptor that it
 * is given, and the lock stays when it ends. The kernel lets go of it when this process ends, however it ends.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { WitnessError } from './witness-error.ts';

const HELD = 75;

/** The result lets go of it. Errors: WitnessError `state_locked` when another process has the folder, `state_unusable` when it cannot be locked. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new WitnessError('state_unusable', `${path} cannot be opened: ${(cause as Error).message}`, { cause });
  }
  const { status, error, stderr } = spawnSync('flock', ['-x', '-n', '-E', `${HELD}`, '3'], {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
  });
  if (status === 0) return () => closeSync(descriptor);
  closeSync(descriptor);
  if (status === HELD) throw new WitnessError('state_locked', `another witness runs with ${folder}`);
  const why = error?.message ?? stderr.toString().trim();
  throw new WitnessError('state_unusable', `${path} cannot be locked: ${why}`);
}
