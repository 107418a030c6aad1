// SPDX-License-Identifier: Apache-2.0

import { type Command, InvalidArgumentError } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import {
  askOne,
  type CoverageFilter,
  type CoverageGroup,
  type CoverageSums,
  GROUPINGS,
  type Grouping,
  groupsQuestion,
  type OpenConnections,
  openQuestion,
  type Question,
  reasonsQuestion,
  sumsQuestion,
  type UnreadReason,
  violationsQuestion,
} from '../coverage-question.ts';
import { CliError } from '../exit.ts';
import { findSession } from '../find-session.ts';
import { countOf } from '../option-values.ts';
import { print } from '../output.ts';
import { colour, terminalWidth } from '../print/colour.ts';
import {
  coverageLines,
  REASON_HEADER,
  REASON_RIGHT,
  reasonCells,
  shareText,
  violationLine,
} from '../print/coverage-lines.ts';
import { table } from '../print/table.ts';
import { printable, printableJson } from '../print/terminal-text.ts';
import { parseSince } from '../since.ts';

const HELP = `
What share of the bytes that crossed connections was read, and why the rest was not. Read is what was decoded, and what was
framed and hashed but not kept because it was above a bound. Every byte is one of: decoded, cut, not understood (no known
protocol), unreadable (encrypted, without a key), lost.

A connection has its account when it ends: those that are open are counted, their bytes are not. The account is by the
socket's own counters; where it does not add up, a warning says so, and --check ends with 1.

Examples:
  sworn coverage --since 24h
  sworn coverage --by host,protocol --since 7d
  sworn coverage --session last --by destination
  sworn coverage --sql                     the questions, for sworn query`;

const REASONS_MAX = 1000;
const VIOLATIONS_SHOWN = 5;

interface CoverageOptions extends CollectorOptions, CoverageFilter {
  readonly by: readonly Grouping[];
  readonly top: number;
  readonly json?: boolean;
  readonly sql?: boolean;
  readonly check?: boolean;
}

export function defineCoverage(command: Command): void {
  addCollectorOptions(command)
    .option('--since <time>', 'connections that ended since: 30m, 2h, 7d, or a time', (text) => parseSince(text))
    .option('--until <time>', 'and before', (text) => parseSince(text))
    .option('--host <name>', 'on this host')
    .option('--identity <name>', 'of this identity (name or id)')
    .option('--protocol <name>', 'of this protocol')
    .option('--session <id>', "of this session: its id, the beginning of it, or 'last'")
    .option('--by <names>', `grouped by: ${Object.keys(GROUPINGS).join(', ')}`, groupingsOf, ['protocol'] as const)
    .option('--top <number>', 'at most so many reasons', countOf(REASONS_MAX), 10)
    .option('--json', 'one JSON object')
    .option('--sql', 'show the SQL instead of running it')
    .option('--check', 'end with 1 when an account does not add up')
    .addHelpText('after', HELP)
    .action(async (options: CoverageOptions) => {
      const client = new CollectorClient(options);
      const { since, until, host, identity, protocol, by, top } = options;
      const session = options.session === undefined ? undefined : await findSession(client, options.session);
      const filter = { since, until, host, identity, protocol, session };
      const questions = {
        sums: sumsQuestion(filter),
        groups: groupsQuestion(filter, by),
        open: openQuestion(filter),
        reasons: reasonsQuestion(filter, top),
        violations: violationsQuestion(filter, VIOLATIONS_SHOWN),
      };
      if (options.sql) {
        for (const question of Object.values(questions)) await print(sqlOf(question));
        return;
      }
      const rows = <T>({ sql, parameters }: Question): Promise<T[]> => client.rows<T>(sql, parameters);
      const sums = await askOne<CoverageSums>(client, questions.sums);
      const open = await askOne<OpenConnections>(client, questions.open);
      const groups = await rows<CoverageGroup>(questions.groups);
      const reasons = await rows<UnreadReason>(questions.reasons);
      const broken = sums.violations === '0' ? [] : await rows<Record<string, string>>(questions.violations);
      if (options.json) {
        const all = { filter, ...open, all: sums, by, groups, reasons, violations: broken };
        await print(printableJson(JSON.stringify(all)));
      } else {
        const lines = coverageLines(sums, open, protocol !== undefined);
        await show(lines, violationLine(sums), by, groups, reasons, broken);
      }
      if (options.check && sums.violations !== '0') {
        throw new CliError(
          `the accounts of ${sums.violations} connections do not add up`,
          'List them: sworn query "SELECT * FROM sworn.coverage WHERE NOT adds_up"',
        );
      }
    });
}

function groupingsOf(text: string): readonly Grouping[] {
  return text.split(',').map((word) => {
    const name = word.trim().toLowerCase();
    if (Object.hasOwn(GROUPINGS, name)) return name as Grouping;
    throw new InvalidArgumentError(`It is one of: ${Object.keys(GROUPINGS).join(', ')}.`);
  });
}

async function show(
  lines: readonly (readonly [label: string, text: string])[],
  warning: string,
  by: readonly Grouping[],
  groups: readonly CoverageGroup[],
  reasons: readonly UnreadReason[],
  broken: readonly Readonly<Record<string, string>>[],
): Promise<void> {
  if (lines.length === 0) await print('No connection of this kind has moved anything.');
  for (const [label, text] of lines) await print(`${colour('dim', label.padEnd(9))} ${text}`);
  if (warning !== '') {
    await print(warning);
    for (const { agent_id, seq, connection_id } of broken) {
      await print(printable(`  agent_id ${agent_id}, seq ${seq}, connection_id ${connection_id}`));
    }
  }
  const width = terminalWidth();
  if (groups.length > 0) {
    const columns = ['connections', 'whole', 'bytes', 'read', 'share', 'unreadable', 'not understood', 'lost'];
    const cells = groups.map((group) => [
      ...by.map((name) => printable(String(group[`by_${name}`])) || '-'),
      group.connections,
      group.read_whole,
      group.moved_bytes,
      group.read_bytes,
      shareText(group.read_bytes, group.moved_bytes),
      group.unreadable_bytes,
      group.not_understood_bytes,
      group.lost_bytes,
    ]);
    await print(`\n${table([...by, ...columns], cells, { width, right: new Set(columns) })}`);
  }
  if (reasons.length > 0) {
    await print(`\n${colour('bold', 'Why not')}`);
    await print(table(REASON_HEADER, reasons.map(reasonCells), { width, right: REASON_RIGHT }));
  }
}

/** To be copied: the question, and behind it what its parameters are for `sworn query`. */
function sqlOf({ title, sql, parameters }: Question): string {
  const given = Object.entries(parameters).map(
    ([name, value]) => `--param '${name}=${String(value).replaceAll("'", "'\\''")}'`,
  );
  return [`/* ${title} */`, sql, ...(given.length === 0 ? [] : [`-- ${printable(given.join(' '))}`]), ''].join('\n');
}
