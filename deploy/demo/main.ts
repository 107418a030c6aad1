// SPDX-License-Identifier: Apache-2.0

/**
 * `npm run demo`: three unchanged programs do real work against real servers, and the record of it is read back from
 * ClickHouse, compared with what those servers say, and verified against its seal.
 *
 *   npm run demo               run, print, compare, clean up
 *   npm run demo -- --stay     keep everything running, to look round
 *   npm run demo -- --json     one JSON object at the end, for machines
 */
import { parseArgs } from 'node:util';
import { hostChecks } from '../../agent/doctor/host-checks.ts';
import { CollectorClient } from '../../cli/collector-client.ts';
import { printChecks } from '../../cli/commands/doctor.ts';
import { colour, terminalWidth } from '../../cli/print/colour.ts';
import { table } from '../../cli/print/table.ts';
import { printable } from '../../cli/print/terminal-text.ts';
import { logEnds, type SealVerdict, sealedUpTo, verifySeal } from './seal.ts';
import { type Stage, setStage, WORKLOADS } from './stage.ts';
import { type CommandRow, judge, type Verdict } from './verdict.ts';

const { values: options } = parseArgs({ options: { stay: { type: 'boolean' }, json: { type: 'boolean' } } });
const startedMs = performance.now();

/** Progress, on standard error: standard output is the result. */
function say(what: string): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(5);
  console.error(`${colour('dim', `${seconds} s`)}  ${what}`);
}

const checks = hostChecks();
if (checks.some(({ state }) => state === 'fail')) {
  console.error('This host cannot be recorded:\n');
  printChecks(checks);
  process.exit(2);
}

let stage: Stage | undefined;
const interrupted = new Promise<void>((resolve) => {
  process.once('SIGINT', resolve);
  process.once('SIGTERM', resolve);
});
try {
  stage = await setStage((what) => say(`starting the ${what}`));
  say('three AI agents and a shell at work, recorded');
  await stage.runWorkloads();
  const client = new CollectorClient({ url: stage.apiUrl, tokenFile: stage.tokenFile });
  say('waiting until the record is in ClickHouse');
  // Each workload's, and the shell's.
  await sessionsEnded(client, WORKLOADS.length + 1);
  const verdict = await judge(stage, client);
  say('waiting until the record is sealed, then verifying it');
  const ends = await logEnds(client);
  await sealedUpTo(client, ends);
  const seal = await verifySeal(stage, ends);
  say('done');
  if (options.json) printJson(verdict, seal);
  else print(verdict, seal, stage);
  process.exitCode = faults(verdict, seal).length === 0 ? 0 : 1;
  if (options.stay) {
    printPlaces(stage, verdict);
    await interrupted;
  }
} finally {
  await stage?.stop();
}

/** A session's last line is its end; when it is stored, all of it is. */
async function sessionsEnded(client: CollectorClient, wanted: number): Promise<void> {
  const until = Date.now() + 60_000;
  for (;;) {
    const [row] = await client.rows<{ ended: number }>('SELECT toUInt32(countIf(ended)) AS ended FROM sworn.sessions');
    if ((row?.ended ?? 0) >= wanted) return;
    if (Date.now() > until) throw new Error('the record did not arrive in ClickHouse within a minute');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function faults(verdict: Verdict, seal: SealVerdict): string[] {
  const { missing, doubled, altered, misattributed, unverified, losses, alerts, commands } = verdict;
  return [
    ...missing.map((what) => `missing: ${what}`),
    ...doubled.map((what) => `doubled: ${what}`),
    ...altered.map((what) => `altered: ${what}`),
    ...misattributed.map((what) => `wrong identity: ${what}`),
    ...unverified.map((what) => `identity not verified: ${what}`),
    ...losses.map(({ place, reason, message }) => `loss: ${place}/${reason}: ${message}`),
    ...(alerts.length === 0 ? ['no alert fired for the DELETE without WHERE'] : []),
    ...(commands.length === 0 ? ['nothing was recorded'] : []),
    ...seal.faults,
  ];
}

function printJson(verdict: Verdict, seal: SealVerdict): void {
  const { commands, matched, missing, doubled, altered, misattributed, alerts, losses } = verdict;
  const counts = {
    commands: commands.length,
    matched,
    missing: missing.length,
    doubled: doubled.length,
    altered: altered.length,
    misattributed: misattributed.length,
    alerts: alerts.length,
    losses: losses.length,
    activities: seal.activities,
    verified: seal.faults.length === 0,
  };
  console.log(JSON.stringify({ ...counts, faults: faults(verdict, seal) }));
}

function print(verdict: Verdict, seal: SealVerdict, stage: Stage): void {
  const width = terminalWidth();
  const heading = (text: string): void => console.log(`\n${colour('bold', text)}`);

  heading('Commands, from ClickHouse (sworn.commands)');
  const header = ['time', 'identity', 'state', 'protocol', 'TLS', 'status', 'code', 'rows', 'ms', 'statement'];
  const rows = verdict.commands.map((row) => [
    row.time.slice(11, 23),
    row.identity_name,
    row.identity_state,
    row.protocol,
    row.tls.replace('TLS ', ''),
    row.status === 'ok' ? colour('green', 'ok') : colour('red', row.status),
    row.error_code || (row.attributes['status_code'] ?? ''),
    row.rows ?? '',
    (Number(row.duration_ns) / 1e6).toFixed(1),
    printable(statementOf(row)),
  ]);
  console.log(table(header, rows, { width, right: new Set(['rows', 'ms']) }));

  heading('Programs that they started (sworn.processes)');
  const programs = verdict.programs.map(({ time, identity_name, argv }) => [
    time.slice(11, 23),
    identity_name,
    printable(argv.join(' ')),
  ]);
  console.log(table(['time', 'identity', 'command line'], programs, { width }));

  heading('Terminals (sworn.terminals): what was typed');
  for (const { identity_name, name, input, hidden_bytes } of verdict.terminals) {
    const unseen = hidden_bytes === '0' ? [] : [colour('dim', `${hidden_bytes} bytes that the terminal did not show`)];
    for (const typed of [...input.split('\n').filter(Boolean).map(printable), ...unseen])
      console.log(`${identity_name}  ${name}  ${typed}`);
  }

  heading('Alerts (sworn.alerts)');
  for (const { level, rule_title, identity_name, summary } of verdict.alerts) {
    console.log(`${colour('red', level)}  ${identity_name}  ${rule_title}\n      ${printable(summary)}`);
  }
  console.log(
    colour(
      'dim',
      `the webhook was called ${stage.webhookCalls.length} time${stage.webhookCalls.length === 1 ? '' : 's'}`,
    ),
  );

  heading('Losses (sworn.losses)');
  if (verdict.losses.length === 0) console.log('none');
  for (const { place, reason, bytes, message } of verdict.losses)
    console.log(`${place}/${reason}  ${bytes} bytes  ${message}`);

  heading("Compared with the servers' own logs");
  const { matched, missing, doubled, altered, misattributed } = verdict;
  console.log(
    `${matched} matched, ${missing.length} missing, ${doubled.length} doubled, ${altered.length} altered, ${misattributed.length} attributed to the wrong identity`,
  );

  heading('Verified (sworn verify)');
  console.log(
    `integrity ${seal.faults.length === 0 ? colour('green', 'ok') : colour('red', 'NOT OK')}, ${seal.activities} activities in ${seal.logs} logs, ${seal.cosigned} checkpoints that the collector cosigned`,
  );

  const found = faults(verdict, seal);
  for (const fault of found) console.log(colour('red', `  ${fault}`));
  if (found.length === 0)
    console.log(
      colour('green', 'Every command is in the record: once, whole, with the identity that acted, and sealed.'),
    );
  if (!options.stay)
    console.log(
      `\nTry next: ${colour('bold', 'npm run demo -- --stay')} keeps it running, with the commands to explore it.`,
    );
}

/** With its bound parameters; what is no statement, such as a login, by its verb. */
function statementOf({ statement, parameters, operation, resource }: CommandRow): string {
  if (statement === '') return `${operation} ${resource}`.trim();
  return parameters === '' || parameters.startsWith('{') ? statement : `${statement}  ${parameters}`;
}

function printPlaces(stage: Stage, { terminals, commands }: Verdict): void {
  const shell = terminals[0]?.session_id ?? 'last';
  const tools = commands.find(({ protocol }) => protocol === 'mcp')?.session_id ?? 'last';
  console.log(`
Everything is still running. In another terminal:

  export SWORN_URL=${stage.apiUrl} SWORN_TOKEN_FILE=${stage.tokenFile} PATH=$PATH:${process.cwd()}/bin

  sworn sessions
  sworn show last --full
  sworn replay ${tools} --skip-idle 1
  sworn replay ${shell} --terminal ${terminals[0]?.name.replace('/dev/', '') ?? ''}
  sworn query "SELECT identity_name, operation, count() FROM sworn.commands GROUP BY ALL ORDER BY ALL"
  sworn query "SELECT * FROM sworn.alerts"
  sworn tail &
  sworn run --socket ${stage.agentSocket} --identity invoice-agent -- psql -h ${stage.postgres.host} -p ${stage.postgres.port} -U postgres -c 'select now()'
  sworn status --socket ${stage.agentSocket}
  sworn verify
  sworn prove ${stage.agentId}:1 | sworn verify /dev/stdin

Ctrl-C ends it and removes ${stage.folder}.`);
}
