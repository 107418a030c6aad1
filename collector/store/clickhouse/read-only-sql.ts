// SPDX-License-Identifier: Apache-2.0

/**
 * Decides whether a person's SQL only reads the record. The second of two walls: the first is ClickHouse's own, readonly = 1
 * and a role or user that may read `sworn` and nothing else. The second is needed because two things ask no right at all in
 * an embedded engine, `file('/etc/…')` as a scalar function and INTO OUTFILE, and because a server's operator may give the
 * reader more rights than it needs.
 *
 * Nothing is judged by a parser of ours. ClickHouse reads the text (formatQuery: one statement, or an error) and prints
 * it anew without comments; of that text it prints the syntax tree, and that same text is what runs. The tree may hold
 * only known kinds of node, tables of `sworn`, and functions that compute (known-functions.ts). What is not known is
 * refused.
 */
import { CollectorError, describeError } from '../../model/error.ts';
import { type FunctionRow, KnownFunctions } from './known-functions.ts';
import { parseSyntaxTree, type SyntaxNode } from './syntax-tree.ts';

/** Above the API's own bound: the parser's work on it stays in milliseconds. */
export const SQL_CHARACTERS_MAX = 65_536;

export type RunSql = <T>(sql: string, parameters?: Readonly<Record<string, unknown>>) => Promise<readonly T[]>;

/** Tables of the engine that say what there is, and nothing of what others do. */
const SYSTEM_TABLES = new Set(['one', 'numbers', 'numbers_mt', 'zeros', 'zeros_mt', 'tables', 'columns', 'functions']);

/** `system.tables` and the like are cut by the user's rights to what is in `sworn`. */
const DATABASE = 'sworn';

const NODES = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'ExpressionList',
  'Identifier',
  'Literal',
  'Function',
  'QueryParameter',
  'Asterisk',
  'QualifiedAsterisk',
  'ColumnsRegexpMatcher',
  'ColumnsListMatcher',
  'QualifiedColumnsRegexpMatcher',
  'QualifiedColumnsListMatcher',
  'ColumnsTransformerList',
  'ColumnsExceptTransformer',
  'ColumnsReplaceTransformer',
  'ColumnsReplaceTransformer::Replacement',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'TableExpression',
  'TableIdentifier',
  'TableJoin',
  'ArrayJoin',
  'Subquery',
  'WithElement',
  'OrderByElement',
  'InterpolateElement',
  'WindowListElement',
  'WindowDefinition',
  'SampleRatio',
  'DataType',
]);

/** Functions whose right side may be the name of a table. */
const MEMBERSHIP = /^(global)?(null|not|notnull)?in(ignoreset)?$/i;
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$/;
const ALIAS = / \(alias .*\)$/s;

function refuse(why: string): CollectorError {
  return new CollectorError('query_refused', why);
}

/**
 * What the printed text may not hold outside quotes, and names that could make the tree's lines lie.
 *
 * Shape    words and symbols · '…' · `…` · "…", with backslash escapes; no comments: the printer leaves none
 */
export function judgeText(sql: string): string | undefined {
  let bare = '';
  for (let at = 0; at < sql.length; at++) {
    const quote = sql[at]!;
    if (quote !== "'" && quote !== '`' && quote !== '"') {
      bare += quote;
      continue;
    }
    const start = at;
    for (at += 1; at < sql.length && sql[at] !== quote; at++) {
      if (sql[at] === '\\') at += 1;
    }
    if (at >= sql.length) return 'a quote without an end';
    if (quote !== "'" && sql.slice(start, at).includes('\\')) return 'a name with escapes in it';
    bare += ' ';
  }
  if (bare.includes(';')) return 'more than one statement';
  if (/\bINTO\s+OUTFILE\b/i.test(bare)) return 'INTO OUTFILE writes a file';
  return undefined;
}

export class ReadOnlySql {
  readonly #run: RunSql;
  #functions = new KnownFunctions([]);

  constructor(run: RunSql) {
    this.#run = run;
  }

  async open(): Promise<void> {
    const rows = await this.#run<FunctionRow>(
      'SELECT name, alias_to, toUInt8(case_insensitive) AS case_insensitive, toUInt8(is_aggregate) AS is_aggregate, ' +
        'categories FROM system.functions',
    );
    this.#functions = new KnownFunctions(rows);
  }

  /**
   * The statement as ClickHouse prints it, safe to run.
   *
   * Errors   CollectorError `query_refused` with the reason; `query_invalid` when ClickHouse cannot read it
   */
  async check(sql: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<string> {
    if (sql.length > SQL_CHARACTERS_MAX) throw refuse(`the SQL is longer than ${SQL_CHARACTERS_MAX} characters`);
    if (sql.includes('\0')) throw refuse('the SQL holds a zero character');
    const text = await this.#printed(sql);
    const fault = judgeText(text);
    if (fault !== undefined) throw refuse(fault);
    const lines = await this.#run<{ explain: string }>(`EXPLAIN AST ${text}`, parameters);
    const tree = parseSyntaxTree(lines.map((line) => line.explain).join('\n'));
    if (tree === undefined) throw refuse('the statement has a form that is not understood');
    this.#judgeRoot(tree, text);
    return text;
  }

  async #printed(sql: string): Promise<string> {
    try {
      const [row] = await this.#run<{ text: string }>('SELECT formatQuerySingleLine({sworn_sql:String}) AS text', {
        sworn_sql: sql,
      });
      return row?.text ?? '';
    } catch (error) {
      const message = describeError(error, 1000).replace(/: In scope .*$/s, '');
      if (/SYNTAX_ERROR|Syntax error/.test(describeError(error, 1000))) {
        throw new CollectorError('query_invalid', message, { cause: error });
      }
      throw error;
    }
  }

  #judgeRoot(root: SyntaxNode, text: string): void {
    switch (root.type) {
      case 'SelectWithUnionQuery':
        this.#judgeSelect(root);
        return;
      case 'Explain': {
        if (!/^EXPLAIN( SYNTAX| PLAN| PIPELINE| ESTIMATE| AST| QUERY TREE)?$/.test(root.text)) break;
        const [first, second] = root.children;
        const query = first?.type === 'Set' ? second : first;
        const alone = root.children.length === (first?.type === 'Set' ? 2 : 1);
        if (query?.type !== 'SelectWithUnionQuery' || !alone) break;
        this.#judgeSelect(query);
        return;
      }
      case 'DescribeQuery':
        if (root.children.length !== 1 || root.children[0]!.type !== 'TableExpression') break;
        this.#judge(root.children[0]!);
        return;
      case 'ShowTables': {
        const [from] = root.children;
        const ours = from === undefined || (from.type === 'Identifier' && from.text === DATABASE);
        if (!text.startsWith('SHOW TABLES') || root.children.length > 1 || !ours) break;
        return;
      }
    }
    throw refuse('only SELECT, EXPLAIN of a SELECT, DESCRIBE and SHOW TABLES over `sworn` may run');
  }

  #judgeSelect(select: SyntaxNode): void {
    if (select.children.length !== 1) {
      throw refuse('FORMAT, SETTINGS and INTO OUTFILE may not stand in the SQL; the request names the format');
    }
    this.#judge(select);
  }

  #judge(node: SyntaxNode): void {
    if (node.type === 'Set') throw refuse('SETTINGS may not stand in the SQL');
    if (node.type === 'ColumnsApplyTransformer') throw refuse('APPLY is not allowed: its function cannot be checked');
    if (!NODES.has(node.type)) throw refuse(`${node.type} is not allowed`);
    if (node.type === 'TableIdentifier') this.#judgeTable(node.text.replace(ALIAS, ''));
    if (node.type === 'Function') this.#judgeFunction(node);
    for (const child of node.children) {
      if (node.type === 'TableExpression' && child.type === 'Function') this.#judgeTableFunction(child);
      else this.#judge(child);
    }
  }

  #judgeTable(name: string): void {
    if (!PLAIN_NAME.test(name)) throw refuse(`there is no table ${JSON.stringify(name)}`);
    const [database, table] = name.split('.');
    // Without a database it is a table of `sworn` or a name from WITH.
    if (table === undefined || database === DATABASE) return;
    if (database === 'system' && SYSTEM_TABLES.has(table)) return;
    throw refuse(`${name} may not be read; only the tables of ${DATABASE} may`);
  }

  #judgeFunction(node: SyntaxNode): void {
    const name = node.text.replace(ALIAS, '');
    if (!PLAIN_NAME.test(name) || !this.#functions.allows(name)) throw refuse(`the function ${name} is not allowed`);
    if (!MEMBERSHIP.test(name)) return;
    const right = node.children[0]?.children[1];
    if (right?.type === 'Identifier' && right.text.includes('.')) this.#judgeTable(right.text.replace(ALIAS, ''));
  }

  #judgeTableFunction(node: SyntaxNode): void {
    const name = node.text.replace(ALIAS, '');
    if (!this.#functions.allowsTable(name)) throw refuse(`the table function ${name} is not allowed`);
    for (const child of node.children) this.#judge(child);
  }
}
