// SPDX-License-Identifier: Apache-2.0

/** User names to ids, by the system's own directory (files, LDAP, …). */
import { execFileSync } from 'node:child_process';

/** A number is taken for an id. Errors: an Error that names the user when nobody is called so. */
export function uidOf(user: string): number {
  if (/^\d+$/.test(user)) return Number(user);
  if (!/^[A-Za-z_][A-Za-z0-9_.@-]*\$?$/.test(user)) throw new Error(`'${user}' is no name of a user`);
  try {
    const line = execFileSync('getent', ['passwd', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return Number(line.split(':')[2]);
  } catch (cause) {
    throw new Error(`there is no user '${user}' on this host`, { cause });
  }
}
