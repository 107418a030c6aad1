// SPDX-License-Identifier: Apache-2.0

/**
 * The guard of the agent: where the kernel has BPF LSM it refuses workloads what would stop, blind or change the agent.
 * Where it has not, the agent says so, and what is done against it is told as far as it is seen.
 */
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConfig } from '../config/agent-config.ts';
import { whyNotGuarded } from '../source/ebpf/guard-reason.ts';
import type { Log } from '../telemetry/log.ts';

/** Of the source, what the guard needs. */
export interface GuardKernel {
  /** Acts against this process are told of from now on. */
  guardSelf(): void;
  /** And refused. Errors: with `code`, and a message that says why this kernel does not. */
  refuseActs(): void;
  /** Files and folders that workloads may not change; in place of those of the last call. */
  guardFiles(paths: readonly string[]): void;
}

export interface GuardStatus {
  /** 'off': the configuration wants none. */
  readonly state: 'active' | 'unavailable' | 'off';
  /** Why it is not active; '' when it is. */
  readonly reason: string;
  /** What workloads may not change. */
  readonly files: readonly string[];
}

/** The configuration asks for a guard that this kernel does not have. */
export class GuardUnavailable extends Error {
  override readonly name = 'GuardUnavailable';
  readonly code = 'guard_unavailable';

  constructor(reason: string) {
    super(
      `guard.enabled is true, and this host cannot guard the agent: ${reason}. ` +
        'Boot with bpf in the list of LSMs (lsm=…,bpf), or set guard.enabled to auto: then acts are recorded, not refused.',
    );
  }
}

export class Guard {
  readonly status: GuardStatus;
  readonly #kernel: GuardKernel;

  /** Errors: GuardUnavailable. */
  constructor(kernel: GuardKernel, config: Pick<AgentConfig, 'guard' | 'state_dir' | 'run_dir'>, log: Log) {
    const { enabled } = config.guard;
    const files = [config.state_dir, config.run_dir, programFolder(), ...configurationFolders(), ...config.guard.files];
    this.#kernel = kernel;
    kernel.guardSelf();
    this.status = { ...begin(kernel, enabled), files };
    if (enabled === true && this.status.state !== 'active') throw new GuardUnavailable(this.status.reason);
    if (this.status.state === 'unavailable') {
      log.warn(
        { reason: this.status.reason },
        'the agent is not guarded: acts of workloads against it are recorded only',
      );
    }
    this.refresh();
  }

  /** Files that were made or replaced meanwhile. */
  refresh(): void {
    if (this.status.state === 'active') this.#kernel.guardFiles(this.status.files);
  }
}

function begin(kernel: GuardKernel, enabled: boolean | 'auto'): Pick<GuardStatus, 'state' | 'reason'> {
  if (enabled === false) return { state: 'off', reason: 'guard.enabled is false' };
  try {
    kernel.refuseActs();
    return { state: 'active', reason: '' };
  } catch (error) {
    return { state: 'unavailable', reason: whyNotGuarded(error) };
  }
}

/** systemd.exec(5), ConfigurationDirectory=. */
function configurationFolders(): string[] {
  return (process.env['CONFIGURATION_DIRECTORY'] ?? '').split(':').filter((folder) => folder !== '');
}

/** Where this program is installed. */
function programFolder(): string {
  return realpathSync(join(import.meta.dirname, '../..'));
}
