// SPDX-License-Identifier: Apache-2.0

/**
 * What a client that proved itself is given: for itself (client_credentials), for an agent that it vouches for (the same,
 * with `fmi_path`), for the agent's own user (user_fic), or for a person who called it (on-behalf-of).
 */

import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { createAccessToken, issuerOf } from './access-token.ts';
import {
  type Client,
  clientIdOf,
  rightsOf,
  type StandInResource,
  type StandInTenant,
  TOKEN_EXCHANGE,
} from './directory.ts';
import { EntraRefusal } from './entra-error.ts';
import { fmiSubjectOf } from './fmi-subject.ts';
import type { TokenEndpointParts, TokenRequest } from './token-endpoint.ts';

interface Understood {
  readonly tenant: StandInTenant;
  readonly client: Client;
  readonly request: TokenRequest;
}

type Grant = (understood: Understood, parts: TokenEndpointParts) => Promise<Record<string, unknown>>;

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SAML_TYPES = ['urn:ietf:params:oauth:token-type:saml2', 'urn:ietf:params:oauth:token-type:saml1'];
const CLOCK_SKEW_S = 300;

/** Facets of who acts and of who is spoken for: an agent identity, its user; even numbers are Entra's own noise. */
const FACETS = { vouchedFor: '1 9', agent: '11 7', agentUser: '13 28' } as const;

export function single(form: URLSearchParams, name: string): string {
  const values = form.getAll(name);
  const [value] = values;
  if (value === undefined || value === '') throw new EntraRefusal(900144, name);
  if (values.length > 1) throw new EntraRefusal(900144, `${name} is there twice`);
  return value;
}

/** Scopes of OpenID Connect, which MSAL for Go and Java send along whatever they ask for; Entra takes them. */
const OPENID_SCOPES = new Set(['openid', 'profile', 'email', 'offline_access']);

/** What is asked for besides. */
export function withoutOpenId(scope: string): string {
  return scope
    .split(' ')
    .filter((name) => !OPENID_SCOPES.has(name))
    .join(' ');
}

function resourceOf({ request, tenant }: Understood, { directory }: TokenEndpointParts): StandInResource {
  const scope = withoutOpenId(single(request.form, 'scope'));
  if (scope.includes(' ')) throw new EntraRefusal(70011);
  if (!scope.endsWith('/.default')) throw new EntraRefusal(1002012);
  const resource = directory.resource(tenant, scope.slice(0, -'/.default'.length));
  if (resource === undefined) throw new EntraRefusal(500011);
  return resource;
}

/** Claims of the agent that acts; an application has none of these. */
function actorClaims(client: Client): Record<string, unknown> {
  return client.kind === 'agent' ? { xms_act_fct: FACETS.agent, xms_par_app_azp: client.agent.blueprint } : {};
}

/** What the parameter `claims` asks for, as far as a token shows it. */
function capabilities(form: URLSearchParams): Record<string, unknown> {
  const asked = form.get('claims');
  if (asked === null) return {};
  try {
    const { access_token: token = {} } = JSON.parse(asked) as { access_token?: { xms_cc?: { values?: unknown } } };
    return token.xms_cc?.values === undefined ? {} : { xms_cc: token.xms_cc.values };
  } catch {
    throw new EntraRefusal(900144, 'claims is no JSON');
  }
}

function answer(
  understood: Understood,
  parts: TokenEndpointParts,
  resource: StandInResource,
  subject: Record<string, unknown> & { idtyp: 'app' | 'user'; oid: string },
): Record<string, unknown> {
  const { client, request, tenant } = understood;
  const { token, expiresInS } = createAccessToken({
    tenant,
    resource,
    client: {
      clientId: clientIdOf(client),
      name: client.kind === 'app' ? client.application.name : client.agent.name,
      provenBy: '2',
    },
    subject: { ...subject, ...capabilities(request.form) },
    nowMs: request.nowMs,
    keys: parts.keys,
    alteration: request.alteration,
  });
  const scope = typeof subject['scp'] === 'string' ? { scope: subject['scp'] } : {};
  return { token_type: 'Bearer', ...scope, expires_in: expiresInS, ext_expires_in: expiresInS, access_token: token };
}

const clientCredentials: Grant = async (understood, parts) => {
  const { client, request } = understood;
  const resource = resourceOf(understood, parts);
  for (const name of ['user_federated_identity_credential', 'requested_token_use', 'assertion']) {
    if (request.form.has(name)) throw new EntraRefusal(70003, `${name} is not of this grant`);
  }
  if (request.form.has('fmi_path')) return vouchFor(single(request.form, 'fmi_path'), understood, parts, resource);
  const { roles, wids } = rightsOf(client);
  const granted = roles?.[resource.identifier];
  return answer(understood, parts, resource, {
    idtyp: 'app',
    oid: client.kind === 'app' ? client.application.objectId : client.agent.id,
    ...(granted === undefined ? {} : { roles: granted }),
    ...(wids === undefined ? {} : { wids }),
    ...actorClaims(client),
    ...(client.kind === 'agent' ? { xms_sub_fct: FACETS.agent } : {}),
  });
};

/** T1: good for nothing but to stand for the agent as its client assertion. */
function vouchFor(fmiPath: string, understood: Understood, parts: TokenEndpointParts, resource: StandInResource) {
  const { client, tenant } = understood;
  if (client.kind === 'agent') throw new EntraRefusal(70003, 'an agent identity vouches for nobody');
  if (resource !== TOKEN_EXCHANGE) throw new EntraRefusal(500011, 'fmi_path is for the token exchange');
  const { clientId, objectId } = client.application;
  const agent = tenant.agents?.find(({ id, blueprint }) => id === fmiPath && blueprint === clientId);
  if (agent === undefined) throw new EntraRefusal(700016, 'it has no such agent identity');
  return answer(understood, parts, resource, {
    idtyp: 'app',
    oid: objectId,
    sub: fmiSubjectOf(tenant.tenantId, clientId, fmiPath),
    xms_act_fct: FACETS.vouchedFor,
  });
}

interface Spoken {
  readonly objectId: string;
  readonly upn: string;
  readonly name: string;
}

/** A token of `user`, through this client; only what was consented to. */
function answerForUser(understood: Understood, parts: TokenEndpointParts, user: Spoken, facets: object) {
  const { client } = understood;
  const resource = resourceOf(understood, parts);
  const scopes = rightsOf(client).delegated?.[resource.identifier];
  if (scopes === undefined) throw new EntraRefusal(65001);
  return answer(understood, parts, resource, {
    idtyp: 'user',
    oid: user.objectId,
    // Pairwise: another one for each client.
    sub: Buffer.from(`${user.objectId}${clientIdOf(client)}`)
      .toString('base64url')
      .slice(0, 43),
    name: user.name,
    scp: scopes.join(' '),
    ...(resource.tokenVersion === 1 ? { upn: user.upn, unique_name: user.upn } : { preferred_username: user.upn }),
    ...actorClaims(client),
    ...facets,
  });
}

/** A token that the stand-in signed itself, for this tenant. */
async function ownToken(
  token: string,
  { tenant, request }: Understood,
  { keys }: TokenEndpointParts,
): Promise<JWTPayload> {
  const keySet = createLocalJWKSet(keys.published(issuerOf(tenant.tenantId, 2)) as unknown as JSONWebKeySet);
  try {
    const { payload } = await jwtVerify(token, keySet, {
      algorithms: ['RS256'],
      issuer: [issuerOf(tenant.tenantId, 1), issuerOf(tenant.tenantId, 2)],
      currentDate: new Date(request.nowMs),
      clockTolerance: CLOCK_SKEW_S,
    });
    return payload;
  } catch (cause) {
    throw new EntraRefusal(cause instanceof errors.JWTExpired ? 500133 : 50013);
  }
}

/** The agent's T1 proves the client, its T2 that it wants to speak for its user. */
const userFederatedIdentityCredential: Grant = async (understood, parts) => {
  const { client, request, tenant } = understood;
  const { form } = request;
  if (single(form, 'requested_token_use') !== 'on_behalf_of') throw new EntraRefusal(900144, 'requested_token_use');
  if (client.kind !== 'agent') throw new EntraRefusal(70003, 'only an agent identity has a user of its own');
  const credential = await ownToken(single(form, 'user_federated_identity_credential'), understood, parts);
  if (credential.aud !== TOKEN_EXCHANGE.appId) throw new EntraRefusal(500131);
  if (credential['azp'] !== client.agent.id || credential['idtyp'] !== 'app') throw new EntraRefusal(50013);
  const named = form.has('user_id') ? single(form, 'user_id') : single(form, 'username');
  const user = parts.directory.user(tenant, named);
  if (user === undefined || user !== client.agent.user) throw new EntraRefusal(50034);
  return answerForUser(understood, parts, user, { xms_sub_fct: FACETS.agentUser });
};

const onBehalfOf: Grant = async (understood, parts) => {
  const { client, request, tenant } = understood;
  const { form } = request;
  if (single(form, 'requested_token_use') !== 'on_behalf_of') throw new EntraRefusal(900144, 'requested_token_use');
  const assertion = await ownToken(single(form, 'assertion'), understood, parts);
  // People sign in to the blueprint; its agents act for them.
  const audience = client.kind === 'agent' ? client.agent.blueprint : client.application.clientId;
  if (![audience, `api://${audience}`].includes(String(assertion.aud))) throw new EntraRefusal(500131);
  if (assertion['idtyp'] !== 'user') throw new EntraRefusal(7000114);
  const user = parts.directory.user(tenant, String(assertion['oid']));
  if (user === undefined) throw new EntraRefusal(50034);
  const wanted = form.get('requested_token_type');
  if (wanted === null) return answerForUser(understood, parts, user, {});
  if (!SAML_TYPES.includes(wanted)) throw new EntraRefusal(900144, 'requested_token_type');
  if (wanted !== SAML_TYPES[0]) throw new EntraRefusal(70003, 'the stand-in issues SAML 2.0 only');
  const resource = resourceOf(understood, parts);
  const text = parts.saml.assertionFor({ tenant, user, audience: resource.identifier, nowMs: request.nowMs });
  return {
    token_type: 'Bearer',
    issued_token_type: wanted,
    expires_in: 3599,
    ext_expires_in: 0,
    access_token: Buffer.from(text).toString('base64url'),
  };
};

export const GRANTS: Readonly<Record<string, Grant>> = {
  client_credentials: clientCredentials,
  user_fic: userFederatedIdentityCredential,
  [JWT_BEARER]: onBehalfOf,
};
