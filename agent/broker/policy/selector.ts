// SPDX-License-Identifier: Apache-2.0

/** A client may say which identity it wants. It must be the bound one: a selector never selects. */

import type { Identity } from './policy.ts';

export interface IdentitySelector {
  readonly kind: 'client-id' | 'object-id' | 'resource-id';
  readonly value: string;
}

/** The parameters, in lower case, with which SDKs name a user-assigned identity, over all flavours and ages. */
export const SELECTOR_PARAMETERS: Readonly<Record<string, IdentitySelector['kind']>> = {
  client_id: 'client-id',
  clientid: 'client-id',
  object_id: 'object-id',
  principal_id: 'object-id',
  mi_res_id: 'resource-id',
  msi_res_id: 'resource-id',
};

/** Ids are GUIDs, so case does not matter. An identity of ours has no Azure resource id: that selector matches none. */
export function selects(selector: IdentitySelector, identity: Identity): boolean {
  const wanted = selector.value.toLowerCase();
  switch (selector.kind) {
    case 'client-id':
      return wanted === identity.clientId.toLowerCase();
    case 'object-id':
      return identity.objectId !== undefined && wanted === identity.objectId.toLowerCase();
    case 'resource-id':
      return false;
  }
}
