// SPDX-License-Identifier: Apache-2.0

/**
 * Assertions that somebody else signs and renews in a file: a token of a Kubernetes service account, of SPIRE, of a CI
 * service. The file is read for each use, since it is replaced before its token ends.
 */

import type { Clock } from '../clock.ts';
import type { FederatedCredential } from '../policy/identity.ts';
import { readToken, textClaim, timeClaim } from '../token/compact-token.ts';
import { type AssertionSource, CredentialProblem } from './assertion-source.ts';
import { readCredentialFile } from './credential-file.ts';

export function openFederatedCredential(credential: FederatedCredential, clock: Clock): AssertionSource {
  const { tokenFile } = credential;

  async function text(): Promise<string> {
    try {
      return (await readCredentialFile(tokenFile)).text.trim();
    } catch (cause) {
      const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
      const advice = `The file with the federated token cannot be read (${why}): ${tokenFile}.`;
      throw new CredentialProblem('credential_unavailable', advice, { cause });
    }
  }

  return {
    async assertion() {
      const token = await text();
      const read = readToken(token);
      if (read.kind !== 'jwt') {
        throw new CredentialProblem('credential_unavailable', `There is no JWT in ${tokenFile}.`);
      }
      const exp = timeClaim(read.claims, 'exp');
      if (exp === undefined || textClaim(read.claims, 'iss') === '' || textClaim(read.claims, 'sub') === '') {
        throw new CredentialProblem('credential_unavailable', `The token in ${tokenFile} lacks exp, iss or sub.`);
      }
      // By our clock: Entra has its own, and five minutes of patience. Nothing is gained by sending what has ended.
      if (exp * 1000 <= clock.wallMs()) {
        const ended = new Date(exp * 1000).toISOString();
        const advice = `The token in ${tokenFile} ended at ${ended}: whoever renews it has stopped, or a clock is wrong.`;
        throw new CredentialProblem('credential_expired', advice);
      }
      return token;
    },
  };
}
