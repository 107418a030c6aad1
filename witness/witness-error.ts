// SPDX-License-Identifier: Apache-2.0

/** Why a witness does not start; docs/ERRORS.md has the same table. What it answers to logs are verdicts (witness.ts). */

export const WITNESS_ERRORS = {
  config_invalid: 'The configuration, or a key line in it, cannot be used. The message names the key or the line.',
  key_unusable: 'The key file holds no Ed25519 key. Restore it, or begin anew with another `state_dir`.',
  state_unusable: 'The state folder, or the state of a log, cannot be read or written. Nothing is signed meanwhile.',
  state_locked: 'Another witness runs with this `state_dir`. End it, or give this one a folder of its own.',
  state_lost:
    'Of the key and the record of what it has signed only one is there. Begin anew, unless a copy surely is the last state.',
} as const;

export type WitnessErrorCode = keyof typeof WITNESS_ERRORS;

export class WitnessError extends Error {
  override readonly name = 'WitnessError';
  readonly code: WitnessErrorCode;

  constructor(code: WitnessErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
