// SPDX-License-Identifier: Apache-2.0

/** `sworn`: the one command for operators, analysts and auditors. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepCompiled } from './compile-cache.ts';

keepCompiled();

const { Command } = await import('commander');
const { COMMANDS } = await import('./command-list.ts');
const { CliError, EXIT } = await import('./exit.ts');
const { errorColour } = await import('./print/colour.ts');
const { printableLines } = await import('./print/terminal-text.ts');

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
  .usage('COMMAND [options]')
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .addHelpText('after', HELP)
  .exitOverride();

const words = process.argv.slice(2);
const asked = words[0] === 'help' ? words[1] : words[0];
for (const { name, summary, load } of COMMANDS) {
  const command = program.command(name).description(summary).showHelpAfterError('(see --help)').exitOverride();
  if (name === asked) await load(command, version);
}
// A mistaken name gets its own line and a guess, not two screens of help.
program.showHelpAfterError('(see: sworn --help)');

if (asked !== 'run') {
  // A reader that has enough (`| head`) is no error. Not for `run`: whoever looks at standard output as a stream changes
  // the pipe behind it, and the program that is run would inherit that.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  // Commander has printed its own message.
  const { code, exitCode } = error as { code?: unknown; exitCode?: unknown };
  if (typeof code === 'string' && code.startsWith('commander.')) return exitCode === 0 ? EXIT.ok : EXIT.unusable;
  // A message may hold what was recorded.
  const message = printableLines(error instanceof Error ? error.message : String(error));
  console.error(`${errorColour('red', 'sworn:')} ${message}`);
  if (error instanceof CliError) {
    if (error.next !== '') console.error(`       ${error.next}`);
    return error.exitCode;
  }
  if (process.env['SWORN_DEBUG'] !== undefined) console.error(error);
  return EXIT.failed;
}
