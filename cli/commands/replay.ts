// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { findSession } from '../find-session.ts';
import { kindOption } from '../option-values.ts';
import { isTerminal, print, write } from '../output.ts';
import { terminalWidth } from '../print/colour.ts';
import { ProgressLine } from '../print/progress-line.ts';
import { printable } from '../print/terminal-text.ts';
import { Asciicast } from '../replay/asciicast.ts';
import { listenToKeys, Pace } from '../replay/pace.ts';
import { type Choice, countRows, type FoundTerminal, rowsOf, terminalsOf } from '../replay/rows.ts';
import { type Place, parsePlace, positive, unixNsOf } from '../replay/span.ts';
import { shownAtNs, storyJson, storyLines } from '../replay/story.ts';
import { RESTORED, TerminalFilter } from '../replay/terminal-filter.ts';
import { momentsOf } from '../replay/terminal-moments.ts';
import { inReadingOrder } from '../session-rows.ts';

const HELP = `
Plays what a session did, when it happened: commands of every protocol, programs, tokens, losses, findings and alerts, a line
each, and what terminals showed. A terminal that is alone, or chosen with --terminal, is played as it looked; what would act
beyond its screen (title, clipboard, questions to the terminal) is left out. Keys: space pauses, . shows what comes next
now, + and - double and halve the speed, q ends.

Examples:
  sworn replay last
  sworn replay last --speed 4 --skip-idle 2
  sworn replay 01a20481 --from 1m30s --to 2m --kind command,loss
  sworn replay last --terminal pts/3
  sworn replay last --terminal pts/3 --asciicast build.cast
  sworn replay last --json | jq 'select(.status == "error")'`;

/** Connections are told by what was said on them. */
const KINDS = ['command', 'process', 'token', 'loss', 'session', 'alert', 'finding', 'erasure', 'terminal'];
const SPEED_MAX = 1000;
const SECONDS_MAX = 1e6;

interface ReplayOptions extends CollectorOptions {
  readonly speed: number;
  readonly skipIdle?: number;
  readonly from?: Place;
  readonly to?: Place;
  /** False with --no-wait. */
  readonly wait: boolean;
  readonly kind?: readonly string[];
  readonly terminal?: string;
  readonly asciicast?: string;
  readonly json?: boolean;
}

interface Stage {
  readonly client: CollectorClient;
  readonly options: ReplayOptions;
  readonly session: string;
  readonly startNs: bigint;
  readonly span: Pick<Choice, 'from' | 'to'>;
}

export function defineReplay(command: Command): void {
  addCollectorOptions(command)
    .argument('<session>', "a session's id, the beginning of it, or 'last'")
    .option('--speed <factor>', 'so many times as fast', positive(SPEED_MAX), 1)
    .option('--skip-idle <seconds>', 'no pause of the session is longer', positive(SECONDS_MAX))
    .option('--from <place>', 'from here on: 90, 1m30s after the start, or a time', parsePlace)
    .option('--to <place>', 'up to here', parsePlace)
    .option('--no-wait', 'all at once')
    .addOption(kindOption())
    .option('--terminal <name>', 'only this terminal, as it looked: its id, the beginning of it, or its name')
    .option('--asciicast <file>', "write the terminal to a file for asciinema ('-': standard output)")
    .option('--json', 'one JSON object a line, all at once')
    .addHelpText('after', HELP)
    .action(async (given: string, options: ReplayOptions) => {
      const client = new CollectorClient(options);
      const session = await findSession(client, given);
      const startNs = await startOf(client, session);
      const span = { from: unixNsOf(options.from, startNs), to: unixNsOf(options.to, startNs) };
      const stage = { client, options, session, startNs, span };
      const terminal = await chosenTerminal(stage);
      if (options.asciicast !== undefined) await writeCast(stage, terminal as FoundTerminal, options.asciicast);
      else if (options.json) await printJson(stage, terminal);
      else if (terminal !== undefined) await playing(stage, (pace) => playTerminal(stage, terminal, pace));
      else await playing(stage, (pace) => playStory(stage, pace));
    });
}

async function startOf(client: CollectorClient, session: string): Promise<bigint> {
  const sql = `SELECT toString(toUnixTimestamp64Nano(min(time))) AS start FROM sworn.activities WHERE session_id = {session:String}`;
  const [found] = await client.rows<{ start: string }>(sql, { session });
  return BigInt(found?.start ?? '0');
}

/** The terminal that is asked for; without a word, the only one of a session that did nothing else that can be shown. */
async function chosenTerminal({ client, session, options, span }: Stage): Promise<FoundTerminal | undefined> {
  const { terminal: given, asciicast, kind, json } = options;
  if (given === undefined && asciicast === undefined && (kind !== undefined || json)) return undefined;
  const all = await terminalsOf(client, session);
  if (given === undefined) {
    if (all.length !== 1 && asciicast === undefined) return undefined;
    if (asciicast === undefined && (await countRows(client, { session, kinds: ['command'], ...span })) > 0)
      return undefined;
  }
  // Those of the host are recorded as /dev/pts/3, and called pts/3 by `who`, `ps` and people.
  const exact = all.filter(({ terminal_id, name }) =>
    [terminal_id, name, name.replace(/^\/dev\//, '')].includes(given ?? ''),
  );
  const found =
    given === undefined
      ? all
      : exact.length > 0
        ? exact
        : all.filter(({ terminal_id }) => terminal_id.startsWith(given));
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const which = all.map(({ terminal_id, name }) => `${printable(name)} (${printable(terminal_id)})`).join(', ');
  throw new CliError(
    only === undefined
      ? `the session has no such terminal${given === undefined ? '' : `: '${given}'`}`
      : 'the session has several terminals',
    which === '' ? 'Nothing of it was typed or shown at a terminal.' : `Name one with --terminal: ${which}`,
    EXIT.unusable,
  );
}

async function playing(stage: Stage, play: (pace: Pace) => Promise<void>): Promise<void> {
  const { speed, skipIdle, wait } = stage.options;
  const pace = new Pace({ speed, idleMax: skipIdle ?? Number.POSITIVE_INFINITY, isImmediate: !wait });
  const forget = isTerminal() ? listenToKeys(pace) : () => {};
  try {
    await play(pace);
  } finally {
    forget();
  }
  // As a shell says of a program that Ctrl-C has ended.
  if (pace.isInterrupted) process.exitCode = 130;
}

function storyOf({ client, session, options, span }: Stage, terminal?: FoundTerminal) {
  const kinds = terminal === undefined ? (options.kind ?? KINDS) : ['terminal'];
  return inReadingOrder(rowsOf(client, { session, kinds, terminal: terminal?.terminal_id, ...span }));
}

async function playStory(stage: Stage, pace: Pace): Promise<void> {
  for await (const row of storyOf(stage)) {
    // Told by the programs that they became.
    if (row['kind'] === 'process' && row['action'] === 'fork') continue;
    if (!(await pace.until(shownAtNs(row)))) return;
    for (const line of storyLines(row, terminalWidth())) await print(line);
  }
}

async function printJson(stage: Stage, terminal: FoundTerminal | undefined): Promise<void> {
  for await (const row of storyOf(stage, terminal)) for (const line of storyJson(row, stage.startNs)) await print(line);
}

async function playTerminal(stage: Stage, terminal: FoundTerminal, pace: Pace): Promise<void> {
  const { columns, lines: rows } = terminal;
  const { columns: here = columns, rows: linesHere = rows } = process.stdout;
  if (isTerminal() && (here < columns || linesHere < rows))
    console.error(
      `it was ${columns}x${rows}, this terminal is ${here}x${linesHere}: make it larger, or lines will break`,
    );
  const filter = new TerminalFilter();
  let notRecorded = 0;
  let hidden = 0;
  try {
    for await (const { moment, cutBytes } of momentsIn(stage, terminal)) {
      notRecorded += cutBytes;
      if (moment === undefined) continue;
      if (!(await pace.until(moment.atNs))) break;
      if (moment.what === 'hidden') hidden += moment.count;
      if (moment.what === 'shown') await write(filter.take(moment.bytes));
    }
  } finally {
    if (isTerminal()) await write(RESTORED);
  }
  if (notRecorded > 0) console.error(`LOSS: ${notRecorded} bytes of this terminal are not recorded`);
  if (filter.leftOut > 0) console.error(`${filter.leftOut} sequences that act beyond the screen were left out`);
  if (hidden > 0) console.error(`${hidden} bytes were typed while the terminal showed nothing`);
}

async function* momentsIn(stage: Stage, terminal: FoundTerminal) {
  const { from, to } = stage.span;
  for await (const row of storyOf(stage, terminal)) {
    const inside = momentsOf(row).filter(
      ({ atNs }) => (from === undefined || atNs >= BigInt(from)) && (to === undefined || atNs <= BigInt(to)),
    );
    yield { moment: undefined, cutBytes: Number(row['cut_bytes'] ?? 0) };
    for (const moment of inside) yield { moment, cutBytes: 0 };
  }
}

/** What asciinema plays. The file is its owner's alone: terminals show secrets. */
async function writeCast(stage: Stage, terminal: FoundTerminal, file: string): Promise<void> {
  const { columns, lines: rows, name, shell } = terminal;
  const startNs = BigInt(stage.span.from ?? terminal.start_ns);
  const title = `${stage.session} ${printable(name)}`;
  const cast = new Asciicast({ columns, rows, startNs, title, shell: printable(shell) });
  const progress = new ProgressLine();
  const total = await countRows(stage.client, {
    session: stage.session,
    kinds: ['terminal'],
    terminal: terminal.terminal_id,
    ...stage.span,
  });
  const out = file === '-' ? undefined : opened(file);
  const say = async (line: string): Promise<void> => {
    if (out === undefined) await print(line);
    else writeSync(out, `${line}\n`);
  };
  let done = 0;
  let notRecorded = 0;
  try {
    await say(cast.header);
    for await (const { moment, cutBytes } of momentsIn(stage, terminal)) {
      notRecorded += cutBytes;
      if (moment === undefined) progress.show('stretches', ++done, total);
      const line = moment && cast.lineOf(moment);
      if (line !== undefined) await say(line);
    }
  } finally {
    progress.clear();
    if (out !== undefined) closeSync(out);
  }
  if (notRecorded > 0) console.error(`LOSS: ${notRecorded} bytes of this terminal are not recorded`);
  if (cast.leftOut > 0) console.error(`${cast.leftOut} sequences that act beyond the screen were left out`);
}

function opened(file: string): number {
  try {
    return openSync(file, 'w', 0o600);
  } catch (error) {
    throw new CliError(`${file} cannot be written: ${(error as Error).message}`, 'Name another file.', EXIT.unusable);
  }
}
