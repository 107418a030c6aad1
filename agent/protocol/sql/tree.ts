// SPDX-License-Identifier: Apache-2.0

/**
 * What a statement runs and what it names, read from PostgreSQL's parse tree (parser.ts).
 *
 * Shape    nodes as in tree-node.ts; a RangeVar is a relation as it is named: catalogname, schemaname, relname, location
 * Source   PostgreSQL 18, src/include/nodes/parsenodes.h
 */
import { namedBy } from './tree-names.ts';
import { fieldOf, isAnalyzed, type Node, unwrapped } from './tree-node.ts';
import { commandOf } from './tree-words.ts';

/** Nodes that are looked at. A text of `PARSED_LENGTH_MAX` has fewer. */
const NODES_MAX = 200_000;

export interface TreeAnswer {
  /** The name of the command itself: SELECT, EXPLAIN ANALYZE, CREATE TABLE, … */
  readonly command: string;
  /** What it runs besides, in order: of data-modifying WITH, EXPLAIN ANALYZE, COPY (…). Without SELECTs inside others. */
  readonly verbs: readonly string[];
  /** It runs a MERGE that may delete. */
  readonly mergeDeletes: boolean;
  /** A DELETE or UPDATE that it runs has no WHERE. */
  readonly hasNoWhere: boolean;
  /** Relations and other objects that it names, in order; undefined when the tree does not say, as of DO. */
  readonly names: readonly string[] | undefined;
}

const VERBS: Readonly<Record<string, string>> = {
  SelectStmt: 'SELECT',
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
};
/** Their target is a relation, even when a WITH query has the same name. */
const TARGETS: ReadonlySet<string> = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'IntoClause']);
/** Statements that run the query inside of them. EXPLAIN: with ANALYZE. */
const RUNS_ITS_QUERY: ReadonlySet<string> = new Set(['CopyStmt']);

/** FOR UPDATE OF names aliases; the body of a function runs later. */
const NOT_TOUCHED: ReadonlySet<string> = new Set(['lockedRels', 'sql_body']);

/** What `stmt`, a wrapped node, does. */
export function readTree(stmt: Node): TreeAnswer | undefined {
  const [type = '', node = {}] = unwrapped(stmt);
  const command = commandOf(type, node);
  if (command === undefined) return undefined;
  const walk = new Walk();
  walk.statement(type, node);
  if (walk.isTooLarge) return undefined;
  const { verbs, mergeDeletes, hasNoWhere } = walk;
  return { command, verbs, mergeDeletes, hasNoWhere, names: namesOf(type, node, walk) };
}

function namesOf(type: string, node: Node, walk: Walk): readonly string[] | undefined {
  if (type === 'DoStmt') return undefined;
  return [...namedBy(type, node), ...walk.relations(), ...executedBy(type, node)];
}

/** EXPLAIN EXECUTE p and CREATE TABLE … AS EXECUTE p name p, which runs what was prepared by that name. */
function executedBy(type: string, node: Node): readonly string[] {
  if (type !== 'ExplainStmt' && type !== 'CreateTableAsStmt') return [];
  const [inner = '', query = {}] = unwrapped((node['query'] ?? {}) as Node);
  if (inner === 'ExecuteStmt') return namedBy(inner, query);
  // EXPLAIN CREATE TABLE … AS EXECUTE p.
  return inner === 'CreateTableAsStmt' ? executedBy(inner, query) : [];
}

/** The names of WITH queries that can be seen. */
type Scope = ReadonlySet<string>;

interface Visit {
  readonly value: unknown;
  /** The type that `value` is wrapped in, or the field that it stands in. */
  readonly as: string;
  readonly scope: Scope;
}

const NOTHING_SEEN: Scope = new Set();

/** Goes over a tree without recursion: its depth is whatever a text makes it. */
class Walk {
  readonly verbs: string[] = [];
  hasNoWhere = false;
  mergeDeletes = false;
  #nodes = 0;
  readonly #found: { readonly name: string; readonly at: number }[] = [];

  get isTooLarge(): boolean {
    return this.#nodes > NODES_MAX;
  }

  statement(type: string, node: Node): void {
    this.#run(type, node);
    this.#visitAll({ value: node, as: type, scope: NOTHING_SEEN });
  }

  relations(): string[] {
    return this.#found.sort((a, b) => a.at - b.at).map(({ name }) => name);
  }

  /** Note what is run: the statement, those of its WITH first, and the query that it carries. */
  #run(type: string, node: Node): void {
    const waiting: [string, Node][] = [[type, node]];
    for (let next = waiting.pop(); next !== undefined && this.verbs.length < NODES_MAX; next = waiting.pop()) {
      const [nextType, nextNode] = next;
      const verb = VERBS[nextType];
      const ctes = fieldOf(nextNode, 'withClause')?.['ctes'] as readonly Node[] | undefined;
      if (verb !== undefined && ctes !== undefined) {
        waiting.push([nextType, { ...nextNode, withClause: undefined }]);
        for (const cte of ctes.toReversed()) pushQuery(waiting, unwrapped(cte)[1], 'ctequery');
        continue;
      }
      if (verb !== undefined) this.verbs.push(verb);
      if (verb === 'MERGE' && deletesOnMatch(nextNode)) this.mergeDeletes = true;
      if ((verb === 'DELETE' || verb === 'UPDATE') && nextNode['whereClause'] === undefined) this.hasNoWhere = true;
      if (RUNS_ITS_QUERY.has(nextType) || (nextType === 'ExplainStmt' && isAnalyzed(nextNode)))
        pushQuery(waiting, nextNode, 'query');
    }
  }

  #visitAll(first: Visit): void {
    const waiting: Visit[] = [first];
    for (let visit = waiting.pop(); visit !== undefined; visit = waiting.pop()) {
      this.#nodes++;
      if (this.isTooLarge) return;
      if (typeof visit.value === 'object' && visit.value !== null) this.#visit(visit, waiting);
    }
  }

  #visit({ value, as, scope }: Visit, waiting: Visit[]): void {
    if (Array.isArray(value)) {
      for (const one of value) waiting.push({ value: one, as: '', scope });
      return;
    }
    const node = value as Node;
    if (isRelation(node)) {
      this.#relation(node, scope);
      return;
    }
    const inner = node['withClause'] === undefined ? scope : this.#withClause(node, scope, waiting);
    for (const [field, child] of Object.entries(node)) {
      if (NOT_TOUCHED.has(field) || field === 'withClause') continue;
      const isTarget = (field === 'relation' && TARGETS.has(as)) || field === 'rel';
      waiting.push({ value: child, as: field, scope: isTarget ? NOTHING_SEEN : inner });
    }
  }

  /** Visit the queries of a WITH, and give back what the statement behind it sees. */
  #withClause(node: Node, outer: Scope, waiting: Visit[]): Scope {
    const clause = fieldOf(node, 'withClause');
    const ctes = ((clause?.['ctes'] ?? []) as readonly Node[]).map((cte) => unwrapped(cte)[1] ?? {});
    const isRecursive = clause?.['recursive'] === true;
    let seen = new Set(outer);
    if (isRecursive) for (const cte of ctes) seen.add(String(cte['ctename']));
    for (const cte of ctes) {
      waiting.push({ value: cte['ctequery'], as: 'ctequery', scope: seen });
      if (!isRecursive) seen = new Set(seen).add(String(cte['ctename']));
    }
    return seen;
  }

  #relation(node: Node, scope: Scope): void {
    const { catalogname, schemaname, relname, location } = node;
    if (schemaname === undefined && scope.has(String(relname))) return;
    const name = [catalogname, schemaname, relname].filter((part) => part !== undefined).join('.');
    this.#found.push({ name, at: Number(location ?? 0) });
  }
}

function isRelation(node: Node): boolean {
  return typeof node['relname'] === 'string' && node['relpersistence'] !== undefined;
}

function pushQuery(waiting: [string, Node][], node: Node | undefined, field: string): void {
  const [type, query] = unwrapped(node?.[field] as Node | undefined);
  if (type !== undefined && query !== undefined) waiting.push([type, query]);
}

function deletesOnMatch(merge: Node): boolean {
  const clauses = (merge['mergeWhenClauses'] ?? []) as readonly Node[];
  return clauses.some((clause) => unwrapped(clause)[1]?.['commandType'] === 'CMD_DELETE');
}
