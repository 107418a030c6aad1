// SPDX-License-Identifier: Apache-2.0

/** The processes of a record, read from the journal of an agent that has stopped. */
import { Journal } from '../../../agent/journal/journal.ts';
import { type Decoded, readBack } from '../../../agent/journal/reading-back.ts';
import { bytesOf } from '../../../agent/source/ebpf/byte-text.ts';
import { sworn } from '../../../proto/record.ts';
import { lifeOf, processName, type ToldProcesses } from './told-processes.ts';

const { Action } = sworn.v1.Process;
/** /proc counts in hundredths of a second (USER_HZ). */
const TICK_NS = 10_000_000n;
const READ_BYTES_MAX = 16 * 1024 * 1024;

/** A decoded message has all of its fields, though the types of what may be encoded leave them out. */
type Process = { readonly [K in keyof sworn.v1.IProcess]-?: NonNullable<sworn.v1.IProcess[K]> };

export interface RecordedLives {
  readonly processes: ToldProcesses;
  /** What is wrong with a line by itself. */
  readonly faults: readonly string[];
  readonly workloads: ReadonlySet<string>;
  readonly sessions: ReadonlySet<string>;
}

export async function readRecordedProcesses(folder: string, agentId: string, host: string): Promise<RecordedLives> {
  const journal = await Journal.open({ folder, agentId, host });
  try {
    return livesOf(await readBack(journal, 1, { bytesMax: READ_BYTES_MAX, entryBytesMax: 2 ** 31 }));
  } finally {
    await journal.close();
  }
}

function livesOf(activities: readonly Decoded[]): RecordedLives {
  const processes: ToldProcesses = new Map();
  const faults: string[] = [];
  const workloads = new Set<string>();
  const sessions = new Set<string>();
  for (const activity of activities) {
    const { processId, pid } = activity;
    const process = activity.process as Process | null;
    if (!process) continue;
    workloads.add(activity.workload);
    sessions.add(activity.sessionId);
    const name = nameOf(processId);
    const life = lifeOf(processes, name);
    const sayFault = (what: string): number => faults.push(`${name}: ${what}`);
    if (pid !== Number(name.split('@')[0])) sayFault(`its line has pid ${pid}`);
    if (life.exits.length > 0) sayFault('told of after its end');
    switch (process.action) {
      case Action.ACTION_FORK: {
        if (life.execs.length > 0) sayFault('made after its exec');
        const parent = nameOf(process.parentProcessId);
        life.parents.push(parent);
        if (process.parentPid !== Number(parent.split('@')[0])) sayFault(`its parent's pid is ${process.parentPid}`);
        break;
      }
      case Action.ACTION_EXEC: {
        const argv = Buffer.concat(process.argv.flatMap((word) => [bytesOf(word), Buffer.of(0)]));
        if (process.truncated) sayFault('its argv is truncated');
        if (process.argvBytes !== argv.length) sayFault(`argv has ${argv.length} bytes, ${process.argvBytes} are told`);
        const [exe, cwd, cgroup] = [activity.exe, process.cwd, process.cgroup].map((text) =>
          bytesOf(text).toString('hex'),
        ) as [string, string, string];
        life.execs.push({ exe, cwd, cgroup, argv: argv.toString('hex'), uid: process.uid, gid: process.gid });
        break;
      }
      case Action.ACTION_EXIT:
        life.exits.push({ code: process.exitCode, signal: process.signal, core: process.coreDumped });
        break;
      default:
        sayFault(`action ${process.action}`);
    }
  }
  return { processes, faults, workloads, sessions };
}

/** An id is the boot, the pid and the start in nanoseconds, both in base 36. */
function nameOf(processId: string): string {
  const [, pid = '', start = ''] = /^.+-([0-9a-z]+)-([0-9a-z]+)$/.exec(processId) ?? [];
  let startNs = 0n;
  for (const digit of start) startNs = startNs * 36n + BigInt(Number.parseInt(digit, 36));
  return processName(Number.parseInt(pid, 36), startNs / TICK_NS);
}
