// SPDX-License-Identifier: Apache-2.0

/** The environment with which a workload's unmodified SDKs find the broker, and nothing but the broker. */

import type { ListenerPorts } from './listeners.ts';
import { APP_SERVICE_PATH } from './socket/app-service.ts';
import { IMDS_PATH } from './socket/imds.ts';
import type { TokenInterface } from './token-interface.ts';

export interface BrokerAddress {
  readonly host: '127.0.0.1';
  readonly port: number;
}

export interface BrokerPlaces {
  readonly ports: ListenerPorts;
  readonly socketPath: string | undefined;
}

/** A token file of a workload, and as whom its reader asks Entra. */
export interface FederatedPlace {
  readonly tokenFile: string;
  readonly clientId: string;
  readonly tenant: string;
  /** Where it is not the public cloud's: an https origin. */
  readonly authority?: string;
}

/** Interfaces that libraries of Azure speak, and that find each other in their way. */
const OF_LIBRARIES: readonly TokenInterface[] = ['app-service', 'imds', 'arc'];

const LOOPBACK = ['127.0.0.1', 'localhost'];

/** What is there stays, what is missing is added. */
function withLoopback(noProxy: string | undefined, more: readonly string[]): string {
  const entries = (noProxy ?? '').split(',').map((entry) => entry.trim());
  return [...new Set([...entries, ...LOOPBACK, ...more])].filter((entry) => entry !== '').join(',');
}

function federatedVariables({ tokenFile, clientId, tenant, authority }: FederatedPlace): Record<string, string> {
  return {
    AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    AZURE_CLIENT_ID: clientId,
    AZURE_TENANT_ID: tenant,
    ...(authority !== undefined && { AZURE_AUTHORITY_HOST: authority }),
    AZURE_TOKEN_CREDENTIALS: 'WorkloadIdentityCredential',
  };
}

/** One flavour for a process: SDKs take the first whose variables they find, and not the next when that one refuses. */
function flavourVariables(
  ports: ListenerPorts,
  interfaces: readonly TokenInterface[],
  secret: string,
): Record<string, string> {
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  const wants = (name: TokenInterface): boolean => interfaces.includes(name) && !interfaces.includes('app-service');
  if (wants('arc') && ports.arc !== undefined) {
    return { IDENTITY_ENDPOINT: `${at(ports.arc)}${IMDS_PATH}`, IMDS_ENDPOINT: at(ports.arc) };
  }
  if (wants('imds') && ports.imds !== undefined) return { AZURE_POD_IDENTITY_AUTHORITY_HOST: at(ports.imds) };
  // Also for who may not use it: a clear refusal, where an SDK would go on to the host's own metadata service.
  return { IDENTITY_ENDPOINT: `${at(ports.appService)}${APP_SERVICE_PATH}`, IDENTITY_HEADER: secret };
}

/** The token file only where it is all that is allowed: libraries that find both flavours leave the broker out. */
const isByFile = (interfaces: readonly TokenInterface[]): boolean =>
  interfaces.includes('workload-identity') && !interfaces.some((name) => OF_LIBRARIES.includes(name));

/**
 * Variables to set for a workload, in addition to and over `inherited`. `interfaces` is what its policy allows.
 *
 * IDENTITY_ENDPOINT, IDENTITY_HEADER   the App Service flavour, wherever it is allowed
 * IDENTITY_ENDPOINT, IMDS_ENDPOINT     the Arc flavour
 * AZURE_FEDERATED_TOKEN_FILE, …        the token file, where nothing else is allowed that libraries speak
 * AZURE_POD_IDENTITY_AUTHORITY_HOST    the IMDS flavour, for the SDKs that read it; others are sent here by the kernel
 * AZURE_TOKEN_CREDENTIALS              DefaultAzureCredential goes this way and no other: without it a refusal would fall
 *                                      through to the login of whoever uses the host
 * NO_PROXY, no_proxy                   SDKs send even loopback requests to a proxy; programs read the one or the other
 * SWORN_TOKEN_SOCKET                   where `sworn token` asks
 */
export function brokerEnvironment(
  { ports, socketPath }: BrokerPlaces,
  interfaces: readonly TokenInterface[],
  secret: string,
  inherited: Readonly<Record<string, string | undefined>> = {},
  federated?: FederatedPlace,
): Record<string, string> {
  const metadata = interfaces.includes('imds') && ports.imds !== undefined ? ['169.254.169.254'] : [];
  const noProxy = withLoopback([inherited['no_proxy'], inherited['NO_PROXY']].filter(Boolean).join(','), metadata);
  return {
    ...(federated !== undefined && isByFile(interfaces)
      ? federatedVariables(federated)
      : { ...flavourVariables(ports, interfaces, secret), AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential' }),
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    ...(socketPath !== undefined && { SWORN_TOKEN_SOCKET: socketPath }),
  };
}
