// SPDX-License-Identifier: Apache-2.0

import { lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Whether only the administrator, or the agent's own user, could have put this file there. Code of anybody else is read by
 * the agent, and never run.
 *
 * Errors  never throws; what cannot be looked at is not trusted
 */
export function isTrustedFile(path: string, ownUid: number): boolean {
  try {
    if (realpathSync(path) !== path) return false;
    for (let at = path; ; at = dirname(at)) {
      const { uid, mode } = lstatSync(at);
      if ((uid !== 0 && uid !== ownUid) || (mode & WRITABLE_BY_OTHERS) !== 0) return false;
      if (at === '/') return true;
    }
  } catch {
    return false;
  }
}
