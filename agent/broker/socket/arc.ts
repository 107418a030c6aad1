// SPDX-License-Identifier: Apache-2.0

/**
 * The flavour of Azure Arc: the first answer names a file, the second request carries what stands in it. Being able to read
 * a file proves little (the file is the user's or the group's, not the process's), so the kernel's answer about who asks
 * decides as in every flavour, and a secret is good only for the process that was told of its file.
 */

import type { ChallengeFiles } from './challenge-files.ts';
import type { Flavour } from './flavour.ts';
import { isMetadataPath, saysMetadata } from './imds.ts';

/** The size that clients read at most is 4096. */
const PROOF = /^Basic ([\w-]{1,128})$/;

const PROBLEMS = { good: undefined, unknown: 'challenge_unknown', 'of-another': 'secret_wrong' } as const;

const proofIn = (authorization: string | undefined): string | undefined => PROOF.exec(authorization ?? '')?.[1];

export function arc(files: ChallengeFiles): Flavour {
  return {
    interface: 'arc',
    secret: 'not-carried',
    isPath: isMetadataPath,
    hosts: (port) => [`127.0.0.1:${port}`, `localhost:${port}`],
    apiVersionMin: '2019-11-01',
    headerProblem: (headers) => (saysMetadata(headers['metadata']) ? undefined : 'metadata_header_missing'),
    challenge: {
      isProven: ({ authorization }) => authorization !== undefined,
      proofProblem({ authorization }, attest) {
        const proof = proofIn(authorization);
        // Who it is that cannot be made out is the desk's to say.
        const caller = attested(attest);
        if (caller === undefined) return undefined;
        return proof === undefined ? 'secret_wrong' : PROBLEMS[files.redeem(proof, caller)];
      },
      make(attest) {
        const caller = attest();
        if (caller === undefined) throw new Error('the caller went away');
        return `Basic realm=${files.make(caller)}`;
      },
    },
  };
}

function attested<T>(attest: () => T | undefined): T | undefined {
  try {
    return attest();
  } catch {
    return undefined;
  }
}
