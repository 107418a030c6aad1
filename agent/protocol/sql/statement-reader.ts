// SPDX-License-Identifier: Apache-2.0

/**
 * The statements of a text for PostgreSQL: the scanner tells them apart and gives their shapes, the server's own parser says what they
 * do and what they name. Where the parser has no answer the scanner's stands.
 *
 * A program that writes values into its texts never sends one twice, and the parser costs more than everything else that is done with a
 * statement. So it is asked once for each shape: what it says does not depend on values.
 */
import { type ParsedStatement, parse } from './parser.ts';
import type { Statement } from './statement.ts';
import { type ScanOptions, scanStatements } from './statement-scan.ts';
import { readTree, type TreeAnswer } from './tree.ts';
import { agreed } from './tree-words.ts';
import { CONSEQUENCE } from './verbs.ts';

/** Shapes whose answers are kept, and their characters together. */
const SHAPES_MAX = 4096;
const SHAPES_LENGTH_MAX = 1024 * 1024;
/** A longer shape has been cut, or nearly. */
const SHAPE_LENGTH_MAX = 8 * 1024;
/** As the scanner's list of names has it. */
const NAMES_MAX = 32;
const NAME_LENGTH_MAX = 256;

/** Commands that are a verb themselves. */
const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'SELECT INTO', ...CONSEQUENCE]);

/** What a statement of a shape means, whatever its values. */
interface Meaning {
  readonly command: string;
  /** The most consequential of its verbs; '' when none of them changes data. */
  readonly changes: string;
  readonly verbs: string;
  readonly resource: string;
  readonly hasNoWhere: boolean;
  /** It runs a DELETE or UPDATE. */
  readonly mayBeUnbounded: boolean;
}

type Answers = readonly (Meaning | undefined)[];

const known = new Map<string, Answers | undefined>();
let knownLength = 0;

/** As `scanStatements`, and exact for each statement that PostgreSQL 18 takes. */
export function readStatements(text: string, options: ScanOptions = {}): readonly Statement[] {
  const scanned = scanStatements(text, options);
  // The parser reads backslashes as the standard does.
  if (scanned.length === 0 || options.backslashQuotes === true) return scanned;
  const key = keyOf(text, scanned);
  if (key === undefined) return parsedAnew(text, scanned);
  if (known.has(key)) return merged(scanned, known.get(key));
  const statements = parse(text);
  if (statements !== undefined && statements.length !== scanned.length) return splitAnew(text, scanned, statements);
  const answers = statements?.map(({ stmt }) => meaningOf(readTree(stmt)));
  keep(key, answers);
  return merged(scanned, answers);
}

/** Forget all shapes. For tests. */
export function forgetShapes(): void {
  known.clear();
  knownLength = 0;
}

/**
 * What texts have in common that differ in values only. undefined when that cannot be told from the shapes: they show quoted names
 * in part, and are cut at their bound.
 */
function keyOf(text: string, scanned: readonly Statement[]): string | undefined {
  if (text.includes('"')) return undefined;
  let key = '';
  for (const { shape, operation } of scanned) key += `${operation} ${shape};`;
  return key.length > SHAPE_LENGTH_MAX ? undefined : key;
}

function keep(key: string, answers: Answers | undefined): void {
  if (known.size >= SHAPES_MAX || knownLength + key.length > SHAPES_LENGTH_MAX) forgetShapes();
  known.set(key, answers);
  knownLength += key.length;
}

function parsedAnew(text: string, scanned: readonly Statement[]): readonly Statement[] {
  const statements = parse(text);
  if (statements === undefined) return scanned;
  if (statements.length !== scanned.length) return splitAnew(text, scanned, statements);
  return merged(
    scanned,
    statements.map(({ stmt }) => meaningOf(readTree(stmt))),
  );
}

/** The scanner has told the statements apart in another way than the server does: each is scanned for itself. */
function splitAnew(
  text: string,
  scanned: readonly Statement[],
  statements: readonly ParsedStatement[],
): readonly Statement[] {
  // Past its bound the scanner takes what is left for one.
  if (scanned.length < statements.length && scanned.length >= STATEMENTS_MAX) return scanned;
  const bytes = Buffer.from(text);
  return statements.map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    const own = bytes.toString('utf8', start, length === undefined ? undefined : start + length);
    const parts = scanStatements(own);
    const first = parts[0] ?? scanned[0]!;
    const shape = parts.map((part) => part.shape).join('; ');
    return mergedOne({ ...first, text: own.trim(), shape }, meaningOf(readTree(stmt)));
  });
}

/** As the scanner has it. */
const STATEMENTS_MAX = 1000;

function merged(scanned: readonly Statement[], answers: Answers | undefined): readonly Statement[] {
  return answers === undefined ? scanned : scanned.map((statement, i) => mergedOne(statement, answers[i]));
}

function mergedOne(scanned: Statement, meaning: Meaning | undefined): Statement {
  if (meaning === undefined) return scanned;
  const { changes, verbs, resource, hasNoWhere, mayBeUnbounded } = meaning;
  const operation = changes === '' ? agreed(meaning.command, scanned.operation) : changes;
  const unbounded = hasNoWhere || (scanned.unbounded && mayBeUnbounded);
  return { ...scanned, operation, verbs, resource, unbounded };
}

function meaningOf(answer: TreeAnswer | undefined): Meaning | undefined {
  // What stands in the body of a DO is no part of the tree.
  if (answer === undefined || answer.names === undefined) return undefined;
  const { command, verbs, mergeDeletes, hasNoWhere, names } = answer;
  const runs = new Set(QUERIES.has(command) ? verbs : [command, ...verbs]);
  if (mergeDeletes) runs.add('DELETE');
  return {
    command,
    changes: CONSEQUENCE.find((verb) => verbs.includes(verb)) ?? '',
    verbs: runs.size > 1 ? Array.from(runs).join(', ') : '',
    resource: resourceOf(names),
    hasNoWhere,
    mayBeUnbounded: verbs.includes('DELETE') || verbs.includes('UPDATE'),
  };
}

function resourceOf(names: readonly string[]): string {
  const shown = new Set<string>();
  for (const name of names) {
    if (shown.size >= NAMES_MAX) break;
    if (name.length <= NAME_LENGTH_MAX) shown.add(name.replaceAll(',', '_'));
  }
  return Array.from(shown).join(', ');
}
