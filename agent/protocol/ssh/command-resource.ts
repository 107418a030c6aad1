// SPDX-License-Identifier: Apache-2.0

/** What a command that was sent is about: of git, scp and rsync the path on the other host, of others the program. */

const WORD = /'((?:[^']|'\\'')*)'|"((?:[^"\\]|\\.)*)"|(\S+)/g;
const WORDS_MAX = 256;
const COMMAND_MAX = 64 * 1024;

export interface CommandMeaning {
  readonly resource: string;
  /** 'git', 'scp', 'rsync'; '' of others. */
  readonly tool: string;
  /** Of scp: which way files go. */
  readonly scp?: 'to-server' | 'from-server';
}

export function meaningOf(command: string): CommandMeaning {
  const words = wordsOf(command.slice(0, COMMAND_MAX));
  const program = words[0] ?? '';
  const name = program.slice(program.lastIndexOf('/') + 1);
  const last = words.at(-1) ?? '';
  if (/^git-(?:upload-pack|receive-pack|upload-archive)$/.test(name)) return { resource: last, tool: 'git' };
  if (name === 'git' && /^(?:upload-pack|receive-pack|upload-archive)$/.test(words[1] ?? '')) {
    return { resource: last, tool: 'git' };
  }
  if (name === 'scp') {
    const letters = words.slice(1).filter((word) => /^-[a-z]+$/.test(word));
    if (letters.some((word) => word.includes('t'))) return { resource: last, tool: 'scp', scp: 'to-server' };
    if (letters.some((word) => word.includes('f'))) return { resource: last, tool: 'scp', scp: 'from-server' };
  }
  if (name === 'rsync' && words.includes('--server')) return { resource: last, tool: 'rsync' };
  return { resource: program, tool: '' };
}

function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [, single, double, plain] of command.matchAll(WORD)) {
    words.push(single?.replaceAll("'\\''", "'") ?? double?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    if (words.length === WORDS_MAX) break;
  }
  return words;
}
