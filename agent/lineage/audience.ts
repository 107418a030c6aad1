// SPDX-License-Identifier: Apache-2.0

/**
 * Whether a token's audience is the place that a request goes to, as far as names can tell. Azure's own services are asked
 * under other names than their audience; those are listed here.
 */

export interface Place {
  readonly protocol: string;
  /** An authority or a name, with or without a port; '' when the bytes do not say. */
  readonly host: string;
}

/** Databases say nothing of audiences: each kind has one for all its servers. */
const OF_PROTOCOL: Readonly<Record<string, readonly string[]>> = {
  postgresql: ['ossrdbms-aad.database.windows.net', '123cd850-d9df-40bd-94d5-c9f07b7fa203'],
  mysql: ['ossrdbms-aad.database.windows.net', '123cd850-d9df-40bd-94d5-c9f07b7fa203'],
  redis: ['redis.azure.com', 'acca5fbb-b7e4-4009-81f1-37e38fd66d78'],
};

/** Application ids that tokens name as their audience, and domains whose hosts take tokens of another name. */
const HOSTS_OF: Readonly<Record<string, readonly string[]>> = {
  '00000003-0000-0000-c000-000000000000': ['graph.microsoft.com'],
  'management.core.windows.net': ['management.azure.com'],
  'vault.azure.net': ['.vault.azure.net'],
  'storage.azure.com': ['.core.windows.net', '.storage.azure.net'],
  'cognitiveservices.azure.com': ['.cognitiveservices.azure.com', '.openai.azure.com', '.services.ai.azure.com'],
  'ai.azure.com': ['.services.ai.azure.com'],
  'servicebus.azure.net': ['.servicebus.windows.net'],
  'eventhubs.azure.net': ['.servicebus.windows.net'],
  'search.azure.com': ['.search.windows.net'],
  'cosmos.azure.com': ['.documents.azure.com'],
};

/** `audience` is one or more with a space between, each a URI or an application id. */
export function audienceFits(audience: string, { protocol, host }: Place): boolean {
  const names = audience.split(' ').map(hostOfAudience);
  const ofProtocol = Object.hasOwn(OF_PROTOCOL, protocol) ? OF_PROTOCOL[protocol] : undefined;
  if (ofProtocol !== undefined) return names.some((name) => ofProtocol.includes(name));
  const asked = hostOfAuthority(host);
  if (asked === '') return false;
  return names.some((name) => {
    if (name === '') return false;
    if (asked === name) return true;
    const hosts = Object.hasOwn(HOSTS_OF, name) ? HOSTS_OF[name] : undefined;
    return hosts?.some((one) => (one.startsWith('.') ? asked.endsWith(one) : asked === one)) ?? false;
  });
}

/** "https://graph.microsoft.com/" and "api://graph.microsoft.com" are graph.microsoft.com; an id is itself. */
function hostOfAudience(audience: string): string {
  const behindScheme = audience.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  return hostOfAuthority(behindScheme.split('/', 1)[0] ?? '');
}

function hostOfAuthority(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
}
