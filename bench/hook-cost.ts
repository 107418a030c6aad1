// SPDX-License-Identifier: Apache-2.0

/**
 * What each hook costs a command, by the kernel's own clock (kernel.bpf_stats_enabled, which itself costs some 20 ns a
 * run: these figures compare hooks, they are not part of the ratios).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { OverheadStage } from './overhead-stage.ts';

const SWITCH = '/proc/sys/kernel/bpf_stats_enabled';

export interface HookCost {
  readonly name: string;
  readonly runsPerCommand: number;
  readonly nsPerRun: number;
  readonly nsPerCommand: number;
}

export async function measureHooks(stage: OverheadStage, seconds: number): Promise<HookCost[]> {
  const before = readFileSync(SWITCH, 'utf8');
  writeFileSync(SWITCH, '1');
  try {
    const { transactions, programs } = await stage.runWithPrograms(seconds);
    return programs
      .filter(({ runs }) => runs > 0)
      .map(({ name, runs, runNs }) => ({
        name,
        runsPerCommand: runs / transactions,
        nsPerRun: runNs / runs,
        nsPerCommand: runNs / transactions,
      }))
      .sort((a, b) => b.nsPerCommand - a.nsPerCommand);
  } finally {
    writeFileSync(SWITCH, before);
  }
}
