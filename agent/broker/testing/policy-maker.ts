// SPDX-License-Identifier: Apache-2.0

/** Callers and matches for tests of the decision: one that is given, and many that are thrown. */

import type { Asker } from '../policy/match.ts';
import type { PolicyMatch } from '../policy/policy.ts';

export function asker(changes: Partial<Asker> = {}): Asker {
  return {
    workload: 'orders',
    exe: '/opt/agent',
    exeIsAtPath: true,
    exeSha256: 'ab'.repeat(32),
    exeSha256Missing: undefined,
    device: 1n,
    inode: 2n,
    cgroup: '/system.slice/agent.service',
    unit: 'agent.service',
    slices: ['system.slice'],
    containerId: 'cd'.repeat(32),
    uid: 7,
    gid: 7,
    realUid: 7,
    realGid: 7,
    networkNamespace: 4,
    ...changes,
  };
}

export interface Dice {
  below(bound: number): number;
  match(): PolicyMatch;
  asker(): Asker;
  shuffled<T>(list: readonly T[]): T[];
}

/** Few values of each kind, so that they meet. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    // Numerical Recipes' linear congruence: enough to mix a few choices.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
  const one = <T>(...of: readonly T[]): T => of[below(of.length)] as T;
  const workload = (): string => one('orders', 'billing');
  const digest = (): string => one('ab', 'ef').repeat(32);
  const cgroup = (): string => one('/system.slice', '/system.slice/agent.service', '/other');
  const exe = (): string => one('/opt/agent', '/opt/other');
  const sometimes = <K extends string, V>(key: K, value: V): { [key in K]?: V } =>
    (below(3) === 0 ? { [key]: value } : {}) as { [key in K]?: V };
  return {
    below,
    match: () => ({
      ...sometimes('workload', workload()),
      ...sometimes('unit', one('agent.service', 'system.slice')),
      ...sometimes('cgroup', cgroup()),
      ...sometimes('containerId', one('cd', '01').repeat(32)),
      ...sometimes('exe', exe()),
      ...sometimes('exeSha256', digest()),
      ...sometimes('uid', one(0, 7)),
      ...sometimes('gid', one(0, 7)),
    }),
    asker: () =>
      asker({
        workload: workload(),
        exe: exe(),
        exeIsAtPath: one(true, true, false),
        exeSha256: digest(),
        cgroup: cgroup(),
        unit: one('agent.service', ''),
        containerId: one('cd'.repeat(32), ''),
        uid: one(0, 7),
        gid: one(0, 7),
      }),
    shuffled(list) {
      const left = [...list];
      return list.map(() => left.splice(below(left.length), 1)[0] as (typeof list)[number]);
    },
  };
}
