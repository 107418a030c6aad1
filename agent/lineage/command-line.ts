// SPDX-License-Identifier: Apache-2.0

/** 4 KiB: what a person looks at. All of argv stands on the line of the exec. */
const COMMAND_LINE_LENGTH_MAX = 4096;

/** argv as a person would type it: arguments that a shell would take apart are quoted. */
export function commandLineOf(argv: readonly string[]): string {
  let line = '';
  for (const word of argv) {
    // Before it is quoted: one argument may be megabytes.
    const shown = word.slice(0, COMMAND_LINE_LENGTH_MAX);
    line += line === '' ? quoted(shown) : ` ${quoted(shown)}`;
    if (line.length > COMMAND_LINE_LENGTH_MAX) return `${line.slice(0, COMMAND_LINE_LENGTH_MAX)} …`;
  }
  return line;
}

/** As much of argv as a command line shows, and nothing that keeps the rest in memory. */
export function headOf(argv: readonly string[]): readonly string[] {
  const head: string[] = [];
  let length = 0;
  for (const word of argv) {
    if (length > COMMAND_LINE_LENGTH_MAX) break;
    // A slice of a string keeps all of it.
    head.push(word.length <= COMMAND_LINE_LENGTH_MAX ? word : copyOf(word.slice(0, COMMAND_LINE_LENGTH_MAX + 1)));
    length += word.length + 1;
  }
  return head;
}

function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
