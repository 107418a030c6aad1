// SPDX-License-Identifier: Apache-2.0

/**
 * Files with which workloads become their identity by themselves (AZURE_FEDERATED_TOKEN_FILE): written, replaced well before
 * they end, and taken away. Whoever reads one is the identity for as long as it is valid: no request is attested.
 *
 * A file is put in place whole, for one user alone, and only when the record has it.
 */

import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { BrokerError } from '../errors.ts';
import type { BrokerLog } from '../log.ts';
import type { FederationGrant } from '../policy/federation-grants.ts';
import type { Issuer, SignedAssertion } from './issuer.ts';

/**
 * A client keeps what it read for up to five minutes, and what it read may be three minutes old: of the ten that a file is
 * valid for, two are left for clocks that differ.
 */
const RENEWED_AFTER_MS = 180_000;
const LOOKED_AT_MS = 5_000;
/** After a failure: five times before a file that is due is over. */
const TRIED_AGAIN_AFTER_MS = 30_000;

export interface WorkloadFiles {
  pathOf(workload: string): string;
  /**
   * From now on there are files for these and no others. All are written anew.
   *
   * Errors   BrokerError WORKLOAD_FILE of the first that cannot be written; the others are, and it is tried again
   */
  set(grants: readonly FederationGrant[]): Promise<void>;
  /** What the timer does. Never throws. */
  look(): Promise<void>;
  /** Takes all away. */
  close(): Promise<void>;
}

export interface WorkloadFilesOptions {
  readonly folder: string;
  readonly issuer: Issuer;
  readonly clock: Clock;
  readonly log: BrokerLog;
  readonly counts: { workloadFilesUnwritten: number };
  /** Errors: throws when the record did not take it; the file is not put in place then. */
  readonly onSigned: (grant: FederationGrant, signed: SignedAssertion) => void;
}

interface Kept {
  readonly grant: FederationGrant;
  /** 0: it is not there. */
  signedAtMs: number;
  expiresAtMs: number;
  /** Not before then; of the monotonic clock. */
  triedAgainAtMs: number;
}

/** Errors: BrokerError WORKLOAD_FILE for a folder that cannot be made. What an agent left behind that was killed is removed. */
export function openWorkloadFiles(options: WorkloadFilesOptions): WorkloadFiles {
  const { folder, issuer, clock, log, counts, onSigned } = options;
  const files = new Map<string, Kept>();
  /** One after the other: a reload must not be overtaken by what the timer began. */
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  clearFolder(folder);

  const pathOf = (workload: string): string => join(folder, `${workload}.jwt`);

  async function write(kept: Kept): Promise<void> {
    const { grant } = kept;
    const signed = await issuer.sign(grant.workload);
    const aside = join(folder, `.${grant.workload}.new`);
    try {
      rmSync(aside, { force: true });
      writeFileSync(aside, signed.token, { mode: 0o400, flag: 'wx' });
      giveTo(grant, aside);
      onSigned(grant, signed);
      renameSync(aside, pathOf(grant.workload));
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
    kept.signedAtMs = signed.issuedAtMs;
    kept.expiresAtMs = signed.expiresAtMs;
  }

  /** Never throws: one file that stays must not keep the others from being written. */
  function remove(workload: string): void {
    try {
      rmSync(pathOf(workload), { force: true });
    } catch (error) {
      counts.workloadFilesUnwritten += 1;
      const cause = error instanceof Error ? error.message : 'unknown';
      log.error({ workload, cause }, 'the token file of a workload could not be removed');
    }
  }

  async function tryToWrite(kept: Kept): Promise<Error | undefined> {
    const { workload, owner } = kept.grant;
    try {
      await write(kept);
      return undefined;
    } catch (error) {
      counts.workloadFilesUnwritten += 1;
      kept.triedAgainAtMs = clock.monotonicMs() + TRIED_AGAIN_AFTER_MS;
      const cause = error instanceof Error ? error.message : 'unknown';
      log.error({ workload, uid: owner.uid, cause }, 'the token file of a workload could not be written');
      // One that is over would only make its reader ask Entra in vain.
      if (kept.expiresAtMs <= clock.wallMs()) remove(workload);
      if (error instanceof BrokerError) return error;
      return new BrokerError('WORKLOAD_FILE', `${pathOf(workload)}: ${cause}.`, error);
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work);
    last = done.catch(() => undefined);
    return done;
  }

  /** A clock that was set back makes files that are not valid yet. */
  function isDue({ signedAtMs, triedAgainAtMs }: Kept): boolean {
    const ageMs = clock.wallMs() - signedAtMs;
    if (clock.monotonicMs() < triedAgainAtMs) return false;
    return ageMs >= RENEWED_AFTER_MS || ageMs < -1000;
  }

  const look = (): Promise<void> =>
    inTurn(async () => {
      for (const kept of files.values()) if (!isClosed && isDue(kept)) await tryToWrite(kept);
    });

  const timer = setInterval(() => void look(), LOOKED_AT_MS);
  timer.unref();

  return {
    pathOf,
    look,
    set: (grants) =>
      inTurn(async () => {
        if (isClosed) return;
        const before = new Map(files);
        files.clear();
        let failed: Error | undefined;
        for (const grant of grants) {
          const { expiresAtMs = 0 } = before.get(grant.workload) ?? {};
          // For another user it must not lie there while the new one cannot be written.
          if (before.get(grant.workload)?.grant.owner.uid !== grant.owner.uid) remove(grant.workload);
          before.delete(grant.workload);
          const kept: Kept = { grant, signedAtMs: 0, expiresAtMs, triedAgainAtMs: 0 };
          files.set(grant.workload, kept);
          const error = await tryToWrite(kept);
          failed ??= error;
        }
        for (const workload of before.keys()) remove(workload);
        if (failed !== undefined) throw failed;
      }),
    close() {
      clearInterval(timer);
      isClosed = true;
      return inTurn(async () => {
        for (const workload of files.keys()) remove(workload);
        files.clear();
      });
    },
  };
}

/** Root gives it away. Others may give it to a group that they are in, and the owner stays. */
function giveTo({ owner: { uid, gid } }: FederationGrant, path: string): void {
  const own = process.getuid?.();
  // Root reads it anyway.
  if (uid === own || uid === 0) return;
  if (own === 0) {
    chownSync(path, uid, -1);
    return;
  }
  chownSync(path, -1, gid);
  chmodSync(path, 0o440);
}

function clearFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    // A user mask must not keep the workloads out.
    chmodSync(folder, 0o755);
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
  } catch (cause) {
    throw new BrokerError('WORKLOAD_FILE', `${folder} cannot be made or emptied.`, cause);
  }
}
