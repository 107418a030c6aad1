// SPDX-License-Identifier: Apache-2.0

/** The rows of the attacks as a document for people. */
import { hostLine } from '../../runtimes/judge.ts';
import type { AttackRow } from './judge.ts';

const HEAD = `# Attacks on the broker

Written by \`npm run test:identity -- --write-docs docs/CLIENTS.md\` beside that file; test/identity/attacks/README.md says what
is done. Each row is an attack by real programs on a real agent with its broker. Three accounts are compared: what the
attacker holds, what the stand-in for Entra issued, and what ClickHouse has.

- **nothing**: nobody got a token, and the record has the refusal with its reason and the process
- **own**: control; who may have a token gets its own, so that the refusals beside it mean something
- **alert**: a token that was rightly given out is used by another one; the record has an alert
- **not prevented**: the token gets to another one; what that is worth stands below
`;

const WORDS: Readonly<Record<AttackRow['expect'], string>> = {
  nothing: 'nothing',
  own: 'own',
  alert: 'alert',
  unseen: '**not prevented**',
};

const cell = (text: string): string => text.replaceAll(/[|\n]/g, ' ');

export function documentOf(rows: readonly AttackRow[]): string {
  const head = ['attack', 'what is tried', 'result', 'answers', 'record', 'alert', 'broker, ms'];
  const lines = rows.map((row) => [
    row.name,
    row.about,
    row.ok ? WORDS[row.expect] : `not ok: ${row.reason}`,
    row.answers.slice(0, 3).join(', '),
    row.recorded.slice(0, 3).join(', '),
    row.alerts.length > 0 ? 'yes' : '',
    row.recorded.some((one) => one.startsWith('refused')) ? String(row.brokerMs) : '',
  ]);
  const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.map(cell).join(' | ')} |`);
  const limits = rows.filter(({ limit }) => limit !== '').map(({ name, limit }) => `- **${name}**: ${limit}`);
  const notes = rows.flatMap(({ name, notes: theirs }) => theirs.map((note) => `- **${name}**: ${cell(note)}`));
  return [
    ...[HEAD, `${hostLine()}.`, '', table.join('\n'), ''],
    ...['## What does not hold, or not alone', '', limits.join('\n'), ''],
    ...['## Measured', '', notes.join('\n'), ''],
  ].join('\n');
}
