// SPDX-License-Identifier: Apache-2.0

import { KINDS } from '../../model/activity.ts';

export interface ErasureBody {
  readonly identity?: string;
  readonly session?: string;
  readonly agent?: string;
  readonly kinds?: readonly (typeof KINDS)[number][];
  readonly since?: string;
  readonly before?: string;
  readonly reason?: string;
  readonly dry_run: boolean;
}

const text = { type: 'string', minLength: 1, maxLength: 255 };
const time = { type: 'string', maxLength: 40, format: 'date-time' };

export const erasureBodySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    identity: text,
    session: text,
    agent: text,
    kinds: { type: 'array', minItems: 1, maxItems: KINDS.length, uniqueItems: true, items: { enum: KINDS } },
    since: time,
    before: time,
    reason: { type: 'string', minLength: 1, maxLength: 1000 },
    dry_run: { type: 'boolean', default: false },
  },
};

export const erasureParamsSchema = {
  type: 'object',
  properties: { seq: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } },
};

export const retentionBodySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { dry_run: { type: 'boolean', default: false } },
};
