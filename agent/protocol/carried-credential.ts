// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto';
import { tokenAsIssued } from './bytes/token-spelling.ts';
import type { CarriedCredential } from './decoder.ts';

/** What an exchange says of a credential that it carried. The secret itself goes to the sink, and nowhere else. */
export function carriedCredential(kind: string, secret: string, reach: CarriedCredential['reach']): CarriedCredential {
  return { kind, reach, fingerprint: createHash('sha256').update(tokenAsIssued(secret)).digest('hex') };
}

/** A login that shows no token (a digest of a password, none at all): what the connection was before, it is no more. */
export const LOGIN_WITHOUT_TOKEN: CarriedCredential = { kind: '', reach: 'connection', fingerprint: '' };
