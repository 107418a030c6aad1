// SPDX-License-Identifier: Apache-2.0

/** What the redacting modules share: the mark that stands for a credential, and a credential as it was found. */

export const REDACTED = '[redacted]';

/** `http-` and the place or scheme it was in: http-bearer, http-basic, http-cookie, http-api-key, http-query, … */
export interface FoundSecret {
  readonly kind: string;
  readonly secret: string;
}
