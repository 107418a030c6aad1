// SPDX-License-Identifier: Apache-2.0

/**
 * The workloads of the configuration, taken apart into what the kernel side selects by: one number each.
 */
import type { SelectionMeaning } from '../lineage/session.ts';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import { NO_IDENTITY } from '../model/identity.ts';
import type { Selection } from '../source/kernel-event-source.ts';
import type { AgentConfig, SelectConfig, WorkloadConfig } from './agent-config.ts';
import { uidOf } from './users.ts';

export interface RunSelection {
  readonly id: number;
  readonly workload: string;
  readonly identity: string;
  readonly uids: ReadonlySet<number>;
}

export interface Selections {
  /** For the kernel. */
  readonly selected: readonly Selection[];
  /** For `sworn run`. */
  readonly runs: readonly RunSelection[];
  meaningOf(selectionId: number): SelectionMeaning;
  /** Any selection of the workload: to find processes of an earlier run of the agent again. */
  idOf(workload: string): number | undefined;
  /** All selections of the workload. */
  idsOf(workload: string): readonly number[];
}

const UNKNOWN: SelectionMeaning = {
  workload: '',
  selectedBy: '',
  binding: NO_IDENTITY,
};

/** Errors: an Error for a user that the host does not have. */
export function selectionsOf(config: AgentConfig): Selections {
  const selected: Selection[] = [];
  const runs: RunSelection[] = [];
  const meanings = new Map<number, SelectionMeaning>();
  const ids = new Map<string, number>();
  let id = 0;
  for (const workload of config.workloads) {
    for (const select of workload.select) {
      id++;
      meanings.set(id, meaningOf(config, workload, select));
      if (!ids.has(workload.name) || 'run' in select) ids.set(workload.name, id);
      if ('run' in select) {
        const uids = new Set(select.run.map(uidOf));
        runs.push({ id, workload: workload.name, identity: workload.identity, uids });
      } else {
        selected.push(selectionOf(id, select));
      }
    }
  }
  return {
    selected,
    runs,
    meaningOf: (of) => meanings.get(of) ?? UNKNOWN,
    idOf: (workload) => ids.get(workload),
    idsOf: (workload) => [...meanings].flatMap(([of, meaning]) => (meaning.workload === workload ? [of] : [])),
  };
}

function selectionOf(id: number, select: Exclude<SelectConfig, { run: readonly string[] }>): Selection {
  // Where systemd puts units of the system, unless they say otherwise (Slice=): those are named by their cgroup.
  if ('unit' in select) {
    const path = select.unit.endsWith('.slice') ? `/${select.unit}` : `/system.slice/${select.unit}`;
    return { id, by: 'cgroup', path };
  }
  if ('cgroup' in select) return { id, by: 'cgroup', path: select.cgroup.replace(/(?<=.)\/+$/, '') };
  if ('exe' in select) return { id, by: 'exe', path: select.exe };
  return { id, by: 'uid', uid: 'uid' in select ? select.uid : uidOf(select.user) };
}

function meaningOf(config: AgentConfig, workload: WorkloadConfig, select: SelectConfig): SelectionMeaning {
  const identity = config.identities.find(({ name }) => name === workload.identity);
  const blueprint = config.identities.find(({ name }) => name === identity?.blueprint);
  const kind = Object.keys(select)[0] as string;
  return {
    workload: workload.name,
    selectedBy: kind === 'unit' ? 'cgroup' : kind === 'user' ? 'uid' : kind,
    binding: {
      ...NO_IDENTITY,
      identityId: identity?.object_id ?? identity?.client_id ?? '',
      identityName: workload.identity,
      state: IdentityState.POLICY,
      source: IdentitySource.POLICY,
      tenantId: identity?.tenant ?? '',
      kind: identity?.kind ?? '',
      blueprintId: blueprint?.client_id ?? '',
    },
  };
}
