// SPDX-License-Identifier: Apache-2.0

/**
 * docs/SCHEMA.md, made from the tables themselves: their comments are said once, in the migrations. Run as a program it
 * writes the file; a test compares.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const schemaDocumentPath = join(import.meta.dirname, '../../../docs/SCHEMA.md');

type Rows = <Row>(sql: string) => Promise<readonly Row[]>;

const VIEWS = [
  'commands',
  'processes',
  'connections',
  'tokens',
  'losses',
  'findings',
  'terminals',
  'alerts',
  'sessions',
  'identities',
  'recorders',
  'coverage',
  'erasures',
];
const TABLES = ['activities', 'checkpoints', 'log_keys', 'log_tiles', 'claims', 'deliveries', 'migrations'];

const HEAD = `# Schema

What the collector keeps, as SQL sees it: database \`sworn\`. Made from the tables by
\`collector/store/clickhouse/schema-document.ts\`; to change a text, write a migration.

Times are UTC. 64-bit numbers are text in JSON. Columns that a kind of activity does not fill are empty or 0. \`request\` and
\`response\` are bytes: use \`hex(request)\` where they are not text. Names and order of the columns of \`commands\` are a
contract; new columns come at the end.
`;

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly comment: string;
}

function table(columns: readonly ColumnRow[]): string {
  const lines = columns.map(
    ({ name, type, comment }) => `| \`${name}\` | \`${type}\` | ${comment.replaceAll('|', '\\|')} |`,
  );
  return ['| column | type | meaning |', '|---|---|---|', ...lines].join('\n');
}

export async function schemaDocument(rows: Rows): Promise<string> {
  const columnsOf = (name: string) =>
    rows<ColumnRow>(
      `SELECT name, type, comment FROM system.columns WHERE database = 'sworn' AND table = '${name}' ORDER BY position`,
    );
  const comments = new Map(
    (
      await rows<{ name: string; comment: string }>("SELECT name, comment FROM system.tables WHERE database = 'sworn'")
    ).map(({ name, comment }) => [name, comment]),
  );
  const parts = [HEAD, '## Views\n'];
  for (const view of VIEWS) {
    const names = (await columnsOf(view)).map(({ name }) => `\`${name}\``).join(', ');
    parts.push(`### ${view}\n\n${comments.get(view)}\n\n${names}\n`);
  }
  parts.push('## Tables\n');
  for (const name of TABLES) parts.push(`### ${name}\n\n${comments.get(name)}\n\n${table(await columnsOf(name))}\n`);
  return parts.join('\n');
}

if (import.meta.main) {
  const { readRows, startEmbeddedStore } = await import('../../testing/test-store.ts');
  const running = await startEmbeddedStore();
  writeFileSync(schemaDocumentPath, await schemaDocument((sql) => readRows(running.store, sql)));
  await running.stop();
}
