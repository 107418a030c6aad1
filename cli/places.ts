// SPDX-License-Identifier: Apache-2.0

/** Where things are when nobody says otherwise. */
export const DEFAULT_SOCKET = '/run/sworn/agent.sock';
export const DEFAULT_TOKEN_SOCKET = '/run/sworn/token.sock';
export const DEFAULT_AGENT_CONFIG = '/etc/sworn/agent.yaml';
export const DEFAULT_COLLECTOR_CONFIG = '/etc/sworn/collector.yaml';
export const DEFAULT_WITNESS_CONFIG = '/etc/sworn/witness.yaml';
export const DEFAULT_URL = 'http://127.0.0.1:7480';
export const DEFAULT_ADMIN_TOKEN_FILE = '/var/lib/sworn/collector/admin-token';
export const DEFAULT_TOKEN_FILE = '/var/lib/sworn/collector/api-token';
