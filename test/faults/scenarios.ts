// SPDX-License-Identifier: Apache-2.0

/** All scenarios whose iterations are counted, and which one is next. */
import { clock } from './clock.ts';
import { disk } from './disk.ts';
import { image } from './image.ts';
import { kill } from './kill.ts';
import { network } from './network.ts';
import { power } from './power.ts';
import { recording } from './recording.ts';
import { rot } from './rot.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: readonly Scenario[] = [power, disk, rot, clock, image, network, kill, recording];

/** The scenario of the iteration with this number: each as often as its share says, evenly spread. */
export function scenarioAt(number: number, scenarios: readonly Scenario[]): Scenario {
  const shares = scenarios.reduce((sum, { share }) => sum + share, 0);
  // A step that has no divisor in common with the sum meets each place once.
  const step = coprimeTo(shares);
  let place = (number * step) % shares;
  for (const scenario of scenarios) {
    if (place < scenario.share) return scenario;
    place -= scenario.share;
  }
  throw new RangeError('no scenario has a share');
}

function coprimeTo(count: number): number {
  let step = Math.max(1, Math.floor(count * 0.618));
  while (divisorOf(step, count) !== 1) step++;
  return step;
}

function divisorOf(a: number, b: number): number {
  return b === 0 ? a : divisorOf(b, a % b);
}
