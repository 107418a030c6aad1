// SPDX-License-Identifier: Apache-2.0

/** The interfaces of managed identity through which a client can find the broker. */
import type { Client, FurtherFlavour } from './clients.ts';

export interface Flavour {
  readonly name: 'app-service' | FurtherFlavour;
  /** What the record calls it; also what the policy allows, and nothing else. */
  readonly interface: 'app-service' | 'imds' | 'arc' | 'workload-identity';
  readonly isFor: (client: Client) => boolean;
  /** What stands before the client's command; it becomes the client, in the same process. */
  readonly before: readonly string[];
  /** Laid over the agent's `broker`. */
  readonly broker: object;
}

const METADATA = 'AZURE_POD_IDENTITY_AUTHORITY_HOST';

export const FLAVOURS: readonly Flavour[] = [
  // As `sworn run` sets each.
  { name: 'app-service', interface: 'app-service', isFor: () => true, before: [], broker: {} },
  {
    name: 'imds',
    interface: 'imds',
    isFor: ({ knows }) => knows.includes('imds'),
    before: [],
    broker: { imds: { enabled: true, port: 0 } },
  },
  // 169.254.169.254 itself, to which nothing leads: the kernel sends the connection to the broker.
  {
    name: 'imds-address',
    interface: 'imds',
    isFor: ({ knows }) => knows.includes('imds-address'),
    before: ['env', '-u', METADATA],
    broker: { imds: { enabled: true, port: 0 } },
  },
  {
    name: 'arc',
    interface: 'arc',
    isFor: ({ knows }) => knows.includes('arc'),
    before: [],
    broker: { arc: { enabled: true, port: 0 } },
  },
  // It asks no broker: it shows Entra, at Entra's own name, what the broker signed.
  {
    name: 'workload-identity',
    interface: 'workload-identity',
    isFor: ({ knows }) => knows.includes('workload-identity'),
    before: [],
    broker: { workload_identity: { enabled: true, issuer: 'https://issuer.matrix.example/host' } },
  },
];
