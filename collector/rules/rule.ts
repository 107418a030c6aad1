// SPDX-License-Identifier: Apache-2.0

/**
 * A Sigma rule as a tree. Made from text by parse-rule.ts; turned into a predicate over activities by predicate.ts, and,
 * later, into SQL over history: so the tree says what is to be compared and nothing about how.
 *
 * Source   Sigma specification 2.0, "Rules" and "Modifiers"; what is left out is listed in docs/RULES.md
 */
import type { Kind } from '../model/activity.ts';

export const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type Level = (typeof LEVELS)[number];

/** A piece of a text pattern: text as it stands, any one character, or any run of characters. */
export type PatternPart = { readonly text: string } | 'one' | 'any';

export type Comparison = 'lt' | 'lte' | 'gt' | 'gte';

/** What a field's value is held against. Text is compared without regard to case unless `cased`. */
export type Test =
  | { readonly kind: 'pattern'; readonly parts: readonly PatternPart[]; readonly cased: boolean }
  | { readonly kind: 'regex'; readonly source: string; readonly flags: string }
  | { readonly kind: 'number'; readonly comparison: Comparison; readonly value: number }
  | { readonly kind: 'exists'; readonly exists: boolean }
  /** Empty or absent. */
  | { readonly kind: 'null' }
  | { readonly kind: 'cidr'; readonly network: string; readonly prefix: number };

/** A column of `sworn.activities`, or one entry of its `attributes`. */
export interface Field {
  readonly column: string;
  readonly attribute?: string;
}

export type Detection =
  | { readonly kind: 'all'; readonly of: readonly Detection[] }
  | { readonly kind: 'any'; readonly of: readonly Detection[] }
  | { readonly kind: 'not'; readonly of: Detection }
  | { readonly kind: 'match'; readonly field: Field; readonly test: Test };

export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly level: Level;
  readonly tags: readonly string[];
  /** The kinds of activity that it looks at. */
  readonly kinds: readonly Kind[];
  readonly detection: Detection;
  /** Where it was read from, for messages. */
  readonly file: string;
}
