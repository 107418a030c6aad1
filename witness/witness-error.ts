// SPDX-License-Identifier: Apache-2.0

/** Why a witness does not start. What it answers to logs are verdicts (witness.ts). */
export type WitnessErrorCode = 'config_invalid' | 'key_unusable' | 'state_unusable' | 'state_locked' | 'state_lost';

export class WitnessError extends Error {
  override readonly name = 'WitnessError';
  readonly code: WitnessErrorCode;

  constructor(code: WitnessErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
