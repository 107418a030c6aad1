// SPDX-License-Identifier: Apache-2.0

/**
 * Tokens for the token exchange on the wire: which are everyday life, and which must not be where they are. With such a token
 * one becomes somebody else, so where it goes decides. Pure.
 *
 * | token                                          | is in place                                                          |
 * |------------------------------------------------|----------------------------------------------------------------------|
 * | of Entra: vouches for an agent or its user     | nowhere: the broker keeps its own to itself                          |
 * | in the name of this broker's issuer, not by it | nowhere: somebody else has the key, or pretends to                   |
 * | of this broker's issuer                        | in the form of a request to the token endpoint of its authority      |
 * | of another issuer: a cluster, a CI service     | the same, of any authority of Entra; and where a session receives it |
 */

import { isTokenExchange } from './policy/resource.ts';
import { audiencesIn, type JsonObject, textClaim } from './token/compact-token.ts';

/** A request in which a credential stood, in the words of who sent it. */
export interface SentTo {
  /** Host, with the port where it is not the usual one. */
  readonly authority: string;
  readonly path: string;
  /** What the client asked for when it began TLS; '' when it named nobody. undefined: there was no TLS. */
  readonly tlsServerName: string | undefined;
}

export interface ExchangeSighting {
  /** "http-form", "http-bearer", … */
  readonly interface: string;
  /** In a request. */
  readonly sentTo?: SentTo | undefined;
  /** It came to the holder in an answer. */
  readonly isAnswered?: boolean | undefined;
}

export interface ExchangeJudge {
  /** False for tokens that are not for the token exchange. */
  isOutOfPlace(claims: JsonObject, sighting: ExchangeSighting, isOurs: boolean): boolean;
}

export interface ExchangeJudgeOptions {
  /** Of the broker: an https origin. */
  readonly authority: string;
  /** What the broker signs files for workloads as; undefined when it does not. */
  readonly issuer: string | undefined;
}

/**
 * Where Entra answers, in all clouds, and by region.
 * Source   Entra documentation, national clouds; MSAL's regional endpoints
 */
const ENTRA_HOSTS: ReadonlySet<string> = new Set([
  ...['login.microsoftonline.com', 'login.microsoft.com', 'login.windows.net', 'login.microsoftonline.us'],
  ...['login.chinacloudapi.cn', 'login.partner.microsoftonline.cn'],
]);
const REGIONAL = /^[a-z0-9-]{1,63}\.login\.microsoft(?:online)?\.(?:com|us)$/;
/** Of every cloud, v1 and v2. */
const ENTRA_ISSUER =
  /^https:\/\/(?:sts\.windows\.net|sts\.chinacloudapi\.cn|login\.microsoftonline\.(?:com|us)|login\.partner\.microsoftonline\.cn|login\.chinacloudapi\.cn)\//i;
const TOKEN_ENDPOINT = /^\/[^/]{1,256}\/oauth2\/(?:v2\.0\/)?token$/;
const HTTPS_PORT = /:443$/;

const hostOf = (authority: string): string => authority.toLowerCase().replace(HTTPS_PORT, '');

export function createExchangeJudge({ authority, issuer }: ExchangeJudgeOptions): ExchangeJudge {
  const own = new URL(authority).host;
  const isEntra = (host: string): boolean => host === own || ENTRA_HOSTS.has(host) || REGIONAL.test(host);

  function isAtTokenEndpoint({ interface: place, sentTo }: ExchangeSighting, isOurs: boolean): boolean {
    if (place !== 'http-form' || sentTo?.tlsServerName === undefined || !TOKEN_ENDPOINT.test(sentTo.path)) return false;
    const host = hostOf(sentTo.authority);
    // The name that TLS was begun with is one more word of the client; a program that is no thief has them agree.
    const named = sentTo.tlsServerName.toLowerCase();
    if (named !== '' && named !== host.replace(/:\d+$/, '')) return false;
    return isOurs ? host === own : isEntra(host);
  }

  return {
    isOutOfPlace(claims, sighting, isOurs) {
      if (!audiencesIn(claims).some(isTokenExchange)) return false;
      const by = textClaim(claims, 'iss');
      if (ENTRA_ISSUER.test(by)) return true;
      if (!isOurs && by === issuer) return true;
      if (isAtTokenEndpoint(sighting, isOurs)) return false;
      // Who is given one by a cluster or a CI service is where it should be. Nobody is given ours.
      return isOurs || sighting.isAnswered !== true;
    },
  };
}
