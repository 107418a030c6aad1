// SPDX-License-Identifier: Apache-2.0

/**
 * MySQL's way to write SQL in terms of the scanner of `protocol/sql`, character by character, so that positions stay:
 * names in backquotes become names in double quotes, texts in double quotes texts in apostrophes, comments blanks. What
 * stands in comments that the server runs, as in `/*!40101 … *​/`, stays.
 *
 * Source   MySQL manual, "Comments", "Schema Object Names", "String Literals"; sql_mode is taken for the default
 */
import type { Statement } from '../sql/statement.ts';
import { StatementCache } from '../sql/statement-cache.ts';

const cache = new StatementCache(10_000, 4 * 1024 * 1024, { backslashQuotes: true });
/** Its body holds statements of its own, which are no statements of the text. */
const ROUTINE =
  /^\s*create\s+(?:or\s+replace\s+)?(?:definer\s*=\s*\S+\s+)?(?:aggregate\s+)?(?:procedure|function|trigger|event|package)\b|^\s*begin\s+not\s+atomic\b/i;
const RUN_COMMENT = /^\/\*M?!\d*/;

/** `replace` is one word of MySQL's, and an insert in all else. */
const REPLACE = /^(\s*)replace(?=\s)/i;
const LOADED_TABLE = /\binto\s+table\s+("[^"]*"(?:\."[^"]*")?|[\w$.]+)/i;

/** What the scanner does not know of MySQL's statements. */
function completed(statement: Statement, text: string, isReplace: boolean): Statement {
  if (isReplace)
    return { ...statement, text, operation: 'REPLACE', shape: statement.shape.replace(/^insert/, 'replace') };
  if (statement.operation.startsWith('LOAD')) {
    const table = LOADED_TABLE.exec(statement.text)?.[1]?.replaceAll('"', '') ?? '';
    return { ...statement, text, operation: 'LOAD DATA', resource: table };
  }
  return { ...statement, text };
}

/** The statements of a text; `mayBeSeveral`: the client has said that it may send several. */
export function statementsOf(text: string, mayBeSeveral: boolean): readonly Statement[] {
  // Without its comments: what stands before the first word is blank.
  const plain = translate(text);
  const translated = plain.replace(REPLACE, '$1insert ');
  const found = cache.statementsOf(translated);
  const [first] = found;
  if (first === undefined) return [];
  if (!mayBeSeveral || found.length === 1 || ROUTINE.test(translated))
    return [completed(first, text, REPLACE.test(plain))];
  let from = 0;
  return found.map((statement) => {
    const start = Math.max(from, translated.indexOf(statement.text, from));
    from = start + statement.text.length;
    return completed(statement, text.slice(start, from), REPLACE.test(plain.slice(start, from)));
  });
}

/** Exported for its test. */
export function translate(text: string): string {
  if (!/[`"#$]|\/\*|--/.test(text)) return text;
  const parts: string[] = [];
  let done = 0;
  const keep = (until: number): void => {
    parts.push(text.slice(done, until));
    done = until;
  };
  const replace = (until: number, by: string): void => {
    parts.push(by);
    done = until;
  };
  let runComments = 0;
  const special = /['"`#$]|\/\*|\*\/|--/g;
  for (let match = special.exec(text); match !== null; match = special.exec(text)) {
    const at = match.index;
    const [what] = match;
    keep(at);
    let end = at + what.length;
    if (what === "'") {
      end = endOfQuoted(text, at, true);
      keep(end);
    } else if (what === '"') {
      end = endOfQuoted(text, at, true);
      replace(end, requoted(text.slice(at, end), "'"));
    } else if (what === '`') {
      end = endOfQuoted(text, at, false);
      replace(end, requoted(text.slice(at, end), '"'));
    } else if (what === '#' || what === '--') {
      if (what === '--' && /\S/.test(text[end] ?? '\n')) replace(end, '-+');
      else {
        const feed = text.indexOf('\n', at);
        end = feed < 0 ? text.length : feed;
        replace(end, ' '.repeat(end - at));
      }
    } else if (what === '/*') {
      const run = RUN_COMMENT.exec(text.slice(at, at + 12));
      if (run !== null) {
        runComments++;
        end = at + run[0].length;
      } else {
        const close = text.indexOf('*/', end);
        end = close < 0 ? text.length : close + 2;
      }
      replace(end, ' '.repeat(end - at));
    } else if (what === '*/') {
      if (runComments > 0) replace(end, '  ');
      runComments = Math.max(0, runComments - 1);
    } else {
      // A letter of names here, and no sign of another way to quote.
      replace(end, '_');
    }
    special.lastIndex = Math.max(end, at + 1);
  }
  keep(text.length);
  return parts.join('');
}

function endOfQuoted(text: string, start: number, hasEscapes: boolean): number {
  const quote = text.charCodeAt(start);
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (hasEscapes && code === 0x5c) at++;
    else if (code === quote) {
      if (text.charCodeAt(at + 1) !== quote) return at + 1;
      at++;
    }
  }
  return text.length;
}

/** The same text in other quotes, of the same length. */
function requoted(quoted: string, quote: '"' | "'"): string {
  const old = quoted.charAt(0);
  const inside = quoted.slice(1, quoted.length > 1 && quoted.endsWith(old) ? -1 : undefined);
  const safe = inside.replaceAll(quote, '_').replaceAll(old, quote);
  return `${quote}${safe}${quoted.length > 1 && quoted.endsWith(old) ? quote : ''}`;
}
