// SPDX-License-Identifier: Apache-2.0

import { ANSWER_FORMATS, type AnswerFormat } from '../../store/event-store.ts';
import { SQL_CHARACTERS_MAX } from '../limits.ts';

export interface QueryBody {
  readonly sql: string;
  readonly format: AnswerFormat;
  readonly parameters?: Readonly<Record<string, string | number | boolean | null>>;
}

export const queryBodySchema = {
  type: 'object',
  additionalProperties: false,
  required: ['sql'],
  properties: {
    sql: { type: 'string', minLength: 1, maxLength: SQL_CHARACTERS_MAX },
    format: { enum: Object.keys(ANSWER_FORMATS), default: 'JSONCompactEachRowWithNamesAndTypes' },
    parameters: {
      type: 'object',
      maxProperties: 100,
      propertyNames: { pattern: '^[A-Za-z_][A-Za-z0-9_]{0,63}$' },
      additionalProperties: { anyOf: ['string', 'number', 'boolean', 'null'].map((type) => ({ type })) },
    },
  },
};
