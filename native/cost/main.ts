// SPDX-License-Identifier: Apache-2.0

/**
 * What do the hooks cost processes that are not recorded? Each operation without Sworn, with empty programs on all hooks,
 * and with all programs while another process is recorded; the ways take turns, and of each the least stands.
 *
 *   bin/node native/cost/main.ts [ROUNDS]        as root, on a machine where nothing else runs, no other Sworn either
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Capture, loadAddon } from '../../agent/source/ebpf/addon.ts';

const OPERATIONS = { tcp: 400, unix: 800, mmap: 1500, socket: 600, exec: 8 } as const;
const WAYS = ['without', 'empty programs', 'all programs'] as const;
const HOLD_MS = 200;

type Operation = keyof typeof OPERATIONS;
type Way = (typeof WAYS)[number];

const addon = loadAddon();
const folder = mkdtempSync(join(tmpdir(), 'sworn-cost-'));
const program = join(folder, 'operations');
const recorded = spawn('/bin/sleep', ['1000000'], { stdio: 'ignore' });
const least = new Map<string, number>();

function captureFor(way: Way): Capture | undefined {
  if (way === 'without') return undefined;
  if (way === 'empty programs') return new addon.Capture({ passive: true });
  const capture = new addon.Capture();
  capture.setHoldMs(HOLD_MS);
  capture.watch(recorded.pid as number, 1, 1n);
  return capture;
}

function measure(way: Way): void {
  const capture = captureFor(way);
  for (const [operation, times] of Object.entries(OPERATIONS)) {
    const ns = Number(execFileSync(program, [operation, String(times)]));
    const name = `${way} ${operation}`;
    least.set(name, Math.min(ns, least.get(name) ?? Number.POSITIVE_INFINITY));
  }
  capture?.close();
}

try {
  execFileSync('gcc', ['-O2', '-D_GNU_SOURCE', '-o', program, join(import.meta.dirname, 'operations.c')]);
  const rounds = Number(process.argv[2] ?? 8);
  for (let round = 0; round < rounds; round++) for (const way of WAYS) measure(way);
  const of = (way: Way, operation: Operation): number => least.get(`${way} ${operation}`) ?? Number.NaN;
  const rows = Object.keys(OPERATIONS).map((name) => WAYS.map((way) => of(way, name as Operation)).join(' | '));
  console.log(`| CPU time, ns | ${WAYS.join(' | ')} |\n|---|---|---|---|`);
  for (const [index, name] of Object.keys(OPERATIONS).entries()) console.log(`| ${name} | ${rows[index]} |`);
} finally {
  recorded.kill();
  rmSync(folder, { recursive: true });
}
