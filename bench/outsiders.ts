// SPDX-License-Identifier: Apache-2.0

/**
 * What do the hooks cost processes that are not recorded? CPU time of single operations without Sworn, with empty programs
 * on all hooks, and with all programs while another process is recorded. The ways take turns. Of each operation the least of
 * many short runs stands: what disturbs a run only ever adds to it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capture, loadAddon } from '../agent/source/ebpf/addon.ts';
import type { Bench, BenchResult } from './bench.ts';
import { rounded } from './statistics.ts';

const ROUNDS = 12;
const HOLD_MS = 200;
const WAYS = ['without', 'empty programs', 'all programs'] as const;

/** An operation of operations.c, how often a run does it, and what it is. */
const OPERATIONS = {
  tcp: { times: 400, what: 'byte sent and received by TCP on loopback' },
  unix: { times: 800, what: 'byte sent and received by a unix socket' },
  mmap: { times: 1500, what: 'mmap and munmap of a page' },
  socket: { times: 600, what: 'UDP socket made and closed' },
  exec: { times: 8, what: '`/bin/true`, from its fork to its end' },
} as const;

type Operation = keyof typeof OPERATIONS;
type Way = (typeof WAYS)[number];

/** CPU time of one operation, nanoseconds. */
interface Run {
  readonly round: number;
  readonly way: Way;
  readonly operation: Operation;
  readonly ns: number;
}

interface Cost {
  readonly operation: Operation;
  readonly withoutNs: number;
  readonly emptyNs: number;
  readonly allNs: number;
  readonly ratio: number;
}

function captureFor(way: Way, recordedPid: number): Capture | undefined {
  if (way === 'without') return undefined;
  const { Capture } = loadAddon();
  if (way === 'empty programs') return new Capture({ passive: true });
  const capture = new Capture();
  capture.setHoldMs(HOLD_MS);
  capture.watch(recordedPid, 1, 1n);
  return capture;
}

function costsOf(runs: readonly Run[]): Cost[] {
  const least = (operation: Operation, way: Way): number =>
    Math.min(...runs.filter((run) => run.operation === operation && run.way === way).map(({ ns }) => ns));
  return (Object.keys(OPERATIONS) as Operation[]).map((operation) => {
    const [withoutNs, emptyNs, allNs] = WAYS.map((way) => least(operation, way)) as [number, number, number];
    return { operation, withoutNs, emptyNs, allNs, ratio: rounded(allNs / withoutNs) };
  });
}

export const outsiders: Bench = {
  question: 'What do the hooks cost processes that are not recorded?',

  async run({ quick, say }): Promise<BenchResult> {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-outsiders-'));
    const recorded = spawn('/bin/sleep', ['1000000'], { stdio: 'ignore' });
    const runs: Run[] = [];
    try {
      const program = join(folder, 'operations');
      const source = join(import.meta.dirname, 'outsiders', 'operations.c');
      execFileSync('gcc', ['-O2', '-D_GNU_SOURCE', '-o', program, source]);
      for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
        for (const way of WAYS) {
          say(`round ${round + 1}: ${way}`);
          const capture = captureFor(way, recorded.pid as number);
          try {
            for (const [operation, { times }] of Object.entries(OPERATIONS)) {
              const ns = Number(execFileSync(program, [operation, String(times)]));
              runs.push({ round, way, operation: operation as Operation, ns });
            }
          } finally {
            capture?.close();
          }
        }
      }
    } finally {
      recorded.kill();
      rmSync(folder, { recursive: true });
    }
    return { summary: { costs: costsOf(runs) }, raw: { runs } };
  },

  table({ summary }) {
    const costs = summary['costs'] as readonly Cost[];
    const lines = costs.map(
      ({ operation, withoutNs, emptyNs, allNs, ratio }) =>
        `| ${OPERATIONS[operation].what} | ${withoutNs} | ${emptyNs} | ${allNs} | ${ratio} |`,
    );
    return [
      '| one, CPU time in ns | without | empty programs | all programs | ratio |',
      '|---|---|---|---|---|',
      ...lines,
    ].join('\n');
  },
};
