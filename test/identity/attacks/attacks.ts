// SPDX-License-Identifier: Apache-2.0

/** All attacks, in the order in which they are played. */
import type { Attack } from './attack.ts';
import { CONNECTIONS } from './rows/connections.ts';
import { CROWDS } from './rows/crowds.ts';
import { NAMESPACES } from './rows/namespaces.ts';
import { REQUEST_SHAPES } from './rows/shapes.ts';
import { THEFTS } from './rows/thefts.ts';
import { WRONG_PROCESS } from './rows/wrong-process.ts';

export const ATTACKS: readonly Attack[] = [
  ...[...WRONG_PROCESS, ...CONNECTIONS, ...NAMESPACES, ...REQUEST_SHAPES],
  ...[...CROWDS, ...THEFTS],
];
