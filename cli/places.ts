// SPDX-License-Identifier: Apache-2.0

/** Where things are when nobody says otherwise. */
export const DEFAULT_SOCKET = '/run/sworn/agent.sock';
export const DEFAULT_AGENT_CONFIG = '/etc/sworn/agent.yaml';
export const DEFAULT_COLLECTOR_CONFIG = '/etc/sworn/collector.yaml';
