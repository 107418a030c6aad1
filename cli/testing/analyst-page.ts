// SPDX-License-Identifier: Apache-2.0

/**
 * The questions of docs/ANALYST.md, "Across protocols", with their answers as `sworn query` shows them. Run as a program it asks them
 * anew and writes the answers into the page; a test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAnswer, startEmbeddedStore, type TestStore } from '../../collector/testing/test-store.ts';
import { table } from '../print/table.ts';
import { printable } from '../print/terminal-text.ts';
import { storeExampleWeek } from './example-week.ts';

export const analystPagePath = join(import.meta.dirname, '../../docs/ANALYST.md');

const SECTION = /^## Across protocols\n[\s\S]*?(?=^## )/m;
const QUESTION = /```\n\$ sworn query "([^"]*)"\n[\s\S]*?```/g;

/** The page with the answers that the store gives now; `asked` is how many there are. */
export async function answered(page: string, { store }: TestStore): Promise<{ page: string; asked: number }> {
  const section = SECTION.exec(page)?.[0] ?? '';
  let written = section;
  let asked = 0;
  for (const [block, sql = ''] of section.matchAll(QUESTION)) {
    const answer = await readAnswer(store, sql, 'JSONCompactEachRowWithNamesAndTypes');
    written = written.replace(block, () => `\`\`\`\n$ sworn query "${sql}"\n${shown(answer)}\n\`\`\``);
    asked++;
  }
  return { page: page.replace(section, () => written), asked };
}

/** As `sworn query` prints it where nothing is cut. */
function shown(answer: string): string {
  const lines = answer.split('\n').filter((line) => line !== '');
  const [names = [], types = [], ...rows] = lines.map((line) => JSON.parse(line) as unknown[]);
  const header = names.map(String);
  const right = new Set(header.filter((_name, at) => /^(?:Nullable\()?(?:U?Int|Float)/.test(String(types[at]))));
  const cells = rows.map((row) =>
    row.map((cell) =>
      cell === null ? 'NULL' : printable(typeof cell === 'object' ? JSON.stringify(cell) : String(cell)),
    ),
  );
  return `${table(header, cells, { right })}\n${rows.length} row${rows.length === 1 ? '' : 's'}`;
}

if (import.meta.main) {
  const running = await startEmbeddedStore();
  try {
    await storeExampleWeek(running);
    writeFileSync(analystPagePath, (await answered(readFileSync(analystPagePath, 'utf8'), running)).page);
  } finally {
    await running.stop();
  }
}
