// SPDX-License-Identifier: Apache-2.0

/**
 * Who may be whom: policies, each of which lets the callers that it matches act for one identity. These types are a part of
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

/**
 * What a caller must be, all of it; what is left out does not matter. What each is worth against a hostile user of the host
 * stands in `attest/caller-facts.ts`.
 */
export interface PolicyMatch {
  /** The name of the workload; which process belongs to it is decided by the kernel. */
  readonly workload?: string;
  /** x.service, x.scope, or x.slice for all that is in a slice. Of the system's manager, never of a user's. */
  readonly unit?: string;
  /** Path of a cgroup v2; those below belong to it. */
  readonly cgroup?: string;
  /** 64 hexadecimal digits. */
  readonly containerId?: string;
  /** Path of the program, as the host sees it. */
  readonly exe?: string;
  /** Of the program that is executed; hexadecimal. */
  readonly exeSha256?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** Callers that match act for an identity, towards these resources. */
export interface Policy {
  /** How people and the record name it. */
  readonly name: string;
  readonly match: PolicyMatch;
  /** The name of the identity. */
  readonly identity: string;
  readonly resources: readonly (string | AllowedResource)[];
  /** How long a client is told that it may keep a token; the lever with which access is ended. Seconds. */
  readonly advertisedSecondsMax?: number;
  /** How it may be asked for; INTERFACES_DEFAULT when absent. */
  readonly interfaces?: readonly TokenInterface[];
  /** With the interface `workload-identity`: whose the workload's token file is. */
  readonly fileOwner?: { readonly uid: number; readonly gid: number };
}

export interface PolicySet {
  readonly identities: readonly Identity[];
  /** Their order means nothing: a caller that two of them match gets no token. */
  readonly policies: readonly Policy[];
}

/** A quarter of an hour: access ends at most that long after the policy was taken away, and a client asks four times an hour. */
export const ADVERTISED_SECONDS_DEFAULT = 900;

/** Clients do not keep tokens with less than five minutes left, and would ask again for every call. */
export const ADVERTISED_SECONDS_MIN = 300;
