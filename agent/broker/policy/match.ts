// SPDX-License-Identifier: Apache-2.0

/** Whether a caller is what a policy wants it to be, and what of it is not. Pure. */

import type { CallerFacts } from '../attest/caller-facts.ts';
import type { PolicyMatch } from './policy.ts';

/** A caller as policies see it. */
export interface Asker extends CallerFacts {
  /** The name of its selection, as the kernel has it. */
  readonly workload: string;
}

/** One thing that a policy wants and the caller is not, in words for a person. */
export interface Mismatch {
  readonly selector: keyof PolicyMatch;
  readonly wanted: string;
  readonly found: string;
}

interface Selector {
  readonly holds: (wanted: string, asker: Asker) => boolean;
  readonly found: (asker: Asker) => string;
}

/** A selector is never left out because a fact is missing: what is not known is not what was wanted. */
const SELECTORS: { readonly [selector in keyof Required<PolicyMatch>]: Selector } = {
  workload: {
    holds: (wanted, { workload }) => wanted === workload,
    found: ({ workload }) => workload,
  },
  unit: {
    holds: (wanted, { unit, slices }) => wanted === unit || slices.includes(wanted),
    found: ({ unit, slices }) => [...slices, unit].filter((name) => name !== '').join(' › '),
  },
  cgroup: {
    holds: (wanted, { cgroup }) => isBelow(cgroup, wanted),
    found: ({ cgroup }) => cgroup,
  },
  containerId: {
    holds: (wanted, { containerId }) => containerId !== '' && wanted.toLowerCase() === containerId,
    found: ({ containerId }) => containerId,
  },
  exe: {
    holds: (wanted, { exe, exeIsAtPath }) => exeIsAtPath && wanted === exe,
    found: ({ exe, exeIsAtPath }) =>
      exe === '' || exeIsAtPath ? exe : `${exe}, but the host has another file there, or none`,
  },
  exeSha256: {
    holds: (wanted, { exeSha256 }) => exeSha256 !== '' && wanted.toLowerCase() === exeSha256,
    found: ({ exeSha256, exeSha256Missing }) => exeSha256 || `not made: ${exeSha256Missing ?? 'unknown'}`,
  },
  uid: {
    holds: (wanted, { uid, realUid }) => wanted === `${uid}` && uid === realUid,
    found: ({ uid, realUid }) => idText(uid, realUid),
  },
  gid: {
    holds: (wanted, { gid, realGid }) => wanted === `${gid}` && gid === realGid,
    found: ({ gid, realGid }) => idText(gid, realGid),
  },
};

const NAMES = Object.keys(SELECTORS) as (keyof PolicyMatch)[];

function isBelow(cgroup: string, wanted: string): boolean {
  const folder = wanted.replace(/\/+$/, '');
  return cgroup === folder || cgroup.startsWith(`${folder}/`) || (folder === '' && cgroup !== '');
}

const idText = (effective: number, real: number): string =>
  effective === real ? `${real}` : `${effective} (set-uid; started by ${real})`;

/** What of `match` does not hold; empty when the caller is all that is wanted. */
export function mismatches(match: PolicyMatch, asker: Asker): Mismatch[] {
  const failed: Mismatch[] = [];
  for (const selector of NAMES) {
    const value = match[selector];
    if (value === undefined) continue;
    const wanted = String(value);
    const { holds, found } = SELECTORS[selector];
    if (!holds(wanted, asker)) failed.push({ selector, wanted, found: found(asker) });
  }
  return failed;
}

export function matches(match: PolicyMatch, asker: Asker): boolean {
  return mismatches(match, asker).length === 0;
}
