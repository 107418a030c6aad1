// SPDX-License-Identifier: Apache-2.0

/** `POST /{tenant}/oauth2/v2.0/token`: who asks and how it proves itself. What it gets is `grants.ts`. */

import type { TokenAlteration } from './access-token.ts';
import type { AssertionCheck, CheckedAssertion } from './client-assertion.ts';
import type { Directory } from './directory.ts';
import { EntraRefusal } from './entra-error.ts';
import { GRANTS, single, withoutOpenId } from './grants.ts';
import type { SamlIssuer } from './saml.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface TokenRequest {
  readonly tenantId: string;
  readonly form: URLSearchParams;
  /** The endpoint as the client addressed it, without a query: what the assertion's audience must be. */
  readonly endpoint: string;
  readonly nowMs: number;
  readonly alteration: TokenAlteration;
}

/** What the request log keeps of a request; filled in as far as the request was understood. */
export interface TokenRequestNote {
  grantType?: string;
  clientId?: string;
  scope?: string;
  fmiPath?: string;
  assertion?: CheckedAssertion;
  /** SHA-256 of the token that was answered, hexadecimal. */
  fingerprint?: string;
}

export interface TokenEndpointParts {
  readonly directory: Directory;
  readonly keys: SigningKeys;
  readonly assertions: AssertionCheck;
  readonly saml: SamlIssuer;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export async function answerTokenRequest(
  request: TokenRequest,
  parts: TokenEndpointParts,
  note: TokenRequestNote,
): Promise<Record<string, unknown>> {
  const { form } = request;
  const tenant = parts.directory.tenant(request.tenantId);
  if (tenant === undefined) throw new EntraRefusal(90002);
  note.grantType = single(form, 'grant_type');
  note.clientId = single(form, 'client_id');
  note.scope = withoutOpenId(form.get('scope') ?? '');
  if (form.has('fmi_path')) note.fmiPath = form.get('fmi_path') ?? '';
  const client = parts.directory.client(tenant, note.clientId);
  if (client === undefined) throw new EntraRefusal(700016);
  const grant = Object.hasOwn(GRANTS, note.grantType) ? GRANTS[note.grantType] : undefined;
  if (grant === undefined) throw new EntraRefusal(70003);

  if (form.has('client_secret')) throw new EntraRefusal(7000215);
  if (!form.has('client_assertion')) throw new EntraRefusal(7000216);
  if (single(form, 'client_assertion_type') !== ASSERTION_TYPE) throw new EntraRefusal(7000216);
  note.assertion = await parts.assertions.check({
    assertion: single(form, 'client_assertion'),
    tenant,
    client,
    endpoint: request.endpoint,
    nowMs: request.nowMs,
  });
  return grant({ tenant, client, request }, parts);
}
