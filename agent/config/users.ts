// SPDX-License-Identifier: Apache-2.0

/** User names to ids, by the system's own directory (files, LDAP, …). */
import { execFileSync } from 'node:child_process';

/** A number is taken for an id. Errors: an Error that names the user when nobody is called so. */
export function uidOf(user: string): number {
  return /^\d+$/.test(user) ? Number(user) : Number(entryOf(user)[2]);
}

/** The user's own group; of an id that the host has no user for, the group of that number. Errors: as above. */
export function gidOf(user: string): number {
  try {
    return Number(entryOf(user)[3]);
  } catch (error) {
    if (/^\d+$/.test(user)) return Number(user);
    throw error;
  }
}

function entryOf(user: string): string[] {
  if (!/^(?:\d+|[A-Za-z_][A-Za-z0-9_.@-]*\$?)$/.test(user)) throw new Error(`'${user}' is no name of a user`);
  try {
    const line = execFileSync('getent', ['passwd', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return line.trimEnd().split(':');
  } catch (cause) {
    throw new Error(`there is no user '${user}' on this host`, { cause });
  }
}
