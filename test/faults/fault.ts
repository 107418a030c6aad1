// SPDX-License-Identifier: Apache-2.0

/** What a scenario finds wrong with the record, and what it did to find it. */

/**
 * lost: what was acknowledged is not there, or not as it was. doubled: it is there twice. undeclared: it is missing, cut or
 * given to the wrong one, and nothing in the record says so.
 */
export interface Fault {
  readonly kind: 'lost' | 'doubled' | 'undeclared';
  readonly text: string;
}

export interface Outcome {
  readonly faults: readonly Fault[];
  /** What was done and found, a sentence each. */
  readonly notes: readonly string[];
}

const SHOWN_MAX = 10;

/** For an assertion: the first ones, and how many there are. */
export function shown(faults: readonly Fault[]): string[] {
  const texts = faults.slice(0, SHOWN_MAX).map(({ kind, text }) => `${kind}: ${text}`);
  return faults.length > SHOWN_MAX ? [...texts, `… ${faults.length} in all`] : texts;
}
