// SPDX-License-Identifier: Apache-2.0

/**
 * What the programs of native/test/triggers/tree told of themselves, in the same shape as what the agent recorded of
 * them: so that the two can be compared process by process.
 */
import { readFileSync } from 'node:fs';

export interface ToldExec {
  readonly exe: string;
  readonly cwd: string;
  readonly cgroup: string;
  /** Each argument with the NUL behind it, in hexadecimal, as the paths are: all bytes count. */
  readonly argv: string;
  readonly uid: number;
  readonly gid: number;
}

export interface ToldExit {
  readonly code: number;
  readonly signal: number;
  readonly core: boolean;
}

/** The life of one process. */
export interface ToldProcess {
  /** Of which process it was made; undefined when that was not seen. A list, as whatever is told twice is wrong. */
  readonly parents: string[];
  readonly execs: ToldExec[];
  readonly exits: ToldExit[];
}

/** By the name of the process: its pid and its start in ticks since boot, as /proc/PID/stat has it. */
export type ToldProcesses = Map<string, ToldProcess>;

export function processName(pid: number, ticks: number | bigint): string {
  return `${pid}@${ticks}`;
}

export function lifeOf(processes: ToldProcesses, name: string): ToldProcess {
  let life = processes.get(name);
  if (life === undefined) {
    life = { parents: [], execs: [], exits: [] };
    processes.set(name, life);
  }
  return life;
}

type Line = { readonly pid: number; readonly ticks: number } & (
  | { readonly kind: 'fork'; readonly parentPid: number; readonly parentTicks: number }
  | ({ readonly kind: 'exec' } & ToldExec)
  | ({ readonly kind: 'exit' } & ToldExit)
);

/** Reads the log that ORACLE_LOG named. */
export function readOracle(file: string): ToldProcesses {
  const processes: ToldProcesses = new Map();
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    const life = lifeOf(processes, processName(line.pid, line.ticks));
    switch (line.kind) {
      case 'fork':
        life.parents.push(processName(line.parentPid, line.parentTicks));
        break;
      case 'exec': {
        const { exe, cwd, argv, uid, gid } = line;
        life.execs.push({ exe, cwd, cgroup: cgroupOf(line.cgroup), argv, uid, gid });
        break;
      }
      case 'exit': {
        const { code, signal, core } = line;
        life.exits.push({ code, signal, core });
      }
    }
  }
  return processes;
}

/** Of /proc/PID/cgroup the line of the one hierarchy that is v2. */
function cgroupOf(hex: string): string {
  const text = Buffer.from(hex, 'hex').toString('latin1');
  return Buffer.from(/^0::(.*)$/m.exec(text)?.[1] ?? '', 'latin1').toString('hex');
}
