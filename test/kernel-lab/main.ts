// SPDX-License-Identifier: Apache-2.0

/**
 * The kernel lab: guests with other kernels than this machine's, in each of which the guard is put to the test, and what is read.
 *
 *   bin/node test/kernel-lab/main.ts [--json] [--kernel 6.1]... [--mode read]...
 *
 * Needs root and Debian (apt-get), the built native part, and downloads the kernels once. Exit code 1: something failed.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fromDebian } from '../runtimes/toolbox.ts';
import { buildInitramfs, type GuestEnd, type GuestLine, runGuest } from './guest.ts';
import { type GuestKernel, guestKernel, kernelLines } from './kernels.ts';

interface Case {
  readonly line: string;
  /** What the program in the guest does: guest/guard.c, and guest/reading.c of 'read'. */
  readonly mode: 'refuse' | 'tell' | 'too-old' | 'read';
  readonly lsm: string;
  /** After 6.18 memory with a socket wants CMPXCHG16B, as processors have it (Linux commit f484f4a3e058). */
  readonly cx16?: boolean;
}

const WITHOUT = 'lockdown,yama,apparmor';
const WITH = `${WITHOUT},bpf`;

const CASES: readonly Case[] = [
  { line: '5.10', mode: 'too-old', lsm: WITHOUT },
  { line: '6.1', mode: 'refuse', lsm: WITH },
  { line: '6.1', mode: 'tell', lsm: WITHOUT },
  { line: '6.1', mode: 'read', lsm: WITHOUT },
  { line: '6.12', mode: 'refuse', lsm: WITH },
  { line: '6.12', mode: 'tell', lsm: WITHOUT },
  { line: '6.12', mode: 'read', lsm: WITHOUT },
  { line: '6.18', mode: 'refuse', lsm: WITH },
  { line: '6.18', mode: 'read', lsm: WITHOUT },
  { line: 'newest', mode: 'refuse', lsm: WITH },
  { line: 'newest', mode: 'read', lsm: WITHOUT, cx16: true },
];

interface Result extends GuestLine {
  readonly kernel: string;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    kernel: { type: 'string', multiple: true, default: [] },
    mode: { type: 'string', multiple: true, default: [] },
  },
});
const wanted = values.kernel.length === 0 ? kernelLines : values.kernel;
const unknown = wanted.filter((line) => !kernelLines.includes(line));
if (unknown.length > 0) {
  console.error(`no kernel ${unknown.join(', ')}; there are ${kernelLines.join(', ')}`);
  process.exit(2);
}

const isWanted = ({ line, mode }: Case): boolean =>
  wanted.includes(line) && (values.mode.length === 0 || values.mode.includes(mode));

const say = (text: string): void => {
  if (!values.json || process.stderr.isTTY) console.error(text);
};
const cache = join(process.env['XDG_CACHE_HOME'] ?? '/var/tmp', 'sworn-kernel-lab');
mkdirSync(cache, { recursive: true });
for (const [file, name] of [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['/usr/share/seabios/bios-256k.bin', 'seabios'],
  ['/bin/busybox', 'busybox-static'],
  ['cpio', 'cpio'],
] as const) {
  say(`needs ${name} (Debian); it is installed if it is not there`);
  fromDebian(file, name);
}
const folder = mkdtempSync(join(tmpdir(), 'sworn-lab-'));
const results: Result[] = [];
try {
  const initramfs = buildInitramfs(folder);
  for (const test of CASES.filter(isWanted)) {
    say(`kernel ${test.line}: from the mirror, unless it is in ${cache}`);
    const kernel = guestKernel(test.line, cache);
    const began = Date.now();
    const end = await runGuest(kernel, initramfs, [`lab=${test.mode}`, `lsm=${test.lsm}`], test.cx16);
    const found = judge(kernel, test, end);
    results.push(...found);
    const failed = found.filter(({ ok }) => !ok);
    const seconds = Math.round((Date.now() - began) / 1000);
    say(`${kernel.release}, ${test.mode}: ${found.length - failed.length} of ${found.length} ok, ${seconds} s`);
    for (const { name, detail } of failed) say(`  FAILED ${name}: ${detail}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.json) console.log(JSON.stringify(results, null, 2));
else console.log(`${results.filter(({ ok }) => ok).length} passed, ${results.filter(({ ok }) => !ok).length} failed`);
if (results.some(({ ok }) => !ok) || results.length === 0) process.exitCode = 1;

function judge(kernel: GuestKernel, { mode, lsm }: Case, end: GuestEnd): Result[] {
  const about = `${kernel.release} ${mode}`;
  const hasBpf = end.lsm.split(',').includes('bpf');
  const wants = lsm.split(',').includes('bpf');
  return [
    { name: `${about}: LSMs as asked for`, ok: hasBpf === wants, detail: end.lsm, kernel: kernel.release },
    ...end.lines.map((line) => ({ ...line, name: `${about}: ${line.name}`, kernel: kernel.release })),
    { name: `${about}: ends by itself`, ok: end.ended, detail: end.ended ? '' : end.last, kernel: kernel.release },
  ];
}
