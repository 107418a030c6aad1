// SPDX-License-Identifier: Apache-2.0

/** What can be told of one SQL statement from its text alone. */
export interface Statement {
  /** The statement as it was sent, comments included, without the semicolon that ended it. */
  readonly text: string;
  /**
   * What it does, in upper case: SELECT, DELETE, CREATE TABLE, BEGIN, COPY, … Where one statement does several things
   * (data-modifying WITH, EXPLAIN ANALYZE, COPY of a DELETE … RETURNING) it is the most consequential one: DELETE before
   * UPDATE before MERGE before INSERT before everything else. '' for a statement that is empty.
   */
  readonly operation: string;
  /** All verbs, in order of appearance, when there are several: 'DELETE, INSERT'; else ''. */
  readonly verbs: string;
  /** Tables and other objects that it names, comma separated, as far as the text says. */
  readonly resource: string;
  /** See `ShapeWriter`. */
  readonly shape: string;
  /** It runs a DELETE or UPDATE whose own clause has no WHERE, or one that is always true (`where true`, `where 1 = 1`). */
  readonly unbounded: boolean;
  /** PREPARE name AS statement. */
  readonly prepares?: { readonly name: string; readonly text: string };
  /** EXECUTE name. */
  readonly executes?: string;
  /** DEALLOCATE name; '' for all. */
  readonly deallocates?: string;
}

export const EMPTY_STATEMENT: Statement = {
  text: '',
  operation: '',
  verbs: '',
  resource: '',
  shape: '',
  unbounded: false,
};
