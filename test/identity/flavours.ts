// SPDX-License-Identifier: Apache-2.0

/** The interfaces of managed identity through which a client can find the broker. */
import type { Client } from './clients.ts';

export interface Flavour {
  readonly name: string;
  /** What the record calls it; also what the policy allows, and nothing else. */
  readonly interface: 'app-service' | 'imds' | 'arc';
  readonly isFor: (client: Client) => boolean;
  /** What stands before the client's command; it becomes the client, in the same process. */
  readonly before: readonly string[];
  /** Laid over the agent's `broker`. */
  readonly broker: object;
}

export const FLAVOURS: readonly Flavour[] = [
  // As `sworn run` sets it.
  { name: 'app-service', interface: 'app-service', isFor: () => true, before: [], broker: {} },
];
