// SPDX-License-Identifier: Apache-2.0

/**
 * A stand-in for the metadata service of an Azure host (169.254.169.254), for its managed identities only: a small http
 * server on loopback. Its tokens come from a stand-in for Entra.
 */

import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFaults, type Fault } from './faults.ts';
import type { EntraStandIn } from './start-entra-stand-in.ts';

export interface HostImdsOptions {
  readonly entra: EntraStandIn;
  readonly tenantId: string;
  /** Client ids among the tenant's `managedIdentities`; those that this host has. */
  readonly identities: readonly string[];
  /** One of them, which is asked for without a name. */
  readonly systemAssigned?: string;
}

export interface HostImdsRequest {
  readonly method: string;
  readonly path: string;
  readonly resource: string;
  readonly clientId: string;
  status?: number;
}

export interface HostImdsStandIn {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly requests: readonly HostImdsRequest[];
  /** The next `times` requests for tokens meet `fault`; 410 and 429 are what a host gives out while it is busy. */
  fail(fault: Fault, times?: number): void;
  stop(): Promise<void>;
}

const PATH = '/metadata/identity/oauth2/token';
const SELECTORS = ['client_id', 'object_id', 'msi_res_id'] as const;
/** What a managed identity's token lives. */
const LIFETIME_S = 24 * 60 * 60;

class Refused extends Error {
  readonly status: number;
  readonly error: string;
  constructor(status: number, error: string, description: string) {
    super(description);
    this.status = status;
    this.error = error;
  }
}

const badRequest = (description: string): Refused => new Refused(400, 'invalid_request', description);

export async function startHostImdsStandIn(options: HostImdsOptions): Promise<HostImdsStandIn> {
  const { entra, tenantId } = options;
  const faults = createFaults();
  const requests: HostImdsRequest[] = [];

  function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', server: 'stand-in', ...headers });
    response.end(JSON.stringify(body));
  }

  function chosen(query: URLSearchParams): string {
    const named = SELECTORS.filter((name) => query.has(name));
    if (named.length > 1) throw badRequest('Give at most one of client_id, object_id and msi_res_id');
    const [by] = named;
    if (by === undefined) {
      const only = options.systemAssigned ?? (options.identities.length === 1 ? options.identities[0] : undefined);
      if (only === undefined) throw badRequest('Multiple user assigned identities exist, please specify one of them');
      return only;
    }
    const value = query.get(by)?.toLowerCase();
    const found = entra.managedIdentities(tenantId).find(
      ({ clientId, objectId, resourceId }) =>
        options.identities.includes(clientId) &&
        // The system's own is not to be asked for by name.
        clientId !== options.systemAssigned &&
        { client_id: clientId, object_id: objectId, msi_res_id: resourceId }[by].toLowerCase() === value,
    );
    if (found === undefined) throw badRequest('Identity not found');
    return found.clientId;
  }

  function tokenFor(request: IncomingMessage, query: URLSearchParams, fault: Fault | undefined): object {
    if (request.method !== 'GET') throw new Refused(405, 'method_not_allowed', 'Only GET');
    if (request.headers['metadata'] !== 'true') throw badRequest('Required metadata header not specified');
    if (request.headers['x-forwarded-for'] !== undefined) throw badRequest('Forwarded requests are not served');
    if (!/^20\d\d-\d\d-\d\d$/.test(query.get('api-version') ?? '')) throw badRequest('api-version is missing');
    const resource = query.get('resource');
    if (!resource) throw badRequest('resource is missing');
    const clientId = chosen(query);
    const alteration = fault?.kind === 'token' ? fault.alteration : {};
    const token = entra.issueForManagedIdentity({
      tenantId,
      clientId,
      resource,
      lifetimeSeconds: LIFETIME_S,
      alteration,
    });
    if (token === undefined) {
      throw new Refused(400, 'invalid_resource', `AADSTS500011: the tenant has no resource of that name`);
    }
    const nowS = Math.floor(entra.clock.nowMs() / 1000);
    return {
      access_token: token,
      client_id: clientId,
      expires_in: `${LIFETIME_S}`,
      expires_on: `${nowS + LIFETIME_S}`,
      ext_expires_in: `${LIFETIME_S}`,
      not_before: `${nowS - 300}`,
      resource,
      token_type: 'Bearer',
    };
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const line: HostImdsRequest = {
      method: request.method ?? '',
      path: url.pathname,
      resource: url.searchParams.get('resource') ?? '',
      clientId: url.searchParams.get('client_id') ?? '',
    };
    requests.push(line);
    response.on('finish', () => {
      line.status = response.statusCode;
    });
    const fault = faults.take('token');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') return void request.socket.destroy();
    if (fault?.kind === 'status') {
      response.writeHead(fault.status, fault.retryAfterSeconds ? { 'retry-after': `${fault.retryAfterSeconds}` } : {});
      return void response.end(fault.body ?? '{"error":"unavailable","error_description":"later"}');
    }
    try {
      if (url.pathname.replace(/\/$/, '') !== PATH) throw new Refused(404, 'not_found', 'There is nothing here');
      send(response, 200, tokenFor(request, url.searchParams, fault));
    } catch (error) {
      if (!(error instanceof Refused)) return send(response, 500, { error: 'server_error' });
      const body = { error: error.error, error_description: error.message, correlation_id: randomUUID() };
      send(response, error.status, body);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fail: (fault, times) => faults.add('token', fault, times),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
