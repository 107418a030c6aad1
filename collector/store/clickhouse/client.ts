// SPDX-License-Identifier: Apache-2.0

/** One client for both homes of the data: a server by URL, or the embedded engine behind its unix socket. */
import { Agent } from 'node:http';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

export interface ServerAddress {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM of the certificate authority, when it is not one that Node trusts. */
  readonly ca?: Buffer;
}

export interface EngineAddress {
  readonly socketPath: string;
  /** A folder that the engine can read: batches reach it as files there. */
  readonly incomingFolder: string;
  /** One of engine-config.ts. */
  readonly role: string;
}

export type ClickHouseAddress = { readonly server: ServerAddress } | { readonly engine: EngineAddress };

/** Above any limit on a query: the engine's own limits answer first. */
const REQUEST_MS_MAX = 600_000;

export function connect(address: ClickHouseAddress, connectionsMax: number): ClickHouseClient {
  const shared = {
    application: 'sworn',
    max_open_connections: connectionsMax,
    request_timeout: REQUEST_MS_MAX,
    // The client would log statements and parameters of failed requests; errors reach our own log without them.
    log: { level: ClickHouseLogLevel.OFF },
  };
  if ('engine' in address) {
    const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
    // Node's agent passes its own options on to each connection, but its types do not know a socket path.
    Object.assign((agent as unknown as { options: object }).options, { socketPath: address.engine.socketPath });
    return createClient({ ...shared, url: 'http://engine', http_agent: agent, role: address.engine.role });
  }
  const { url, username, password, ca } = address.server;
  return createClient({
    ...shared,
    url,
    username,
    password,
    ...(ca === undefined ? {} : { tls: { ca_cert: ca } }),
  });
}
