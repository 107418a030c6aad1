// SPDX-License-Identifier: Apache-2.0

import type { ByteReader } from '../../bytes/byte-reader.ts';

const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 3;

/**
 * inet and cidr as the server writes them.
 *
 * Shape    family u8 · prefix bits u8 · is cidr u8 · address bytes u8 · address
 * Errors   undefined when it is none
 */
export function inetText(reader: ByteReader): string | undefined {
  const family = reader.u8();
  const bits = reader.u8();
  const isCidr = reader.u8() === 1;
  const size = reader.u8();
  const address = reader.view(size);
  if (reader.short || reader.remaining !== 0) return undefined;
  const isIpv4 = family === FAMILY_IPV4 && size === 4 && bits <= 32;
  if (!isIpv4 && !(family === FAMILY_IPV6 && size === 16 && bits <= 128)) return undefined;
  const text = isIpv4 ? address.join('.') : ipv6Text(address);
  return isCidr || bits < size * 8 ? `${text}/${bits}` : text;
}

/** The longest run of at least two zero groups is shortened; an IPv4 address within keeps its dots. */
function ipv6Text(address: Buffer): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((address[i] as number) << 8) | (address[i + 1] as number));
  let [longest, longestAt] = [1, -1];
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > longest) [longest, longestAt] = [length, start];
    start += length;
  }
  const isCompatible = longestAt === 0 && longest === 6;
  const isMapped = longestAt === 0 && longest === 5 && groups[5] === 0xffff;
  const last = isCompatible || isMapped ? [address.subarray(12).join('.')] : undefined;
  const shown = [...groups.slice(0, last === undefined ? 8 : 6).map((group) => group.toString(16)), ...(last ?? [])];
  if (longestAt < 0) return shown.join(':');
  return `${shown.slice(0, longestAt).join(':')}::${shown.slice(longestAt + longest).join(':')}`;
}

export function macaddrText(address: Buffer): string {
  return Array.from(address, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
