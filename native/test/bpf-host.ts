// SPDX-License-Identifier: Apache-2.0

/**
 * Which tests of the kernel side can run here. What cannot is skipped with its reason, and counted aloud at the end:
 * a test run without BPF must not look like one with it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cgroupRoot } from '../../agent/source/ebpf/cgroup.ts';

type Need = 'bpf' | 'gcc' | 'netns' | 'build';

const CAP_BPF = 39;
const CAP_SYS_ADMIN = 21;

const missing: Readonly<Record<Need, () => string | undefined>> = {
  bpf: () => {
    if (!existsSync('/sys/kernel/btf/vmlinux')) return 'the kernel has no BTF';
    if (!holds(CAP_BPF) && !holds(CAP_SYS_ADMIN)) return 'not root, and without CAP_BPF';
    if (cgroupRoot() === undefined) return 'no cgroup v2 hierarchy is mounted';
    return undefined;
  },
  gcc: () => (runs('gcc', '--version') ? undefined : 'gcc is not installed'),
  netns: () => (runs('ip', 'netns', 'list') && runs('tc', '-Version') ? undefined : 'ip or tc is missing, or not root'),
  build: () => (runs('clang', '--version') && runs('bpftool', 'version') ? undefined : 'clang or bpftool is missing'),
};

const skipped = new Map<string, number>();

/** For the options of a test: false when all of it is here, else the reason, which is also counted. */
export function unless(...needs: Need[]): { skip: string | false } {
  for (const need of needs) {
    const reason = missing[need]();
    if (reason === undefined) continue;
    if (skipped.size === 0) process.once('exit', sayWhatWasSkipped);
    skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    return { skip: reason };
  }
  return { skip: false };
}

function sayWhatWasSkipped(): void {
  for (const [reason, count] of skipped) console.error(`NOT TESTED HERE: ${count} of the kernel side: ${reason}`);
}

function holds(capability: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << BigInt(capability))) !== 0n;
}

function runs(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` } });
    return true;
  } catch {
    return false;
  }
}
