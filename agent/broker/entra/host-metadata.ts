// SPDX-License-Identifier: Apache-2.0

/** Managed identities of the Azure host, asked for at its metadata service. No cache: that is the shelf's. */

import type { Clock } from '../clock.ts';
import { type EntraAnswer, objectIn, readRetryAfter, readTokenAnswer, refusedFor } from './entra-answer.ts';
import { type HttpsAnswer, type HttpsFetch, TransportError } from './https-fetch.ts';

export const HOST_METADATA_ORIGIN = 'http://169.254.169.254';

const API_VERSION = '2018-02-01';

export interface HostMetadataParts {
  /** http; of this host. */
  readonly origin: string;
  readonly fetch: HttpsFetch;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

function readRefusal(answer: HttpsAnswer, nowMs: number): EntraAnswer {
  const retryAfterMs = readRetryAfter(answer.header('retry-after'), nowMs);
  const { error, error_description: description } = objectIn(answer.body);
  if (answer.status === 429) {
    return refusedFor({
      reason: 'upstream_throttled',
      advice: 'The metadata service of the host throttles.',
      retryAfterMs,
    });
  }
  // 410 while it is being updated; 404 for a while after a start.
  if (answer.status >= 500 || answer.status === 404 || answer.status === 410 || answer.status < 400) {
    const advice = `The metadata service of the host answered ${answer.status}.`;
    return refusedFor({ reason: 'upstream_unavailable', advice, retryAfterMs });
  }
  if (error === 'invalid_resource' || (typeof description === 'string' && description.startsWith('AADSTS500011'))) {
    return refusedFor({ reason: 'resource_unknown', advice: 'The host says that the tenant has no such resource.' });
  }
  const advice = `The metadata service of the host has no such identity (${answer.status}): assign it to this host.`;
  return refusedFor({ reason: 'identity_misconfigured', misconfigured: true, advice });
}

/**
 * A token for `resource`; `clientId` names one of several identities, undefined the only one, or the host's own.
 *
 * Errors   never throws: what went wrong is an answer
 * Source   Azure, "how managed identities for Azure resources work": Metadata header, no proxy, 404, 410, 429 and 5xx are
 *          to be tried again
 */
export async function askHostForToken(
  resource: string,
  clientId: string | undefined,
  parts: HostMetadataParts,
): Promise<EntraAnswer> {
  const url = new URL(`${parts.origin}/metadata/identity/oauth2/token`);
  url.searchParams.set('api-version', API_VERSION);
  url.searchParams.set('resource', resource);
  if (clientId !== undefined) url.searchParams.set('client_id', clientId);
  try {
    const headers = { metadata: 'true' };
    const answer = await parts.fetch({ method: 'GET', url, headers, timeoutMs: parts.timeoutMs });
    return answer.status === 200 ? readTokenAnswer(answer.body) : readRefusal(answer, parts.clock.wallMs());
  } catch (error) {
    const kind = error instanceof TransportError ? error.kind : 'failed';
    const advice = `The metadata service of the host does not answer (${kind}): is this an Azure host?`;
    return refusedFor({ reason: 'upstream_unavailable', advice });
  }
}
