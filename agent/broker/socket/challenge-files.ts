// SPDX-License-Identifier: Apache-2.0

/**
 * The files of the Arc flavour: one for a request, for one process, used once, gone after half a minute.
 *
 * Clients take a file from this folder and from no other, so a host with the real agent of Azure Arc cannot have ours: that
 * is looked for before the folder is touched.
 */

import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Caller } from '../attest/caller-directory.ts';
import type { Clock } from '../clock.ts';
import { BrokerError } from '../errors.ts';

/** Written into the clients: @azure/msal-node compares the folder, MSAL for Python puts it there itself. */
export const CHALLENGE_FOLDER = '/var/opt/azcmagent/tokens';
/** Where the real agent is. */
const ARC_AGENT_PROGRAMS = ['/opt/azcmagent/bin/himds', '/var/opt/azcmagent/bin/himds', '/opt/azcmagent/bin/azcmagent'];

/** A client comes back at once; half a minute is for one that is being debugged. */
const KEPT_MS = 30_000;
/** Of all processes; beyond it the oldest goes, and its client is refused. */
const FILES_MAX = 256;
/** For one process, so that one cannot push out the others' files. */
const FILES_OF_ONE_MAX = 8;
const NAME = /^sworn-[0-9a-f]{32}\.key$/;

export interface ChallengeFiles {
  /** The path of a new file, as clients see it. Errors: of the file system. */
  make(caller: Caller): string;
  /**
   * `good` once, for the process that the file was made for. `unknown`: there is none with this secret, or no more; an honest
   * client meets that when its file was used, pushed out or is over.
   */
  redeem(secret: string, caller: Caller): 'good' | 'unknown' | 'of-another';
  readonly size: number;
  /** Removes all files. */
  close(): void;
}

interface Challenge {
  readonly path: string;
  readonly owner: string;
  readonly atMs: number;
}

const nameOf = ({ pid, startNs, sessionKey }: Caller): string => `${pid} ${startNs} ${sessionKey}`;

export interface ChallengeOptions {
  readonly clock: Clock;
  /** For tests: where the agent sees the folder. Clients are told its one name all the same. */
  readonly folder?: string;
  readonly arcAgentPrograms?: readonly string[];
}

/** Errors: BrokerError ARC_TAKEN or ARC_FOLDER. Files that an agent left behind that was killed are removed. */
export function openChallengeFiles({
  clock,
  folder = CHALLENGE_FOLDER,
  arcAgentPrograms = ARC_AGENT_PROGRAMS,
}: ChallengeOptions): ChallengeFiles {
  const program = arcAgentPrograms.find((path) => existsSync(path));
  if (program !== undefined) throw new BrokerError('ARC_TAKEN', `${program} is there.`);
  clearFolder(folder);
  const challenges = new Map<string, Challenge>();

  function remove(secret: string, { path }: Challenge): void {
    challenges.delete(secret);
    rmSync(path, { force: true });
  }

  /** In order of age, so the first one that stays ends it. */
  function removeOld(): void {
    for (const [secret, challenge] of challenges) {
      if (clock.monotonicMs() - challenge.atMs < KEPT_MS && challenges.size < FILES_MAX) return;
      remove(secret, challenge);
    }
  }

  function removeOldestOf(owner: string): void {
    const own = [...challenges].filter(([, challenge]) => challenge.owner === owner);
    const [oldest] = own;
    if (own.length >= FILES_OF_ONE_MAX && oldest !== undefined) remove(...oldest);
  }

  const timer = setInterval(removeOld, KEPT_MS);
  timer.unref();

  return {
    make(caller) {
      removeOld();
      const owner = nameOf(caller);
      removeOldestOf(owner);
      const secret = randomBytes(32).toString('base64url');
      const name = `sworn-${randomBytes(16).toString('hex')}.key`;
      const path = join(folder, name);
      writeSecret(path, secret, caller.uid);
      challenges.set(secret, { path, owner, atMs: clock.monotonicMs() });
      return join(CHALLENGE_FOLDER, name);
    },
    redeem(secret, caller) {
      removeOld();
      const challenge = challenges.get(secret);
      if (challenge === undefined) return 'unknown';
      // Somebody else's attempt does not use it up.
      if (challenge.owner !== nameOf(caller)) return 'of-another';
      remove(secret, challenge);
      return 'good';
    },
    get size() {
      return challenges.size;
    },
    close() {
      clearInterval(timer);
      for (const entry of challenges) remove(...entry);
    },
  };
}

/**
 * For the caller's user and the group of the folder. Without root's rights the file stays the agent's, and the group decides:
 * the folder then has the set-group-id bit and a group that the workloads are in, as the real agent's has.
 */
function writeSecret(path: string, secret: string, uid: number): void {
  writeFileSync(path, secret, { mode: 0o600, flag: 'wx' });
  try {
    if (process.getuid?.() === 0) chownSync(path, uid, -1);
    chmodSync(path, 0o640);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function clearFolder(folder: string): void {
  let names: string[];
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    names = readdirSync(folder);
  } catch (cause) {
    throw new BrokerError('ARC_FOLDER', `${folder} cannot be made or read.`, cause);
  }
  const foreign = names.find((name) => !NAME.test(name));
  if (foreign !== undefined) throw new BrokerError('ARC_TAKEN', `${join(folder, foreign)} is not one of its files.`);
  const probe = join(folder, `sworn-${'0'.repeat(32)}.key`);
  try {
    for (const name of names) rmSync(join(folder, name));
    writeFileSync(probe, '', { mode: 0o600 });
    rmSync(probe);
  } catch (cause) {
    throw new BrokerError('ARC_FOLDER', `${folder} cannot be written.`, cause);
  }
}
