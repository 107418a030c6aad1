// SPDX-License-Identifier: Apache-2.0

/**
 * The ways in which a token can be asked for; also the `interface` of the record. `workload-identity` is a file with which a
 * workload asks Entra itself: nobody asks the broker by it.
 */
export const TOKEN_INTERFACES = ['app-service', 'imds', 'arc', 'unix', 'workload-identity'] as const;

export type TokenInterface = (typeof TOKEN_INTERFACES)[number];

/**
 * What a policy allows when it says nothing: the interface that carries a secret, and the one that no library speaks, so that
 * a program that is tricked into fetching a URL has no way to it.
 */
export const INTERFACES_DEFAULT: readonly TokenInterface[] = ['app-service', 'unix'];
