// SPDX-License-Identifier: Apache-2.0

/** Somebody at a terminal: what is typed into a shell, by a program that waits for what a person would wait for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DRIVE = join(import.meta.dirname, '../../test/oracle/shell/drive.py');
const PROMPT = 'ops$ ';

const STEPS = [
  { wait: [PROMPT], type: 'sworn token --resource https://graph.microsoft.com >/dev/null\n' },
  { wait: ['null\r\n', PROMPT], type: 'df -h / | tail -n 1\n' },
  { wait: ['tail -n 1\r\n', PROMPT], type: `psql -X -At -c 'SELECT count(*) FROM pg_roles WHERE rolcanlogin'\n` },
  { wait: ['rolcanlogin', '\r\n', PROMPT], type: `read -s -p 'the word? ' word\n` },
  // Typed while the terminal shows nothing: the record has how much, and not what.
  { wait: ['word\r\n', 'the word? '], type: 'correct horse battery staple\n', echoes: false },
  { wait: [PROMPT], type: `printf '\\e[32m%s\\e[0m\\n' done; exit\n` },
];

export const SHELL = ['/usr/bin/bash', '--norc', '-i'];
export const SHELL_ENVIRONMENT = { PS1: PROMPT, TERM: 'xterm' };

/** What runs `command` in a terminal, types, and writes down in `log` what was typed and shown. */
export function atTerminal(log: string, command: readonly string[]): readonly string[] {
  return ['/usr/bin/python3', DRIVE, log, JSON.stringify(STEPS), ...command];
}

/** What was typed while it was shown, and what was shown; undefined when nobody was at a terminal. */
export function toldOf(log: string): { readonly typed: string; readonly shown: string } | undefined {
  let told: { readonly shown: string; readonly typed: readonly (readonly [string, number, boolean])[] };
  try {
    told = JSON.parse(readFileSync(log, 'utf8')) as typeof told;
  } catch {
    return undefined;
  }
  const typed = told.typed.map(([hex, , isSilent]) => (isSilent ? '\n' : Buffer.from(hex, 'hex').toString()));
  return { typed: typed.join(''), shown: Buffer.from(told.shown, 'hex').toString() };
}
