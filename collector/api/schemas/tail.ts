// SPDX-License-Identifier: Apache-2.0

import { KINDS } from '../../model/activity.ts';

export interface TailQuery {
  readonly kind?: readonly (typeof KINDS)[number][];
  readonly identity?: string;
  readonly session?: string;
  readonly protocol?: string;
  readonly status?: string;
  readonly payloads: boolean;
}

const text = { type: 'string', minLength: 1, maxLength: 255 };

export const tailQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    kind: { type: 'array', items: { enum: KINDS } },
    identity: text,
    session: text,
    protocol: text,
    status: { enum: ['ok', 'error', 'unknown'] },
    payloads: { type: 'boolean', default: false },
  },
};
