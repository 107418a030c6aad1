// SPDX-License-Identifier: Apache-2.0

/** One guest: an initramfs with a static program, booted under emulation, read line by line from its serial console. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import { fromDebian, root } from '../runtimes/toolbox.ts';
import type { GuestKernel } from './kernels.ts';

export interface GuestLine {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface GuestEnd {
  readonly lines: readonly GuestLine[];
  /** The guest's list of LSMs. */
  readonly lsm: string;
  /** It came to its end by itself; else what it said last. */
  readonly ended: boolean;
  readonly last: string;
}

/** Many times what a guest takes on a machine with nothing else to do. */
const GUEST_MS_MAX = 240_000;
/** A guest whose kernel fell before the test began says nothing about it: emulation has its own faults. */
const BOOTS_MAX = 3;

const LOADER = [
  'broker',
  'capture',
  'cgroup_root',
  'functions',
  'guard',
  'guard_files',
  'module_btf',
  'place',
  'preemption',
  'probes',
  'ring',
  'scan',
  'selection',
  'streams',
  'tables',
];

/** The archive that a guest starts with; `folder` is for what it is made of. Errors: ToolMissing, the compiler's. */
export function buildInitramfs(folder: string): string {
  const tree = join(folder, 'initramfs');
  rmSync(tree, { recursive: true, force: true });
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp', 'mnt', 'etc'])
    mkdirSync(join(tree, name), { recursive: true });
  copyFileSync(fromDebian('/bin/busybox', 'busybox-static'), join(tree, 'bin/busybox'));
  for (const name of ['sh', 'mount', 'cat', 'echo', 'poweroff', 'mkdir', 'ln'])
    symlinkSync('busybox', join(tree, 'bin', name));
  copyFileSync(join(import.meta.dirname, 'guest/init'), join(tree, 'init'));
  chmodSync(join(tree, 'init'), 0o755);
  compileForGuest(['guard', 'acts', 'lab'], join(tree, 'guard'));
  compileForGuest(['reading', 'work', 'keys', 'lab'], join(tree, 'reading'));
  const cpio = fromDebian('cpio', 'cpio');
  const names = execFileSync('find', ['.'], { cwd: tree });
  const options = { cwd: tree, input: names, maxBuffer: 64 * 1024 * 1024, stdio: ['pipe', 'pipe', 'ignore'] as const };
  const archive = execFileSync(cpio, ['-o', '-H', 'newc', '--quiet'], { ...options, stdio: [...options.stdio] });
  const file = join(folder, 'initramfs.gz');
  writeFileSync(file, gzipSync(archive, { level: 1 }));
  return file;
}

/** One program with the loader in it, static and at fixed addresses. */
function compileForGuest(names: readonly string[], to: string): void {
  const sources = [
    ...names.map((name) => join(import.meta.dirname, `guest/${name}.c`)),
    ...LOADER.map((name) => join(root, `native/loader/${name}.c`)),
  ];
  const include = ['native/out', 'native/loader'].map((name) => `-I${join(root, name)}`);
  const flags = [
    '-static',
    '-no-pie',
    '-O2',
    '-Wall',
    '-Wextra',
    '-Wno-unused-parameter',
    '-std=gnu11',
    '-D_GNU_SOURCE',
    ...include,
  ];
  const libraries = ['-l:libbpf.a', '-lelf', '-lz', '-lpthread', '-Wl,--wrap=bpf_btf_get_next_id'];
  // A compiler's complaint is for whoever changes the program.
  execFileSync('cc', [...flags, ...sources, ...libraries, '-o', to], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Boots until the test ran, or it cannot be made to. */
export async function runGuest(
  kernel: GuestKernel,
  initramfs: string,
  words: readonly string[],
  hasCx16 = false,
): Promise<GuestEnd> {
  for (let boot = 1; ; boot++) {
    const end = await bootOnce(kernel, initramfs, words, hasCx16);
    if (end.ended || end.lines.length > 0 || boot === BOOTS_MAX) return end;
    console.error(`the guest fell before the test began (${end.last}); once more`);
  }
}

function bootOnce(
  kernel: GuestKernel,
  initramfs: string,
  words: readonly string[],
  hasCx16: boolean,
): Promise<GuestEnd> {
  const emulator = fromDebian(arch() === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64', 'qemu-system');
  // Never KVM: where /dev/kvm is inside a virtual machine already, stock kernels fall under it. Without cx16 unless a case
  // wants it: the emulator's own CMPXCHG16B breaks the allocator of newer kernels now and then.
  const cpu = hasCx16 ? 'max' : 'max,-cx16';
  const machine = ['-M', 'q35', '-accel', 'tcg,thread=multi', '-cpu', cpu, '-smp', '2', '-m', '1024'];
  const outside = ['-nodefaults', '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot'];
  const append = ['console=ttyS0', 'panic=-1', 'quiet', ...words].join(' ');
  const image = ['-kernel', kernel.image, '-initrd', initramfs, '-append', append];
  return new Promise((resolve, reject) => {
    const guest = spawn(emulator, [...machine, ...outside, ...image], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: GuestLine[] = [];
    let lsm = '';
    let last = '';
    let ended = false;
    const patience = setTimeout(() => guest.kill('SIGKILL'), GUEST_MS_MAX);
    createInterface({ input: guest.stdout }).on('line', (raw) => {
      const line = raw.trim();
      if (line.startsWith('LAB {')) lines.push(readLine(line.slice('LAB '.length)));
      else if (line.startsWith('LAB-LSM ')) lsm = line.slice('LAB-LSM '.length);
      else if (line.startsWith('LAB-END')) ended = line === 'LAB-END 0';
      else if (!ended && line !== '') last = line;
    });
    guest.on('error', reject);
    guest.on('close', () => {
      clearTimeout(patience);
      resolve({ lines, lsm, ended, last });
    });
  });
}

function readLine(text: string): GuestLine {
  try {
    return JSON.parse(text) as GuestLine;
  } catch {
    // The kernel wrote into the same line.
    return { name: text, ok: false, detail: 'unreadable line' };
  }
}
