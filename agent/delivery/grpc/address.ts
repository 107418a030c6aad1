// SPDX-License-Identifier: Apache-2.0

/** Splits host:port; undefined when it is not that. IPv6 addresses stand in brackets. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  return match === null || port < 1 || port > 65_535 ? undefined : { host: match[1] ?? match[2]!, port };
}
