// SPDX-License-Identifier: Apache-2.0

/** The names that the configuration has for identities, as it is by now: a reload brings others, and takes none away. */

import type { Identity } from '../broker/policy/identity.ts';
import type { IdentityConfig } from '../config/agent-config.ts';

type Named = Pick<Identity, 'name' | 'tenant' | 'clientId' | 'objectId'>;

export class IdentityNames {
  readonly #ids = new Map<string, string>();
  readonly #names = new Map<string, string>();

  /** All that are configured, also those that the broker has no credential for. */
  constructor(configured: readonly Pick<IdentityConfig, 'name' | 'tenant' | 'client_id' | 'object_id'>[]) {
    this.learn(
      configured.map(({ name, tenant, client_id: clientId, object_id }) => ({
        name,
        tenant,
        clientId,
        ...(object_id !== undefined && { objectId: object_id }),
      })),
    );
  }

  /** From now on. Tokens of an identity that is no longer configured stay its own. */
  learn(identities: readonly Named[]): void {
    for (const { name, tenant, clientId, objectId } of identities) {
      this.#ids.set(name, objectId ?? clientId);
      this.#names.set(clientKey(tenant, clientId), name);
    }
  }

  /** The object id of the identity of that name, else its client id; '' for a name that nobody has. */
  objectIdOf(name: string): string {
    return this.#ids.get(name) ?? '';
  }

  /** '' for a client that is not configured. */
  nameOf(tenant: string, client: string): string {
    return this.#names.get(clientKey(tenant, client)) ?? '';
  }
}

const clientKey = (tenant: string, client: string): string => `${tenant} ${client}`.toLowerCase();
