// SPDX-License-Identifier: Apache-2.0

export interface LogKeyBody {
  readonly agent_id: string;
  /** `<name>+<key id>+<base64>`; empty for none. */
  readonly verifier: string;
}

export const logKeyBodySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['agent_id', 'verifier'],
  properties: {
    agent_id: { type: 'string', minLength: 1, maxLength: 255 },
    verifier: { type: 'string', maxLength: 1024 },
  },
};
