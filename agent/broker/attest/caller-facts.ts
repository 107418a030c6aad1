// SPDX-License-Identifier: Apache-2.0

/**
 * What a process runs and where it belongs, as the kernel has it, for policies to match. The process is held open while it
 * is read, so that a later one with its pid never lends its facts; what may have changed meanwhile is looked at again.
 *
 * What a fact is worth against somebody on the host who is not root:
 * - exe: a path is only a name. In a mount namespace of one's own any file can have any path, so `exeIsAtPath` says whether
 *   the host has the same file there. Who may write to the folder decides what is at a path.
 * - exeSha256: the bytes of the file that is executed. It says nothing of scripts that it reads, of libraries that were
 *   preloaded into it, or of what a debugger of the same user made of it.
 * - unit, slices, containerId: told only as far as all folders above belong to root. Where a part of the tree was handed
 *   to a user, and inside of a container, names are chosen by who is there. cgroup is told as it is.
 * - uid, gid: cannot be forged. Effective and real ids are both told, since they differ in a set-uid program.
 * Root of the host can forge all of them.
 */

import { type BigIntStats, constants, readFileSync, readlinkSync } from 'node:fs';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { outermostContainerIdOf, slicesOf, systemUnitOf } from '../../model/cgroup-path.ts';
import type { ProcessKey } from '../../model/kernel-event.ts';
import { createFileDigests, type DigestMissing, type FileDigest } from './file-digest.ts';
import { NS_PER_TICK, parseProcessStat } from './process-liveness.ts';

export interface CallerFacts {
  /** The path of the program; '' when it may not be read. */
  readonly exe: string;
  /** The host has this very file at that path: not another one since, and not only in a mount namespace of the caller's. */
  readonly exeIsAtPath: boolean;
  /** Hexadecimal; '' when there is none, and then `exeSha256Missing` says why. */
  readonly exeSha256: string;
  readonly exeSha256Missing: DigestMissing | undefined;
  /** Of the file that is executed; 0 when it may not be read. */
  readonly device: bigint;
  readonly inode: bigint;
  /** Path in the cgroup v2 hierarchy. */
  readonly cgroup: string;
  /** The unit of the system's systemd (x.service, x.scope), or ''. */
  readonly unit: string;
  /** The slices that the unit is in, outermost first. */
  readonly slices: readonly string[];
  /** Of the outermost container, 64 hexadecimal digits, or ''. */
  readonly containerId: string;
  /** Effective, as the host counts them. */
  readonly uid: number;
  readonly gid: number;
  readonly realUid: number;
  readonly realGid: number;
  /** Inode number of the namespace; 0 when it may not be read. */
  readonly networkNamespace: number;
}

/**
 * The facts of a process, read anew each time.
 *
 * `digest`  true: `exeSha256` is made when it is not known yet, which takes as long as reading the file
 * Errors    undefined when that process is gone, or is another program each time that it is looked at; throws when /proc
 *           cannot be read
 */
export type FactsOf = (process: ProcessKey, wanted?: { readonly digest: boolean }) => Promise<CallerFacts | undefined>;

export interface CallerFactsOptions {
  /** Where the cgroup v2 hierarchy is mounted; without it no unit and no container is told. */
  readonly cgroupRoot?: string | undefined;
  /** The root of the host's files; default that of the first process, where it may be read, else our own. */
  readonly hostRoot?: string;
}

const FIRST_PROCESS_ROOT = '/proc/1/root';
/** A process that executes another program each time it is looked at is not worth more. */
const TRIES_MAX = 3;

const NO_RIGHT: FileDigest = { kind: 'none', reason: 'unreadable' };

type Ids = Pick<CallerFacts, 'uid' | 'gid' | 'realUid' | 'realGid'>;

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** undefined when the rights to it are missing. Errors: ENOENT and ESRCH when the process is gone. */
async function ifAllowed<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isGone(error)) throw error;
    return undefined;
  }
}

/**
 * Where a link of /proc leads, as `ifAllowed`. At once, as /proc/PID/stat and status are read: the kernel has these answers in its
 * memory, and a thread for each would take many times as long. The programs themselves, and what their paths name, may be
 * on a file system that makes who asks wait: those are never looked at so.
 */
function linkIfAllowed(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isGone(error)) throw error;
    return undefined;
  }
}

/** undefined when there is none; whatever else is wrong with it, it is not the file that is looked for. */
async function statOf(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch {
    return undefined;
  }
}

const isSameFile = (a: BigIntStats | undefined, b: BigIntStats | undefined): boolean =>
  a?.dev === b?.dev && a?.ino === b?.ino;

function idsIn(status: string): Ids | undefined {
  const read = (name: string): [number, number] | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+)\\s+(\\d+)`, 'm').exec(status);
    return found === null ? undefined : [Number(found[1]), Number(found[2])];
  };
  const [uids, gids] = [read('Uid'), read('Gid')];
  if (uids === undefined || gids === undefined) return undefined;
  return { realUid: uids[0], uid: uids[1], realGid: gids[0], gid: gids[1] };
}

/**
 * The head of a cgroup's path whose names only root can have chosen: each is in a folder that belongs to root and that
 * nobody else may write to.
 */
async function rootsOwn(cgroupRoot: string, cgroup: string): Promise<string> {
  const names = cgroup.split('/').filter((name) => name !== '');
  // From a cgroup namespace of our own, other cgroups are seen as ../…: what that is on the host cannot be told.
  if (names.includes('..')) return '';
  let trusted = '';
  for (const name of names) {
    const folder = await statOf(join(cgroupRoot, trusted));
    if (folder === undefined || folder.uid !== 0n || (folder.mode & 0o022n) !== 0n) break;
    trusted = `${trusted}/${name}`;
  }
  return trusted;
}

export function createFactsOf({ cgroupRoot, hostRoot }: CallerFactsOptions = {}): FactsOf {
  const digests = createFileDigests();
  let root = hostRoot;

  async function rootOfHost(): Promise<string> {
    root ??= (await statOf(`${FIRST_PROCESS_ROOT}/.`)) === undefined ? '' : FIRST_PROCESS_ROOT;
    return root;
  }

  /** The kernel appends " (deleted)" to the path of a file that is no longer there, and a name may end so by itself. */
  async function whereOnHost(path: string, stats: BigIntStats | undefined): Promise<[string, boolean]> {
    if (stats === undefined || !path.startsWith('/')) return [path, false];
    if (isSameFile(await statOf(`${await rootOfHost()}${path}`), stats)) return [path, true];
    return [path.replace(/ \(deleted\)$/, ''), false];
  }

  function isThatProcess(folder: string, process: ProcessKey): boolean {
    const found = parseProcessStat(readFileSync(`${folder}/stat`, 'latin1'));
    if (found === undefined || found.state === 'Z' || found.state === 'X') return false;
    return found.startTicks === process.startNs / NS_PER_TICK;
  }

  async function digestOf(file: FileHandle, stats: BigIntStats, wanted: boolean): Promise<FileDigest> {
    return wanted ? digests.read(file, stats) : digests.known(stats);
  }

  /** `folder` is the process held open. undefined when it is another one, 'changed' when it became another program. */
  async function readHeld(
    folder: string,
    process: ProcessKey,
    digest: boolean,
  ): Promise<CallerFacts | 'changed' | undefined> {
    if (!isThatProcess(folder, process)) return undefined;
    // The file itself, wherever its name leads by now. O_NONBLOCK: it must not wait for anybody.
    const file = await ifAllowed(open(`${folder}/exe`, constants.O_RDONLY | constants.O_NONBLOCK));
    try {
      const stats = await file?.stat({ bigint: true });
      const link = file === undefined ? undefined : linkIfAllowed(`${folder}/exe`);
      const [exe, exeIsAtPath] = await whereOnHost(link ?? '', stats);
      const made = file && stats ? await digestOf(file, stats, digest) : NO_RIGHT;
      const ids = idsIn(readFileSync(`${folder}/status`, 'latin1'));
      const cgroup = /^0::(.*)$/m.exec(await readFile(`${folder}/cgroup`, 'utf8'))?.[1] ?? '';
      const trusted = cgroupRoot === undefined ? '' : await rootsOwn(cgroupRoot, cgroup);
      const namespace = linkIfAllowed(`${folder}/ns/net`);
      if (ids === undefined || !isThatProcess(folder, process)) return undefined;
      if (file !== undefined && !isSameFile(await stat(`${folder}/exe`, { bigint: true }), stats)) return 'changed';
      return {
        exe,
        exeIsAtPath,
        exeSha256: made.kind === 'sha256' ? made.sha256 : '',
        exeSha256Missing: made.kind === 'none' ? made.reason : undefined,
        device: stats?.dev ?? 0n,
        inode: stats?.ino ?? 0n,
        cgroup,
        unit: systemUnitOf(trusted),
        slices: slicesOf(trusted),
        containerId: outermostContainerIdOf(trusted),
        ...ids,
        networkNamespace: Number(/^net:\[(\d+)\]$/.exec(namespace ?? '')?.[1] ?? 0),
      };
    } finally {
      await file?.close();
    }
  }

  return async (process, { digest } = { digest: false }) => {
    let held: FileHandle | undefined;
    try {
      held = await open(`/proc/${process.pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const facts = await readHeld(`/proc/self/fd/${held.fd}`, process, digest);
        if (facts !== 'changed') return facts;
      }
      return undefined;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    } finally {
      await held?.close();
    }
  };
}
