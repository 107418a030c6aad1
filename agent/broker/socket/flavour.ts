// SPDX-License-Identifier: Apache-2.0

/** What distinguishes one flavour of managed identity from another; `loopback-endpoint.ts` is what they share. */

import type { IncomingHttpHeaders } from 'node:http';
import type { RefusalReason } from '../refusal.ts';
import type { TokenRequest } from '../token-desk.ts';
import type { TokenInterface } from '../token-interface.ts';
import type { ManagedIdentityQuery } from './managed-identity-protocol.ts';

export interface Flavour {
  readonly interface: TokenInterface;
  readonly secret: TokenRequest['secret'];
  /** Of the request line, without the query, as it was sent. */
  isPath(path: string): boolean;
  /** What the Host header may say when the endpoint listens on this port. */
  hosts(port: number): readonly string[];
  /** Dates compare as texts. */
  readonly apiVersionMin: string;
  /** What this flavour wants in the headers; undefined: nothing is wrong. */
  headerProblem?(headers: IncomingHttpHeaders): RefusalReason | undefined;
  presentedSecret?(headers: IncomingHttpHeaders): string | undefined;
  /**
   * For a flavour that wants a proof in a second request: what to answer to a request without one, or undefined when the
   * request has it. Such a flavour checks the proof by itself, in `proofProblem`.
   */
  readonly challenge?: Challenge;
}

export interface Challenge {
  isProven(headers: IncomingHttpHeaders): boolean;
  /** Asked for a request that is proven, before the desk sees it. */
  proofProblem(headers: IncomingHttpHeaders, attest: TokenRequest['attest']): RefusalReason | undefined;
  /** The value of WWW-Authenticate. Errors: throws when none can be made; the answer is 503 then. */
  make(attest: TokenRequest['attest']): string;
}

export type ReadRequest = Pick<
  TokenRequest,
  'resource' | 'selectors' | 'staleFingerprint' | 'presentedSecret' | 'refuse'
>;

/** The part of a desk's request that comes from the client. */
export function readRequest(flavour: Flavour, query: ManagedIdentityQuery, headers: IncomingHttpHeaders): ReadRequest {
  const refuse = flavour.headerProblem?.(headers) ?? query.problem;
  return {
    presentedSecret: flavour.presentedSecret?.(headers),
    resource: query.resource,
    selectors: query.selectors,
    staleFingerprint: query.staleFingerprint,
    ...(refuse === undefined ? {} : { refuse }),
  };
}
