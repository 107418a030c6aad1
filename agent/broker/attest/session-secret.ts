// SPDX-License-Identifier: Apache-2.0

/** The secret that a session's processes send with each request: a second factor beside attestation, and the barrier
 * against requests that a workload is tricked into making. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What names a session when its environment is made. */
export interface SessionName {
  readonly selectionName: string;
  readonly sessionKey: bigint;
}

export interface SessionSecrets {
  /** undefined: this session gets no tokens. The same answer every time while the session lives. */
  secretFor(session: SessionName): string | undefined;
}

/**
 * Secrets made from one key, so that nothing is kept for a session. Who holds `key` (32 random bytes, in memory) can make
 * them all; with a new key all running sessions have to be given new ones.
 */
export function createDerivedSessionSecrets(key: Uint8Array): SessionSecrets {
  if (key.length < 32) throw new RangeError('the key of the session secrets must have at least 32 bytes');
  return {
    secretFor: ({ selectionName, sessionKey }) =>
      createHmac('sha256', key).update(`sworn identity header\0${sessionKey}\0${selectionName}`).digest('base64url'),
  };
}

/** In constant time, whatever the lengths: digests are compared, not the texts. */
export function isSecret(presented: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(expected));
}
