// SPDX-License-Identifier: Apache-2.0

/**
 * Who a workload may be: identities, and the bindings that tie a workload to exactly one of them. These types are a part of
 * the agent's configuration. Nothing here reads a file or asks a clock.
 */

import type { TokenInterface } from '../token-interface.ts';
import type { Identity } from './identity.ts';

export type { Credential, Identity } from './identity.ts';

/** A resource with the audiences that its tokens carry, for those whose audience is not their name. */
export interface AllowedResource {
  readonly resource: string;
  readonly audiences?: readonly string[];
}

/** A workload acts for an identity, towards these resources. */
export interface Binding {
  /** The name of the workload's selection; which process belongs to it is decided by the kernel. */
  readonly workload: string;
  /** The name of the identity. */
  readonly identity: string;
  readonly resources: readonly (string | AllowedResource)[];
  /** How long a client is told that it may keep a token; the lever with which access is ended. Seconds. */
  readonly advertisedSecondsMax?: number;
  /** How it may be asked for; INTERFACES_DEFAULT when absent. */
  readonly interfaces?: readonly TokenInterface[];
}

export interface Policy {
  readonly identities: readonly Identity[];
  readonly bindings: readonly Binding[];
}

/** A quarter of an hour: access ends at most that long after the binding was taken away, and a client asks four times an hour. */
export const ADVERTISED_SECONDS_DEFAULT = 900;

/** Clients do not keep tokens with less than five minutes left, and would ask again for every call. */
export const ADVERTISED_SECONDS_MIN = 300;
