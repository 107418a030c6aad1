// SPDX-License-Identifier: Apache-2.0

import type { Verb } from './verbs.ts';
import type { WhereClause } from './where-clause.ts';

/**
 * One level of parentheses while a statement is scanned; the lowest is the statement itself. A clause belongs to the
 * level that it stands in: the WHERE of a sub-select says nothing about the DELETE around it.
 */
export interface Frame {
  /** Not yet at the verb: at the beginning, or among the queries of a WITH. */
  head: boolean;
  /** A statement that changes data may stand here: a whole statement, a WITH query, the query of a COPY. */
  readonly mayModify: boolean;
  /** The verb of this level, once seen. */
  verb: string;
  /** Where in `WITH name AS (…), …` we are; 'no' outside of it. */
  withState: 'no' | 'name' | 'as' | 'body' | 'done';
  withName: string;
  recursive: boolean;
  /** Commas at this level separate tables. */
  inFrom: boolean;
  /** Set while this level's verb is DELETE or UPDATE: how it is bounded. */
  verbEntry: Verb | undefined;
  /** The WHERE of `verbEntry`; undefined before it and behind it. */
  where: WhereClause | undefined;
}

export function newFrame(mayModify: boolean): Frame {
  return {
    head: true,
    mayModify,
    verb: '',
    withState: 'no',
    withName: '',
    recursive: false,
    inFrom: false,
    verbEntry: undefined,
    where: undefined,
  };
}
