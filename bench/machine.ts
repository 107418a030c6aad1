// SPDX-License-Identifier: Apache-2.0

/** What a figure was measured on: it says nothing without. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly kernel: string;
  readonly virtualised: boolean;
  readonly node: string;
  readonly commit: string;
  readonly clean_tree: boolean;
  readonly load_before: number;
  readonly at: string;
}

export function describeMachine(): Machine {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
    } catch {
      return '';
    }
  };
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    virtualised: readFileSync('/proc/cpuinfo', 'utf8').includes(' hypervisor'),
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD'),
    clean_tree: git('status', '--porcelain', '--untracked-files=no') === '',
    load_before: loadavg()[0] ?? 0,
    at: new Date().toISOString(),
  };
}

const JIFFY_US = 10_000;

/** How long all CPUs together did something,. Source: proc_stat(5). */
export function busyUs(): number {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] as string).trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) * JIFFY_US;
}

/** CPU time of one process, all threads. */
export function processUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * JIFFY_US;
}

/** The most memory that a process ever held, MiB. */
export function peakMib(pid: number): number {
  const kib = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return kib / 1024;
}
