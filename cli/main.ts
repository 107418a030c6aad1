// SPDX-License-Identifier: Apache-2.0

/** `sworn`: the one command for operators, analysts and auditors. */
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Parsed once, kept beside Node's own cache: the second start is quick.
enableCompileCache();

const { Command } = await import('commander');
const { CliError, EXIT } = await import('./exit.ts');
const { colour } = await import('./print/colour.ts');

const version = (JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string })
  .version;

const HELP = `
First steps:
  sworn doctor                                     can this host be recorded?
  sworn run --identity NAME -- COMMAND             record a command
  sworn sessions                                   what ran
  sworn show last                                  what it did
  sworn query "SELECT * FROM sworn.alerts"         SQL over everything

Exit codes: 0 done, 1 it did not work, 2 asked wrongly or something is missing.`;

const program = new Command('sworn')
  .description('The sworn record of what autonomous agents do.')
  .version(version)
  .showHelpAfterError('(see --help)')
  .addHelpText('after', HELP)
  .exitOverride();

// Only what is asked for is loaded: a daemon's libraries would make every small command slow.
const loaders: Readonly<Record<string, () => Promise<void>>> = {
  agent: async () => (await import('./commands/agent.ts')).addAgent(program, version),
  collector: async () => (await import('./commands/collector.ts')).addCollector(program, version),
  run: async () => (await import('./commands/run.ts')).addRun(program),
  query: async () => (await import('./commands/query.ts')).addQuery(program),
  sessions: async () => (await import('./commands/sessions.ts')).addSessions(program),
  show: async () => (await import('./commands/show.ts')).addShow(program),
  tail: async () => (await import('./commands/tail.ts')).addTail(program),
  status: async () => (await import('./commands/status.ts')).addStatus(program),
  doctor: async () => (await import('./commands/doctor.ts')).addDoctor(program),
};

// A reader that has enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  throw error;
});

const wanted = loaders[process.argv[2] ?? ''];
if (wanted !== undefined) await wanted();
else for (const load of Object.values(loaders)) await load();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  if (error instanceof CliError) {
    console.error(`${colour('red', 'sworn:')} ${error.message}`);
    if (error.next !== '') console.error(`       ${error.next}`);
    return error.exitCode;
  }
  // Commander has printed its own message.
  const { code, exitCode } = error as { code?: unknown; exitCode?: unknown };
  if (typeof code === 'string' && code.startsWith('commander.')) return exitCode === 0 ? EXIT.ok : EXIT.unusable;
  console.error(`${colour('red', 'sworn:')} ${error instanceof Error ? error.message : String(error)}`);
  if (process.env['SWORN_DEBUG'] !== undefined) console.error(error);
  return EXIT.failed;
}
