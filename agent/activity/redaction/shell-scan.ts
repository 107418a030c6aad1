// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets in a script for a shell: cut into commands and these into words, the way a POSIX shell does, so far as it can be
 * done without running it.
 *
 * Cost     linear in the script
 * Source   POSIX.1-2024, Shell Command Language, 2.2 and 2.3
 */
import { wordSpans } from './command-words.ts';
import type { Span } from './span.ts';

interface Word {
  text: string;
  /** Where each character of `text` stands in the script, and where the word ends. */
  places: number[];
}

/** Longer scripts are data: here-documents, archives that unpack themselves. They are looked at as text, not as commands. */
const SCRIPT_LENGTH_MAX = 256 * 1024;

export function shellSpans(script: string, depth: number): Span[] {
  const spans: Span[] = [];
  if (script.length > SCRIPT_LENGTH_MAX) return spans;
  for (const command of commandsOf(script)) {
    const found = wordSpans(
      command.map(({ text }) => text),
      depth,
    );
    found.forEach((inWord, i) => {
      const { places } = command[i] as Word;
      for (const span of inWord) {
        spans.push({ ...span, from: places[span.from] as number, to: (places[span.to - 1] as number) + 1 });
      }
    });
  }
  return spans;
}

/** Commands end at newlines and at ; & | ( ) and backquotes that are not quoted. */
function commandsOf(script: string): Word[][] {
  const commands: Word[][] = [];
  let command: Word[] = [];
  let word: Word | undefined;
  let quote = '';
  const take = (at: number) => {
    word ??= { text: '', places: [] };
    word.text += script[at] as string;
    word.places.push(at);
  };
  const endWord = () => {
    if (word !== undefined) command.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (command.length > 0) commands.push(command);
    command = [];
  };
  for (let at = 0; at < script.length; at++) {
    const character = script[at] as string;
    if (quote === "'") {
      if (character === quote) quote = '';
      else take(at);
    } else if (character === '\\' && at + 1 < script.length) {
      // In double quotes only some characters lose their meaning; before others the backslash stays.
      if (quote === '"' && !'$`"\\\n'.includes(script[at + 1] as string)) take(at);
      at++;
      if (script[at] !== '\n') take(at);
    } else if (quote === '"') {
      if (character === quote) quote = '';
      else take(at);
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= { text: '', places: [] };
    } else if (character === ' ' || character === '\t') {
      endWord();
    } else if (';&|()\n\r`'.includes(character)) {
      endCommand();
    } else if (character === '#' && word === undefined) {
      endCommand();
      while (at + 1 < script.length && script[at + 1] !== '\n') at++;
    } else {
      take(at);
    }
  }
  endCommand();
  return commands;
}
