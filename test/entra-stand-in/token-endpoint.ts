// SPDX-License-Identifier: Apache-2.0

/**
 * `POST /{tenant}/oauth2/v2.0/token`. A grant type is one entry in `GRANTS`; today there is client_credentials with a
 * certificate. The agent identity exchange (`fmi_path`), `user_fic` and on-behalf-of are not built: asking for them is
 * answered with Entra's error for an unknown grant, never with a token.
 */

import { createAccessToken, type TokenAlteration } from './access-token.ts';
import type { AssertionCheck, CheckedAssertion } from './client-assertion.ts';
import type { Directory, RegisteredApplication, StandInResource, StandInTenant } from './directory.ts';
import { EntraRefusal } from './entra-error.ts';
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
  assertion?: CheckedAssertion;
  /** SHA-256 of the token that was answered, hexadecimal. */
  fingerprint?: string;
}

interface Understood {
  readonly tenant: StandInTenant;
  readonly application: RegisteredApplication;
  readonly request: TokenRequest;
}

type Grant = (understood: Understood, parts: TokenEndpointParts) => Promise<Record<string, unknown>>;

export interface TokenEndpointParts {
  readonly directory: Directory;
  readonly keys: SigningKeys;
  readonly assertions: AssertionCheck;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const NOT_BUILT = ['fmi_path', 'user_federated_identity_credential', 'requested_token_use'];

function single(form: URLSearchParams, name: string): string {
  const values = form.getAll(name);
  const [value] = values;
  if (value === undefined || value === '') throw new EntraRefusal(900144, name);
  if (values.length > 1) throw new EntraRefusal(900144, `${name} is there twice`);
  return value;
}

function resourceOf(scope: string, { tenant }: Understood, directory: Directory): StandInResource {
  if (scope.includes(' ')) throw new EntraRefusal(70011);
  if (!scope.endsWith('/.default')) throw new EntraRefusal(1002012);
  const resource = directory.resource(tenant, scope.slice(0, -'/.default'.length));
  if (resource === undefined) throw new EntraRefusal(500011);
  return resource;
}

const clientCredentials: Grant = async (understood, parts) => {
  const { request, tenant, application } = understood;
  for (const name of NOT_BUILT) if (request.form.has(name)) throw new EntraRefusal(70003, `${name} is not built`);
  const resource = resourceOf(single(request.form, 'scope'), understood, parts.directory);
  const { token, expiresInS } = createAccessToken({
    tenant,
    application,
    resource,
    nowMs: request.nowMs,
    keys: parts.keys,
    alteration: request.alteration,
  });
  return { token_type: 'Bearer', expires_in: expiresInS, ext_expires_in: expiresInS, access_token: token };
};

const GRANTS: Readonly<Record<string, Grant>> = { client_credentials: clientCredentials };

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
  note.scope = form.get('scope') ?? '';
  const application = parts.directory.application(tenant, note.clientId);
  if (application === undefined) throw new EntraRefusal(700016);
  const grant = Object.hasOwn(GRANTS, note.grantType) ? GRANTS[note.grantType] : undefined;
  if (grant === undefined) throw new EntraRefusal(70003);

  if (form.has('client_secret')) throw new EntraRefusal(7000215);
  if (!form.has('client_assertion')) throw new EntraRefusal(7000216);
  if (single(form, 'client_assertion_type') !== ASSERTION_TYPE) throw new EntraRefusal(7000216);
  note.assertion = await parts.assertions.check(
    single(form, 'client_assertion'),
    application,
    request.endpoint,
    request.nowMs,
  );
  return grant({ tenant, application, request }, parts);
}
