// SPDX-License-Identifier: Apache-2.0

/**
 * The subject of the token with which a blueprint vouches for an agent:
 * `/eid1/c/pub/t/<tenant>/a/<blueprint>/<fmi_path>`, both ids as base64url of their 16 bytes.
 *
 * In which order Entra writes those bytes is not documented; here it is that of .NET's Guid. Nothing but the stand-in
 * itself goes by it.
 */
export function fmiSubjectOf(tenantId: string, blueprint: string, fmiPath: string): string {
  return `/eid1/c/pub/t/${guidBytes(tenantId)}/a/${guidBytes(blueprint)}/${fmiPath}`;
}

function guidBytes(guid: string): string {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes.toString('base64url');
}
