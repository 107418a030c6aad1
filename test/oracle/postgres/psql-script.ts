// SPDX-License-Identifier: Apache-2.0

/**
 * Has psql run statements and say after each what it was told: SQLSTATE, row count, and the rows. That is the client's own
 * account, which the record is compared with beside the server's.
 */

export interface PsqlStep {
  /** As psql is to read it: a statement with its semicolon, or a backslash command. */
  readonly text: string;
  /** How many commands of the record it makes; 1 when left out. */
  readonly commands?: number;
  /** Which of them psql tells about; the last when left out. */
  readonly told?: number;
  /** psql 15 notes neither that a COPY failed nor how many rows one to STDOUT had: nothing to compare with. */
  readonly untold?: true;
}

export interface PsqlAnswer {
  readonly rowCount: number;
  readonly sqlstate: string;
  /** Names of the columns and the rows, NULL as null; of what shows no table, something else. */
  readonly table: readonly (readonly (string | null)[])[];
}

const MARK = '~~ told';
const NULL = '~~ null';

/** A script for `psql -X -q -f`. */
export function psqlScript(steps: readonly PsqlStep[]): string {
  const head = ['\\pset format csv', `\\pset null '${NULL}'`];
  return [...head, ...steps.map(({ text }) => `${text}\n\\echo '${MARK}' :ROW_COUNT :SQLSTATE`), ''].join('\n');
}

/** What psql printed for each step. Errors: an Error when it did not come to the end. */
export function psqlAnswers(printed: string, steps: readonly PsqlStep[]): PsqlAnswer[] {
  const answers: PsqlAnswer[] = [];
  let text = '';
  for (const line of printed.split('\n')) {
    const told = /^~~ told (\d+) (\w{5})$/.exec(line);
    if (told === null) {
      text += `${line}\n`;
      continue;
    }
    answers.push({ rowCount: Number(told[1]), sqlstate: told[2] as string, table: readCsv(text) });
    text = '';
  }
  if (answers.length !== steps.length) throw new Error(`psql told ${answers.length} of ${steps.length} answers`);
  return answers;
}

/** CSV as psql writes it: a quoted value holds anything, quotes doubled. */
function readCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^,"\n]*))(,|\n)/gy;
  let row: (string | null)[] = [];
  for (let found = field.exec(text); found !== null; found = field.exec(text)) {
    const [, quoted, plain = '', end] = found;
    row.push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain === NULL ? null : plain);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
