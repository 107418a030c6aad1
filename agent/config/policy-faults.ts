// SPDX-License-Identifier: Apache-2.0

/** Policies that name what is not there, that contradict each other, or that no process can meet. */

import type { AgentConfig, MatchConfig, SelectConfig, WorkloadConfig } from './agent-config.ts';
import { credentialNameFaults } from './identity-faults.ts';

/** Where in the file, and what is wrong there. */
export type Fault = readonly [path: readonly string[], fault: string];

interface Placed {
  readonly name: string;
  readonly match: MatchConfig;
  /** Of its match, in the file. */
  readonly path: readonly string[];
  /** What a person calls it. */
  readonly called: string;
}

/** Policies as they are written, and those that workloads with resources stand for. */
function placedPolicies({ policies, workloads }: AgentConfig): Placed[] {
  const implied = workloads.flatMap(({ name, resources }, i) => {
    if (resources.length === 0) return [];
    const path = ['workloads', `${i}`, 'resources'];
    return [{ name, match: { workload: name }, path, called: `the resources of workload ${name}` }];
  });
  const written = policies.map(({ name, match }, i) => {
    return { name, match, path: ['policies', `${i}`, 'match'], called: `policy ${name}` };
  });
  return [...implied, ...written];
}

export function policyFaults(config: AgentConfig): Fault[] {
  const { policies, workloads, identities } = config;
  const placed = placedPolicies(config);
  const faults: Fault[] = [];
  policies.forEach(({ name, match, identity }, i) => {
    const at = ['policies', `${i}`];
    if (placed.filter((other) => other.name === name).length > 1)
      faults.push([[...at, 'name'], `is ${name}, which is there twice, or is the name of a workload with resources`]);
    if (!identities.some((one) => one.name === identity))
      faults.push([[...at, 'identity'], `is ${identity}, which is not among identities`]);
    if (match.user !== undefined && match.uid !== undefined)
      faults.push([[...at, 'match', 'uid'], 'is there beside user: name one of them']);
    const workload = workloads.find((one) => one.name === match.workload);
    if (match.workload !== undefined && workload === undefined) {
      faults.push([[...at, 'match', 'workload'], `is ${match.workload}, which is not among workloads`]);
    } else if (!(workload === undefined ? workloads : [workload]).some((one) => mayHold(one, match))) {
      faults.push([[...at, 'match'], 'cannot be met: no workload selects such a process']);
    }
  });
  const { enabled, issuer, key_file: keyFile } = config.broker.workload_identity;
  const section = ['broker', 'workload_identity'];
  if (enabled && issuer === undefined) faults.push([section, 'lacks issuer: where its documents are published']);
  if (keyFile !== undefined) faults.push(...credentialNameFaults([...section, 'key_file'], keyFile));
  return [...faults, ...shadowed(placed)];
}

/** A process that is matched by two policies gets nothing, so a policy whose processes another one matches too is dead. */
function shadowed(placed: readonly Placed[]): Fault[] {
  return placed.flatMap((one, i) => {
    const other = placed.find((wider, j) => j !== i && covers(wider.match, one.match));
    if (other === undefined) return [];
    // Said once, of the later one.
    const equal = covers(one.match, other.match);
    if (equal && placed.indexOf(other) > i) return [];
    const what = equal ? 'wants the same as' : 'can never be the only match, since what it matches also matches';
    return [[one.path, `${what} ${other.called}`] as const];
  });
}

/** True when whatever `narrow` matches is sure to match `wide`: `wide` wants nothing that `narrow` does not want too. */
function covers(wide: MatchConfig, narrow: MatchConfig): boolean {
  return Object.entries(wide).every(([selector, wanted]) => {
    const own = narrow[selector as keyof MatchConfig];
    if (own === undefined) return false;
    if (selector === 'cgroup') return isBelow(String(own), String(wanted));
    return String(own).toLowerCase() === String(wanted).toLowerCase();
  });
}

function isBelow(cgroup: string, folder: string): boolean {
  return `${cgroup}/`.startsWith(`${folder.replace(/\/+$/, '')}/`);
}

/** Only what cannot be otherwise counts as a contradiction: a process goes on to other programs, and root to other users. */
function mayHold({ select }: WorkloadConfig, match: MatchConfig): boolean {
  return select.some((one) => !contradicts(one, match));
}

function contradicts(select: SelectConfig, match: MatchConfig): boolean {
  if ('uid' in select) return match.uid !== undefined && select.uid !== 0 && select.uid !== match.uid;
  if ('user' in select) return match.user !== undefined && select.user !== 'root' && select.user !== match.user;
  if (
    'unit' in select &&
    match.unit !== undefined &&
    !/\.slice$/.test(`${select.unit}`) &&
    !/\.slice$/.test(match.unit)
  )
    return select.unit !== match.unit;
  const selected = 'cgroup' in select ? select.cgroup : 'unit' in select ? cgroupOf(select.unit) : undefined;
  const wanted = match.cgroup;
  return selected !== undefined && wanted !== undefined && !isBelow(selected, wanted) && !isBelow(wanted, selected);
}

/** Where systemd puts it unless the unit says otherwise (Slice=); only system.slice can be known. */
const cgroupOf = (unit: string): string => (unit.endsWith('.slice') ? `/${unit}` : `/system.slice/${unit}`);
