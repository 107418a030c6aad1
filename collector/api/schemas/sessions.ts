// SPDX-License-Identifier: Apache-2.0

import { PAGE_ROWS_MAX } from '../limits.ts';

export interface SessionsQuery {
  readonly identity?: string;
  readonly workload?: string;
  readonly host?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
}

export interface SessionQuery {
  readonly after?: string;
  readonly limit: number;
}

const text = { type: 'string', minLength: 1, maxLength: 255 };
const time = { type: 'string', maxLength: 40, format: 'date-time' };
const limit = (value: number) => ({ type: 'integer', minimum: 1, maximum: PAGE_ROWS_MAX, default: value });

export const sessionsQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { identity: text, workload: text, host: text, since: time, until: time, limit: limit(100) },
};

export const sessionQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: { after: { type: 'string', maxLength: 1024 }, limit: limit(1000) },
};

export const sessionParamsSchema = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, maxLength: 255 } },
};
