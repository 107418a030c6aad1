// SPDX-License-Identifier: Apache-2.0

/** What recording needs of a host: rights, kernel, and the programs themselves, loaded once without any effect. */
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { type Addon, type Capture, loadAddon } from '../source/ebpf/addon.ts';
import { cgroupRoot } from '../source/ebpf/cgroup.ts';
import { whyNotGuarded } from '../source/ebpf/guard-reason.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** include/uapi/linux/capability.h */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_SYS_PTRACE: 19, CAP_PERFMON: 38, CAP_BPF: 39 } as const;
const CAP_SYS_ADMIN = 21;
/** bpf_loop, which long arguments and large segments are copied with. */
const KERNEL_MIN = [5, 17] as const;
/** Since then unix sockets need no hook on system calls. */
const KERNEL_SOCKET_TRACEPOINTS = [6, 3] as const;
/** Since then a probe in a program is for who may load BPF programs. */
const KERNEL_PROBE_LINKS = [6, 6] as const;

/** What the checks look at; a test gives other hosts. */
export interface HostFacts {
  /** Effective capabilities, a bit each. */
  readonly capabilities: bigint;
  readonly uid: number;
  readonly release: string;
  readonly hasTypes: boolean;
  /** Where the cgroup v2 hierarchy is mounted. */
  readonly cgroupRoot: string | undefined;
  /** As /sys/kernel/security/lockdown has it: `none [integrity] confidentiality`; '' where there is none. */
  readonly lockdown: string;
  /** The kernel can place probes in programs. */
  readonly hasProbes: boolean;
}

export function hostFacts(): HostFacts {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return {
    capabilities: BigInt(`0x${capabilities}`),
    uid: process.getuid?.() ?? -1,
    release: release(),
    hasTypes: existsSync('/sys/kernel/btf/vmlinux'),
    cgroupRoot: cgroupRoot(),
    lockdown: readOr('/sys/kernel/security/lockdown', ''),
    hasProbes: existsSync('/sys/bus/event_source/devices/uprobe'),
  };
}

export function hostChecks(facts: HostFacts = hostFacts()): Check[] {
  const checks = [rights(facts), kernel(facts), btf(facts), cgroups(facts), lockdown(facts), probes(facts)];
  if (checks.some(({ state }) => state === 'fail')) return checks;
  return [...checks, ...programs()];
}

function rights({ capabilities, uid }: HostFacts): Check {
  const has = (bit: number): boolean => (capabilities & (1n << BigInt(bit))) !== 0n;
  const lacking = Object.entries(CAPABILITIES).filter(([, bit]) => !has(bit) && !has(CAP_SYS_ADMIN));
  if (lacking.length === 0) return ok('rights', uid === 0 ? 'root' : `uid ${uid} with capabilities`);
  const names = lacking.map(([name]) => name).join(', ');
  return fail(
    'rights',
    `this process lacks ${names}`,
    'Run it as root, or through deploy/systemd/sworn-agent.service, which grants just these.',
  );
}

function kernel({ release: found }: HostFacts): Check {
  if (!isAtLeast(found, KERNEL_MIN)) {
    return fail(
      'kernel',
      found,
      `Sworn needs Linux ${KERNEL_MIN.join('.')} or newer: install a newer kernel (Debian 12 has 6.1).`,
    );
  }
  if (!isAtLeast(found, KERNEL_SOCKET_TRACEPOINTS)) {
    return warn(
      'kernel',
      found,
      'Works. Before Linux 6.3 unix sockets are read at system calls, which costs every process of the host a little.',
    );
  }
  return ok('kernel', found);
}

function isAtLeast(found: string, [a, b]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = found.split('.').map((part) => Number.parseInt(part, 10));
  return major > a || (major === a && minor >= b);
}

function btf({ hasTypes }: HostFacts): Check {
  if (hasTypes) return ok('kernel types (BTF)', '/sys/kernel/btf/vmlinux');
  return fail(
    'kernel types (BTF)',
    'the kernel does not describe its types',
    'Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of the large distributions are.',
  );
}

function cgroups({ cgroupRoot: root }: HostFacts): Check {
  if (root === undefined) {
    return fail(
      'cgroup v2',
      'no cgroup v2 hierarchy is mounted',
      'Mount it: mount -t cgroup2 none /sys/fs/cgroup (or boot with systemd.unified_cgroup_hierarchy=1).',
    );
  }
  return ok('cgroup v2', root);
}

function lockdown({ lockdown: modes }: HostFacts): Check {
  const mode = /\[(\w+)\]/.exec(modes)?.[1] ?? 'none';
  if (mode === 'confidentiality') {
    return fail(
      'kernel lockdown',
      mode,
      'BPF programs may not read kernel memory in this mode: boot with lockdown=integrity or none.',
    );
  }
  return ok('kernel lockdown', mode);
}

function probes({ hasProbes, capabilities, release: found }: HostFacts): Check {
  const isAdministrator = (capabilities & (1n << BigInt(CAP_SYS_ADMIN))) !== 0n;
  if (hasProbes && !isAdministrator && !isAtLeast(found, KERNEL_PROBE_LINKS)) {
    return warn(
      'probes in programs',
      `before Linux ${KERNEL_PROBE_LINKS.join('.')} they are for CAP_SYS_ADMIN`,
      'Everything is recorded but what is said in TLS: for that add CAP_SYS_ADMIN to the unit (sworn-agent.service says how), or use a newer kernel.',
    );
  }
  if (hasProbes) return ok('probes in programs', 'TLS of known libraries is read');
  return warn(
    'probes in programs',
    'the kernel has none',
    'Everything is recorded but what is said in TLS: for that use a kernel built with CONFIG_UPROBE_EVENTS=y.',
  );
}

/** Loads and attaches all programs as empty ones, and lets go again. */
function programs(): Check[] {
  let addon: Addon;
  try {
    addon = loadAddon();
  } catch (error) {
    return [fail('native addon', firstLine(error), 'Build it: npm run setup')];
  }
  try {
    const capture = new addon.Capture({ passive: true, ringBytes: 65536 });
    const attached = capture.programs().filter((program) => program.attached).length;
    const guard = guardOf(capture);
    capture.close();
    return [ok('native addon', 'loads'), ok('BPF programs', `${attached} load and attach`), guard];
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    return [
      ok('native addon', 'loads'),
      fail('BPF programs', told, 'The lines above are what the kernel said; report them with the kernel version.'),
    ];
  }
}

/** Sets the guard for a moment: a list of LSMs need not be readable, and a kernel may refuse what is on it. */
function guardOf(capture: Capture): Check {
  try {
    capture.guardSelf();
    capture.refuseActs();
    return ok('guard', 'workloads are refused what would stop the agent');
  } catch (error) {
    return warn(
      'guard',
      whyNotGuarded(error),
      'Works. What workloads do against the agent is recorded, not refused: for that boot with bpf among the LSMs (docs/OPERATOR.md, Protecting the agent).',
    );
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] as string;
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
