// SPDX-License-Identifier: Apache-2.0

/** What keeps the broker from starting. How it refuses a request is in `refusal.ts`. */

const FAILURES = {
  POLICY_BROKEN: 'The identities and bindings of the configuration do not make sense.',
  AUTHORITY_NOT_HTTPS: 'The authority must be an https origin, such as https://login.microsoftonline.com.',
  CREDENTIAL_UNREADABLE: 'A key or certificate file of an identity cannot be read or is not what it should be.',
  KEY_OPEN_TO_OTHERS: 'A key file can be read by everybody on the host.',
  KEY_MISMATCH: 'The key of an identity does not belong to its certificate.',
  KEY_TOKEN_UNAVAILABLE: 'A key in a PKCS#11 token cannot be used.',
  LISTEN_FAILED: 'The broker cannot listen on its address.',
  ARC_TAKEN: 'The agent of Azure Arc, or something else, has the folder that Arc clients read.',
  ARC_FOLDER: 'The folder that Arc clients read cannot be used.',
  ISSUER_KEY: 'The key with which token files of workloads are signed cannot be used.',
  WORKLOAD_FILE: 'The token file of a workload cannot be written.',
} as const;

export type BrokerFailure = keyof typeof FAILURES;

export const BROKER_FAILURES = Object.keys(FAILURES) as readonly BrokerFailure[];

export class BrokerError extends Error {
  readonly code: `SWORN_BROKER_${BrokerFailure}`;

  /** `detail` names the identity, file or field; it never holds what was in a key file. */
  constructor(failure: BrokerFailure, detail: string, cause?: unknown) {
    super(`${FAILURES[failure]} ${detail}`, cause === undefined ? undefined : { cause });
    this.name = 'BrokerError';
    this.code = `SWORN_BROKER_${failure}`;
  }
}
