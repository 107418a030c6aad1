// SPDX-License-Identifier: Apache-2.0

/**
 * What /proc says of a running process. Only for processes that ran before they were watched; of others the kernel side
 * has told everything before their first instruction.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import type { ProcessKey, Program } from '../../model/kernel-event.ts';
import { textOf } from './byte-text.ts';
import { splitArgv } from './program-reader.ts';

const UNSET_LOGIN_UID = 4294967295;

/** As it is now; undefined when the process is gone, or is a kernel thread. */
export function readProgram(pid: number): Program | undefined {
  try {
    const folder = `/proc/${pid}`;
    const cmdline = readFileSync(`${folder}/cmdline`);
    const status = readFileSync(`${folder}/status`, 'utf8');
    return {
      exe: linkText(`${folder}/exe`).replace(/ \(deleted\)$/, ''),
      cwd: linkText(`${folder}/cwd`).replace(/ \(deleted\)$/, ''),
      cgroup: cgroupOf(pid),
      argv: splitArgv(cmdline),
      argvBytes: cmdline.length,
      argvComplete: true,
      uid: idOf(status, 'Uid'),
      gid: idOf(status, 'Gid'),
      loginUid: loginUidOf(folder),
    };
  } catch {
    return undefined;
  }
}

function linkText(path: string): string {
  return textOf(readlinkSync(path, { encoding: 'buffer' }));
}

/** /proc counts in hundredths of a second. */
const TICK_NS = 10_000_000;

/** Whether the process that has this pid is that one, as exactly as /proc can tell, and runs. */
export function isStartedAt(process: ProcessKey): boolean {
  const ticks = startTicksOf(process.pid);
  return (
    ticks !== undefined &&
    Math.abs(ticks * TICK_NS - Number(process.startNs)) <= TICK_NS &&
    !hasEndedUnreaped(process.pid)
  );
}

/** A process whose parent has not asked how it ended. One whose first thread alone has ended has others, and runs. */
function hasEndedUnreaped(pid: number): boolean {
  return statFieldOf(pid, 3) === 'Z' && Number(statFieldOf(pid, 20) ?? 0) <= 1;
}

/** The process that has this pid, as exactly as /proc can tell; undefined when there is none. */
export function processKeyOf(pid: number): ProcessKey | undefined {
  const ticks = startTicksOf(pid);
  return ticks === undefined ? undefined : { pid, startNs: BigInt(ticks) * BigInt(TICK_NS) };
}

/** When a process was made, in hundredths of a second since boot; undefined when it is gone. */
export function startTicksOf(pid: number): number | undefined {
  const ticks = statFieldOf(pid, 22);
  return ticks === undefined ? undefined : Number(ticks);
}

/** Whether it has a controlling terminal. */
export function hasTerminal(pid: number): boolean {
  return (statFieldOf(pid, 7) ?? '0') !== '0';
}

/** A field of /proc/PID/stat behind the name, counted from 1 as in proc_pid_stat(5). */
function statFieldOf(pid: number, field: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold anything, also parentheses; what follows the last one is fields from the third on.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[field - 3];
  } catch {
    return undefined;
  }
}

/** Path in the cgroup v2 hierarchy; '' when the process is gone. */
export function cgroupOf(pid: number): string {
  try {
    return /^0::(.*)$/m.exec(textOf(readFileSync(`/proc/${pid}/cgroup`)))?.[1] ?? '';
  } catch {
    return '';
  }
}

function idOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
}

function loginUidOf(folder: string): number {
  try {
    return Number(readFileSync(`${folder}/loginuid`, 'utf8'));
  } catch {
    // The kernel keeps no audit.
    return UNSET_LOGIN_UID;
  }
}

/**
 * Inodes of the unix sockets that exist in the network namespaces of these processes and in our own.
 * undefined when one of them could not be read: then nothing may be taken for gone.
 */
export function unixSocketInodes(pids: Iterable<number>): Set<number> | undefined {
  const inodes = new Set<number>();
  const seen = new Set<string>();
  for (const who of ['self', ...new Set(pids)]) {
    let text: string;
    try {
      const namespace = readlinkSync(`/proc/${who}/ns/net`);
      if (seen.has(namespace)) continue;
      text = readFileSync(`/proc/${who}/net/unix`, 'latin1');
      seen.add(namespace);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Gone meanwhile; a process that has ended and was not waited for has no namespaces left.
      if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') continue;
      return undefined;
    }
    // Num RefCount Protocol Flags Type St Inode [Path]
    for (const line of text.split('\n').slice(1)) {
      const inode = Number(line.trim().split(/\s+/)[6]);
      if (inode > 0) inodes.add(inode);
    }
  }
  return inodes;
}
