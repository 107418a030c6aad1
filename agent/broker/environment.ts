// SPDX-License-Identifier: Apache-2.0

/** The environment with which a workload's unmodified SDKs find the broker, and nothing but the broker. */

export interface BrokerAddress {
  readonly host: '127.0.0.1';
  readonly port: number;
}

const LOOPBACK = ['127.0.0.1', 'localhost'];

/** What is there stays, what is missing is added. */
function withLoopback(noProxy: string | undefined): string {
  const entries = (noProxy ?? '').split(',').map((entry) => entry.trim());
  return [...new Set([...entries, ...LOOPBACK])].filter((entry) => entry !== '').join(',');
}

/**
 * Variables to set for a workload, in addition to and over `inherited`.
 *
 * IDENTITY_ENDPOINT, IDENTITY_HEADER   the App Service flavour
 * AZURE_TOKEN_CREDENTIALS              DefaultAzureCredential asks the broker and nobody else: without it a refusal would
 *                                      fall through to the login of whoever uses the host
 * NO_PROXY, no_proxy                   SDKs send even loopback requests to a proxy; programs read the one or the other
 */
export function brokerEnvironment(
  address: BrokerAddress,
  path: string,
  secret: string,
  inherited: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const noProxy = withLoopback([inherited['no_proxy'], inherited['NO_PROXY']].filter(Boolean).join(','));
  return {
    IDENTITY_ENDPOINT: `http://${address.host}:${address.port}${path}`,
    IDENTITY_HEADER: secret,
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
    NO_PROXY: noProxy,
    no_proxy: noProxy,
  };
}
