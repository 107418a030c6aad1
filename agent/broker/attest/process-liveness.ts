// SPDX-License-Identifier: Apache-2.0

/** Start time and state of a process from `/proc/PID/stat`: enough to tell a process from a later one with its pid. */

import { readFileSync } from 'node:fs';
import type { ProcessKey } from '../../model/kernel-event.ts';

/** /proc counts in hundredths of a second (USER_HZ) on every Linux that Node runs on; the kernel rounds down. */
export const NS_PER_TICK = 10_000_000n;

export interface ProcessStat {
  readonly state: string;
  readonly parentPid: number;
  /** Since boot, in ticks. */
  readonly startTicks: bigint;
}

/** The command's name stands in brackets and may hold brackets and spaces itself, so fields count from the last bracket. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parentPid] = fields;
  const startTicks = fields[19];
  if (state === undefined || parentPid === undefined || startTicks === undefined) return undefined;
  if (!/^\d+$/.test(startTicks) || !/^\d+$/.test(parentPid)) return undefined;
  return { state, parentPid: Number(parentPid), startTicks: BigInt(startTicks) };
}

/** undefined when there is no such process, or it went away while being read. */
export function readProcessStat(pid: number, proc = '/proc'): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`${proc}/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** A zombie holds its pid but runs no more: it does not count as alive. */
export function isProcessAlive(process: ProcessKey): boolean {
  const stat = readProcessStat(process.pid);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return false;
  return stat.startTicks === process.startNs / NS_PER_TICK;
}
