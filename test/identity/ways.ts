// SPDX-License-Identifier: Apache-2.0

/** What each client is made to do: with which class, in which environment, and what must come of it. */
import type { RefusalReason } from '../../agent/broker/refusal.ts';
import type { Client } from './clients.ts';
import type { Flavour } from './flavours.ts';

/** Nobody listens there: what goes to a proxy in spite of NO_PROXY ends at once. */
const DEAD_PROXY = 'http://127.0.0.1:9';

export interface WayContext {
  /** Of the identity that the workload is bound to, and of another one of the tenant. */
  readonly clientId: string;
  readonly objectId: string;
  readonly otherClientId: string;
  readonly resource: string;
  /** The tenant knows it; the policy does not allow it. */
  readonly forbiddenResource: string;
}

export interface Way {
  readonly name: string;
  /** For people. */
  readonly about: string;
  readonly expect: 'token' | RefusalReason;
  readonly isFor: (client: Client, flavour: Flavour) => boolean;
  readonly environment: (context: WayContext) => Readonly<Record<string, string>>;
}

const everyClient = (): boolean => true;
/** Nothing that the broker could be asked for: the file is one identity's, and Entra decides what it is good for. */
const atBroker = (_: Client, flavour: Flavour): boolean => flavour.interface !== 'workload-identity';
const withSelector = (client: Client, flavour: Flavour): boolean =>
  atBroker(client, flavour) && client.noSelectorOn?.some((name) => name === flavour.name) !== true;
const withChain = ({ hasChain }: Client): boolean => hasChain;
const withChainAtBroker = (client: Client, flavour: Flavour): boolean => withChain(client) && atBroker(client, flavour);

const direct = ({ resource }: WayContext) => ({ MATRIX_WAY: 'direct', MATRIX_RESOURCE: resource });
const chain = ({ resource }: WayContext) => ({ MATRIX_WAY: 'chain', MATRIX_RESOURCE: resource });

export const WAYS: readonly Way[] = [
  {
    name: 'direct',
    about: 'the managed identity credential; with workload-identity, that of the token file',
    expect: 'token',
    isFor: everyClient,
    environment: direct,
  },
  { name: 'chain', about: 'the default chain of credentials', expect: 'token', isFor: withChain, environment: chain },
  {
    name: 'chain-client-id',
    about: 'the chain, with AZURE_CLIENT_ID of the bound identity',
    expect: 'token',
    isFor: withChainAtBroker,
    environment: (context) => ({ ...chain(context), AZURE_CLIENT_ID: context.clientId }),
  },
  {
    name: 'proxy',
    about: 'HTTP_PROXY and HTTPS_PROXY name a dead proxy',
    expect: 'token',
    isFor: atBroker,
    environment: (context) => ({
      ...direct(context),
      ...{ HTTP_PROXY: DEAD_PROXY, http_proxy: DEAD_PROXY, HTTPS_PROXY: DEAD_PROXY, https_proxy: DEAD_PROXY },
      ...{ ALL_PROXY: DEAD_PROXY, all_proxy: DEAD_PROXY },
    }),
  },
  {
    name: 'client-id',
    about: 'user-assigned: the client id of the bound identity',
    expect: 'token',
    isFor: withSelector,
    environment: (context) => ({ ...direct(context), MATRIX_CLIENT_ID: context.clientId }),
  },
  {
    name: 'object-id',
    about: 'user-assigned: its object id',
    expect: 'token',
    isFor: (client, flavour) => client.takesObjectId && withSelector(client, flavour),
    environment: (context) => ({ ...direct(context), MATRIX_OBJECT_ID: context.objectId }),
  },
  {
    name: 'other-client-id',
    about: "user-assigned: another identity's client id",
    expect: 'other_identity_requested',
    isFor: withSelector,
    environment: (context) => ({ ...direct(context), MATRIX_CLIENT_ID: context.otherClientId }),
  },
  {
    name: 'forbidden',
    about: 'a resource that the policy does not allow',
    expect: 'resource_not_allowed',
    isFor: atBroker,
    environment: (context) => ({ ...direct(context), MATRIX_RESOURCE: context.forbiddenResource }),
  },
  {
    name: 'chain-forbidden',
    about: 'the same through the chain, which must not go on to other credentials',
    expect: 'resource_not_allowed',
    isFor: withChainAtBroker,
    environment: (context) => ({ ...chain(context), MATRIX_RESOURCE: context.forbiddenResource }),
  },
];
