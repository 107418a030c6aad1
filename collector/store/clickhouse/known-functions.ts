// SPDX-License-Identifier: Apache-2.0

/**
 * Which functions people's SQL may call. ClickHouse has some 1,500; those of whole categories that only compute are
 * allowed, and a few by name. So a function of a later version is allowed only when it is filed under such a category,
 * and one that reads files, dictionaries, other servers or the process itself is not.
 */

/** As `system.functions` gives them. */
export interface FunctionRow {
  readonly name: string;
  readonly alias_to: string;
  readonly case_insensitive: number;
  readonly is_aggregate: number;
  readonly categories: string;
}

const CATEGORIES = new Set([
  'Arithmetic',
  'Arrays',
  'Bit',
  'Bitmap',
  'Comparison',
  'Conditional',
  'Dates and Times',
  'Distance',
  'Encoding',
  'Financial',
  'Geo',
  'Geo Polygon',
  'Hash',
  'IP Address',
  'JSON',
  'Logical',
  'Map',
  'Mathematical',
  'Null',
  'NumericIndexedVector',
  'Random Number',
  'Rounding',
  'String',
  'String Replacement',
  'String Search',
  'String Splitting',
  'Time Series',
  'Time Window',
  'Tuple',
  'Type Conversion',
  'URL',
  'UUID',
]);

/** Of the category "Other" and of the parser's own: pure, and of use. */
const BY_NAME = [
  '_CAST',
  'lambda',
  'exists',
  'tuple',
  'array',
  'map',
  'if',
  'multiIf',
  'caseWithExpression',
  'caseWithExpr',
  'caseWithoutExpression',
  'caseWithoutExpr',
  'cast',
  'CAST',
  'untuple',
  'grouping',
  'toTypeName',
  'toColumnTypeName',
  'formatReadableSize',
  'formatReadableDecimalSize',
  'formatReadableQuantity',
  'formatReadableTimeDelta',
  'parseReadableSize',
  'parseReadableSizeOrNull',
  'parseReadableSizeOrZero',
  'parseTimeDelta',
  'identity',
  'materialize',
  'ignore',
  'byteSize',
  'bar',
  'transform',
  'version',
  'currentDatabase',
  'rowNumberInBlock',
  'rowNumberInAllBlocks',
  'blockNumber',
  'neighbor',
  'runningDifference',
  'runningAccumulate',
  'countDigits',
  'isConstant',
  'isDecimalOverflow',
  'visibleWidth',
  'defaultValueOfTypeName',
  'defaultValueOfArgumentType',
  'formatQuery',
  'formatQuerySingleLine',
  'normalizeQuery',
  'normalizeQueryKeepNames',
  'normalizedQueryHash',
  'normalizedQueryHashKeepNames',
  'MACNumToString',
  'MACStringToNum',
  'MACStringToOUI',
  'finalizeAggregation',
  'lowCardinalityIndices',
  'lowCardinalityKeys',
  'variantElement',
  'variantType',
  'getSubcolumn',
  'errorCodeToName',
  'unhex',
  'hex',
  'uptime',
  'timezone',
  'in',
  'notIn',
  'globalIn',
  'globalNotIn',
  'nullIn',
  'notNullIn',
];

/** Table functions that make rows out of nothing but their arguments. */
const TABLE_FUNCTIONS = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generate_series',
  'generateSeries',
  'values',
  'view',
]);

/** Endings that turn an aggregate function into another one. */
const COMBINATORS = [
  'If',
  'Array',
  'Map',
  'Distinct',
  'OrDefault',
  'OrNull',
  'ForEach',
  'State',
  'SimpleState',
  'Merge',
  'MergeState',
  'ArgMin',
  'ArgMax',
  'Resample',
];

export class KnownFunctions {
  readonly #exact = new Set<string>(BY_NAME);
  readonly #lowerCase = new Set<string>();
  readonly #aggregates = new Set<string>();

  constructor(rows: readonly FunctionRow[]) {
    const categories = new Map(rows.map((row) => [row.name, row.categories]));
    const byName = new Set(BY_NAME.map((name) => name.toLowerCase()));
    for (const row of rows) {
      const target = row.alias_to === '' ? row.name : row.alias_to;
      const allowed =
        row.is_aggregate === 1 || CATEGORIES.has(categories.get(target) ?? '') || byName.has(target.toLowerCase());
      if (!allowed) continue;
      this.#exact.add(row.name);
      if (row.is_aggregate === 1) this.#aggregates.add(row.name.toLowerCase());
      if (row.case_insensitive === 1) this.#lowerCase.add(row.name.toLowerCase());
    }
  }

  get count(): number {
    return this.#exact.size;
  }

  allows(name: string): boolean {
    if (this.#exact.has(name) || this.#lowerCase.has(name.toLowerCase())) return true;
    let base = name;
    for (;;) {
      const ending = COMBINATORS.find((combinator) => base.endsWith(combinator) && base.length > combinator.length);
      if (ending === undefined) return false;
      base = base.slice(0, -ending.length);
      if (this.#aggregates.has(base.toLowerCase())) return true;
    }
  }

  allowsTable(name: string): boolean {
    return TABLE_FUNCTIONS.has(name);
  }
}
