// SPDX-License-Identifier: Apache-2.0

/** What one kind of fault is: a seeded run, and what is found wrong by it. One iteration is one run of one scenario. */
import type { Outcome } from './fault.ts';
import type { Ground } from './ground.ts';

export interface Scenario {
  readonly name: string;
  /** Of a hundred iterations, so many are of this one. */
  readonly share: number;
  /** What the host must have; undefined when it has it. */
  readonly missing?: () => string | undefined;
  run(seed: number, ground: Ground): Promise<Outcome>;
}
