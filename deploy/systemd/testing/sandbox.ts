// SPDX-License-Identifier: Apache-2.0

/**
 * Runs a program as systemd would run it in one of our units, where systemd is not there to do it: the unit's user and
 * capabilities, its system calls and address families, its view of the file system. What is left out is said at the end.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { allowedSystemCalls } from './system-calls.ts';
import { isYes, type UnitFile } from './unit-file.ts';

const FAMILIES: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10 };

export interface SandboxOptions {
  readonly unit: UnitFile;
  /** Numbers that no account of this machine has, in place of the unit's User= and Group=. */
  readonly uid: number;
  /** What StateDirectory=, RuntimeDirectory= and CacheDirectory= would be. They belong to the user and can be written. */
  readonly folders: readonly string[];
  /** The project, and where it is shown instead: it may lie where the user cannot go. */
  readonly project: string;
  readonly projectAt: string;
}

/**
 * The words to put before a command. Run as root.
 *
 * Left out     PrivateUsers=, PrivateDevices=, RestrictNamespaces=, RestrictSUIDSGID=, the resource limits but LimitCORE=
 */
export function sandboxed(options: SandboxOptions): string[] {
  const { unit, uid, projectAt } = options;
  const filter = join(projectAt, 'deploy/systemd/testing/apply_seccomp.py');
  return [
    ...['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', mountScript(options), 'sandbox'],
    ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...capabilityArguments(unit)],
    ...['sh', '-c', `umask ${unit.one('UMask')}; ulimit -c ${unit.one('LimitCORE')}; exec "$@"`, 'limits'],
    ...['python3', filter, JSON.stringify(systemCalls(unit))],
  ];
}

function capabilityArguments(unit: UnitFile): string[] {
  const words = (name: string): string[] =>
    unit
      .all(name)
      .flatMap((value) => value.split(/\s+/))
      .map((capability) => `+${capability.replace(/^CAP_/, '').toLowerCase()}`);
  const ambient = ['-all', ...words('AmbientCapabilities')].join(',');
  const bounding = ['-all', ...words('CapabilityBoundingSet')].join(',');
  const privileges = isYes(unit.one('NoNewPrivileges')) ? ['--no-new-privs'] : [];
  return [`--inh-caps=${ambient}`, `--ambient-caps=${ambient}`, `--bounding-set=${bounding}`, ...privileges];
}

function systemCalls(unit: UnitFile): { calls: number[]; families: number[] } {
  const families = unit.one('RestrictAddressFamilies').split(/\s+/);
  return { calls: allowedSystemCalls(unit), families: families.map((name) => FAMILIES[name] as number) };
}

/** Everything read-only but the folders; /tmp empty; homes as the unit says. */
function mountScript({ unit, folders, project, projectAt, uid }: SandboxOptions): string {
  const lines: string[] = [];
  for (const folder of folders) {
    lines.push(`mkdir -p ${quoted(folder)}`, `chown ${uid}:${uid} ${quoted(folder)}`);
    lines.push(`mount --bind ${quoted(folder)} ${quoted(folder)}`);
  }
  lines.push(`mkdir -p ${quoted(projectAt)}`, `mount --bind ${quoted(project)} ${quoted(projectAt)}`);
  if (unit.one('ProtectSystem') === 'strict') {
    const kept = folders.map((folder) => `${quoted(folder)})`).join(' continue ;; ');
    // Of what is mounted on one place more than once, only the last can be seen.
    lines.push(
      'cut -d" " -f5 /proc/self/mountinfo | sort -u | while read -r place; do',
      `case $place in ${kept} continue ;; esac`,
      'case $place in /proc|/proc/*|/dev|/dev/*|/sys|/sys/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac',
      'done',
    );
  }
  if (isYes(unit.one('ProtectControlGroups'))) {
    lines.push('for place in $(grep -o " /sys/fs/cgroup[^ ]* " /proc/self/mountinfo); do');
    lines.push('mount -o remount,bind,ro "$place" 2>/dev/null || true', 'done');
  }
  if (isYes(unit.one('ProtectKernelTunables'))) {
    lines.push('mount --bind /proc/sys /proc/sys', 'mount -o remount,bind,ro /proc/sys');
    lines.push('mount -o remount,bind,ro /sys 2>/dev/null || true');
  }
  if (unit.one('ProtectHome') === 'yes') {
    lines.push('for place in /home /root; do mount -t tmpfs -o ro,mode=000 tmpfs "$place"; done');
  }
  if (isYes(unit.one('PrivateTmp'))) {
    lines.push('for place in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$place"; done');
  }
  lines.push('exec "$@"');
  return lines.join('\n');
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Why the sandbox cannot be made here; undefined when it can. */
export function whyNoSandbox(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make it';
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'this kernel does not let us make a mount namespace';
  }
}
