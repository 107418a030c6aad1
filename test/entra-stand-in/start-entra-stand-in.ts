// SPDX-License-Identifier: Apache-2.0

/**
 * A stand-in for Microsoft Entra: one small https server on loopback with Entra's exact paths, claims and errors, for
 * tests and the demo. It checks what Entra checks and signs what it answers; it is no identity provider, and a token of
 * its making opens nothing.
 */

import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAccessToken, issuerOf, type TokenAlteration } from './access-token.ts';
import { type CertificateAuthority, createCertificateAuthority } from './certificates.ts';
import { createAssertionCheck, type ExternalIssuer } from './client-assertion.ts';
import { createMovableClock, type MovableClock } from './clock.ts';
import { createDirectory, type StandInManagedIdentity, type StandInTenant } from './directory.ts';
import { instanceDiscovery, openIdConfiguration } from './discovery.ts';
import { EntraRefusal, errorAnswer } from './entra-error.ts';
import { createFaults, type Fault, type FaultPlace, type Faults } from './faults.ts';
import { createSamlIssuer, type SamlGrant, type SamlIssuer } from './saml.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';
import { answerTokenRequest, type TokenRequestNote } from './token-endpoint.ts';

export interface EntraStandInOptions {
  readonly tenants: readonly StandInTenant[];
  /** 0, the default, lets the kernel choose. */
  readonly port?: number;
  /** The host in `authority`; it is also in the certificate, beside login.microsoftonline.com and 127.0.0.1. */
  readonly hostname?: string;
  /** Issuers outside Entra that federated credentials may name. */
  readonly externalIssuers?: readonly ExternalIssuer[];
}

/** Somebody signed in to an application: the token with which it then is called, and which it acts on behalf of. */
export interface PersonToken {
  readonly tenantId: string;
  /** User principal name or object id. */
  readonly user: string;
  /** The application that is called: its client id, or a resource's identifier. */
  readonly audience: string;
  /** The program that the person used; a public client. */
  readonly clientId?: string;
  readonly scp?: string;
  readonly lifetimeSeconds?: number;
  readonly alteration?: TokenAlteration;
}

export interface ManagedIdentityToken {
  readonly tenantId: string;
  readonly clientId: string;
  readonly resource: string;
  readonly lifetimeSeconds?: number;
  readonly alteration?: TokenAlteration;
}

/** One line of the request log. It never holds a token, an assertion or a secret. */
export interface LoggedRequest extends TokenRequestNote {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  status?: number;
  errorCode?: number;
}

export interface EntraStandIn {
  /** `https://localhost:PORT`: what a client is given in place of https://login.microsoftonline.com. */
  readonly authority: string;
  readonly port: number;
  /** What a client has to trust. */
  readonly caCertificatePem: string;
  readonly certificateAuthority: CertificateAuthority;
  readonly clock: MovableClock;
  readonly faults: Faults;
  readonly keys: SigningKeys;
  readonly saml: SamlIssuer;
  /** Errors: throws when the directory has no such tenant, user or audience. */
  issueForPerson(person: PersonToken): string;
  /** undefined when the tenant has no such resource. For the stand-in for a host. */
  issueForManagedIdentity(asked: ManagedIdentityToken): string | undefined;
  managedIdentities(tenantId: string): readonly StandInManagedIdentity[];
  /** A SAML assertion for a user, by user principal name or object id. */
  issueSaml(asked: Omit<SamlGrant, 'tenant' | 'user' | 'nowMs'> & { tenantId: string; user: string }): string;
  /** The newest requests, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** Requests so far for tokens, and for keys. */
  count(place: FaultPlace): number;
  stop(): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;
const LOGGED_REQUESTS_MAX = 10_000;
const TENANT = '([^/]{1,64})';
/** A program on a desktop that people sign in with; it is not in the directory. */
const PUBLIC_CLIENT = { clientId: '04b07795-8ddb-461a-bbee-02f9e1bf7b46', name: 'Command line of the stand-in' };

const PATHS = {
  token: new RegExp(`^/${TENANT}/oauth2/v2\\.0/token$`),
  keys: new RegExp(`^/${TENANT}/discovery/(?:v2\\.0/)?keys$`),
  metadataV2: new RegExp(`^/${TENANT}/v2\\.0/\\.well-known/openid-configuration$`),
  metadataV1: new RegExp(`^/${TENANT}/\\.well-known/openid-configuration$`),
  federation: new RegExp(`^/${TENANT}/federationmetadata/2007-06/federationmetadata\\.xml$`),
  instance: /^\/(common)\/discovery\/instance$/,
} as const;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new EntraRefusal(900144, 'the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': `application/${text.startsWith('<?xml') ? 'samlmetadata+xml' : 'json'}; charset=utf-8`,
    'cache-control': 'no-store, no-cache',
    'x-ms-request-id': randomUUID(),
    ...headers,
  });
  response.end(text);
}

export async function startEntraStandIn(options: EntraStandInOptions): Promise<EntraStandIn> {
  const hostname = options.hostname ?? 'localhost';
  const certificateAuthority = await createCertificateAuthority('Sworn stand-in for Entra: test authority');
  const server = createServer(await serverCertificate());
  const [keys, directory] = [await createSigningKeys(), createDirectory(options.tenants)];
  const [clock, faults, saml] = [createMovableClock(), createFaults(), await createSamlIssuer()];
  const assertions = createAssertionCheck({ keys, externalIssuers: options.externalIssuers ?? [] });
  const requests: LoggedRequest[] = [];
  const counts: Record<FaultPlace, number> = { token: 0, keys: 0 };

  async function serverCertificate(): Promise<{ key: string; cert: string }> {
    const names = [...new Set([hostname, 'localhost', 'login.microsoftonline.com'])];
    const issued = await certificateAuthority.issueServerCertificate(names, 'Sworn stand-in for Entra');
    return { key: issued.keyPem, cert: issued.certificatePem };
  }

  /** True when the fault was the whole answer. */
  async function meet(fault: Fault | undefined, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    switch (fault?.kind) {
      case 'status': {
        const retryAfter = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': `${fault.retryAfterSeconds}` };
        send(response, fault.status, fault.body ?? { error: 'temporarily_unavailable' }, retryAfter);
        return true;
      }
      case 'hang':
        return true;
      case 'drop':
        request.socket.destroy();
        return true;
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, fault.ms));
        return false;
      case 'aadsts':
        throw new EntraRefusal(fault.code);
      default:
        return false;
    }
  }

  async function answerToken(
    tenantId: string,
    line: LoggedRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    if (request.method !== 'POST') throw new EntraRefusal(900144, 'tokens are asked for with POST');
    counts.token += 1;
    const form = new URLSearchParams(await bodyOf(request));
    const fault = faults.take('token');
    if (await meet(fault, request, response)) return;
    const body = await answerTokenRequest(
      {
        tenantId,
        form,
        endpoint: `${authority}/${tenantId}/oauth2/v2.0/token`,
        nowMs: clock.nowMs(),
        alteration: fault?.kind === 'token' ? fault.alteration : {},
      },
      { directory, keys, assertions, saml },
      line,
    );
    const { access_token: token } = body;
    if (typeof token === 'string') line.fingerprint = createHash('sha256').update(token).digest('hex');
    send(response, 200, body);
  }

  async function answer(line: LoggedRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, pattern] of Object.entries(PATHS)) {
      const tenantId = pattern.exec(line.path)?.[1];
      if (tenantId === undefined) continue;
      if (name === 'token') return answerToken(tenantId, line, request, response);
      if (name === 'instance') {
        return send(response, 200, instanceDiscovery(authority, options.tenants[0]?.tenantId ?? 'common'));
      }
      if (directory.tenant(tenantId) === undefined) throw new EntraRefusal(90002);
      if (name === 'federation') return send(response, 200, saml.metadata(authority, tenantId));
      const version = name === 'metadataV1' ? 1 : 2;
      if (name !== 'keys') return send(response, 200, openIdConfiguration(authority, tenantId, version));
      counts.keys += 1;
      if (await meet(faults.take('keys'), request, response)) return;
      return send(response, 200, keys.published(issuerOf(tenantId, 2)));
    }
    send(response, 404, { error: 'not_found' });
  }

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? '/', 'https://localhost').pathname;
    const line: LoggedRequest = { atMs: clock.nowMs(), method: request.method ?? '', path };
    requests.push(line);
    if (requests.length > LOGGED_REQUESTS_MAX) requests.shift();
    response.on('finish', () => {
      line.status = response.statusCode;
    });
    answer(line, request, response).catch((error: unknown) => {
      if (!(error instanceof EntraRefusal)) return send(response, 500, { error: 'server_error' });
      line.errorCode = error.code;
      const correlationId = request.headers['client-request-id'];
      const refused = errorAnswer(
        error,
        clock.nowMs(),
        typeof correlationId === 'string' ? correlationId : randomUUID(),
      );
      send(response, refused.status, refused.body);
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const authority = new URL(`https://${hostname}:${port}`).origin;

  function tenantOf(tenantId: string): StandInTenant {
    const tenant = directory.tenant(tenantId);
    if (tenant === undefined) throw new Error(`the stand-in has no tenant ${tenantId}`);
    return tenant;
  }

  function userOf(tenant: StandInTenant, name: string) {
    const user = directory.user(tenant, name);
    if (user === undefined) throw new Error(`the stand-in has no user ${name}`);
    return user;
  }

  function issueForPerson(person: PersonToken): string {
    const tenant = tenantOf(person.tenantId);
    const user = userOf(tenant, person.user);
    const resource = directory.resource(tenant, person.audience);
    if (resource === undefined) throw new Error(`the stand-in has no application ${person.audience}`);
    const upn = resource.tokenVersion === 1 ? { upn: user.upn } : { preferred_username: user.upn };
    const scp = person.scp ?? 'access_as_user';
    return createAccessToken({
      tenant,
      resource,
      client: { ...PUBLIC_CLIENT, clientId: person.clientId ?? PUBLIC_CLIENT.clientId, provenBy: '0' },
      subject: { idtyp: 'user', oid: user.objectId, name: user.name, scp, ...upn },
      nowMs: clock.nowMs(),
      keys,
      ...(person.alteration && { alteration: person.alteration }),
      ...(person.lifetimeSeconds !== undefined && { lifetimeSeconds: person.lifetimeSeconds }),
    }).token;
  }

  function issueForManagedIdentity(asked: ManagedIdentityToken): string | undefined {
    const tenant = tenantOf(asked.tenantId);
    const identity = tenant.managedIdentities?.find(({ clientId }) => clientId === asked.clientId);
    if (identity === undefined) throw new Error(`the stand-in has no managed identity ${asked.clientId}`);
    const resource = directory.resource(tenant, asked.resource);
    if (resource === undefined) return undefined;
    const roles = identity.roles?.[resource.identifier];
    return createAccessToken({
      tenant,
      resource,
      client: { ...identity, provenBy: '2' },
      subject: { idtyp: 'app', oid: identity.objectId, xms_mirid: identity.resourceId, ...(roles && { roles }) },
      nowMs: clock.nowMs(),
      keys,
      ...(asked.alteration && { alteration: asked.alteration }),
      ...(asked.lifetimeSeconds !== undefined && { lifetimeSeconds: asked.lifetimeSeconds }),
    }).token;
  }

  return {
    saml,
    issueForPerson,
    issueForManagedIdentity,
    managedIdentities: (tenantId) => tenantOf(tenantId).managedIdentities ?? [],
    issueSaml({ tenantId, user, ...asked }) {
      const tenant = tenantOf(tenantId);
      return saml.assertionFor({ ...asked, tenant, user: userOf(tenant, user), nowMs: clock.nowMs() });
    },
    authority,
    port,
    caCertificatePem: certificateAuthority.certificatePem,
    certificateAuthority,
    clock,
    faults,
    keys,
    requests,
    count: (place) => counts[place],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
