// SPDX-License-Identifier: Apache-2.0

/**
 * A command as text: as redis-cli takes it, as JSON, and as a shape that is equal for commands that differ in values only.
 */
import { isUtf8 } from 'node:buffer';
import { REDACTED } from './secrets.ts';

/** An argument that needs no quotes. Everything else is quoted, so that the text says which bytes were sent. */
const BARE = /^[\w.:;,/@*?+=<>()[\]{}|~^$!%&#-]+$/;
/** Of an argument this long nobody asks whether it needs quotes. */
const BARE_LENGTH_MAX = 1024;

/** The words that say what is done with values, and are none themselves. */
const OPTION_WORDS: ReadonlySet<string> = new Set(
  `ex px exat pxat nx xx gt lt ch incr get keepttl persist match count limit withscores withvalues block streams group
  noack mkstream maxlen minid weights aggregate sum min max by store storedist asc desc alpha replace copy absttl
  idletime freq left right before after setname auth auth2 type async sync on off byscore bylex rev and or xor not
  message keys`.split(/\s+/),
);

export interface CommandText {
  /** As redis-cli takes it: bytes that are no UTF-8 as \xHH. */
  readonly statement: string;
  /** JSON array of the arguments behind the name; '' when there are none. */
  readonly parameters: string;
  readonly shape: string;
  readonly isCut: boolean;
}

/**
 * `args` begin with the name; `nameCount` of them are names and not values; those in `hidden` are not shown.
 *
 * Units    `lengthMax` bounds each text, in characters
 */
export function textOfCommand(
  args: readonly Buffer[],
  nameCount: number,
  hidden: ReadonlySet<number>,
  lengthMax: number,
): CommandText {
  const statement = new BoundedText(lengthMax);
  const parameters = new BoundedText(lengthMax);
  const shape: string[] = [];
  args.forEach((arg, i) => {
    const isHidden = hidden.has(i);
    if (i > 0) statement.add(' ');
    statement.add(isHidden ? REDACTED : shown(arg));
    if (i > 0) {
      parameters.add(i === 1 ? '[' : ',');
      parameters.add(isHidden ? JSON.stringify(REDACTED) : JSON.stringify(decoded(arg)));
    }
    const word = i < nameCount || arg.length <= 12 ? arg.toString('latin1').toLowerCase() : '';
    if (i < nameCount || (!isHidden && OPTION_WORDS.has(word))) shape.push(word);
    else if (shape.at(-1) !== '?') shape.push('?');
  });
  const isCut = statement.isCut || parameters.isCut;
  const json = parameters.isCut || args.length < 2 ? cutJson(parameters.text) : `${parameters.text}]`;
  return { statement: statement.text, parameters: json, shape: shape.join(' '), isCut };
}

/** Text that was cut is still JSON: of the last value the head. */
function cutJson(text: string): string {
  if (text === '') return '';
  const head = text.replace(/\\(?:u[0-9a-f]{0,3})?$/, '');
  for (const tail of ['"]', ']', 'null]']) {
    try {
      JSON.parse(head + tail);
      return head + tail;
    } catch {
      // It was cut elsewhere.
    }
  }
  return '';
}

class BoundedText {
  readonly #lengthMax: number;
  text = '';
  isCut = false;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  add(text: string): void {
    const room = this.#lengthMax - this.text.length;
    if (text.length > room) this.isCut = true;
    this.text += text.length > room ? text.slice(0, room) : text;
  }
}

/** Text of an argument; bytes that are no UTF-8 become the characters of their own numbers. */
export function decoded(arg: Buffer): string {
  return isUtf8(arg) ? arg.toString('utf8') : arg.toString('latin1');
}

const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};

function shown(arg: Buffer): string {
  const isText = isUtf8(arg);
  const text = arg.toString(isText ? 'utf8' : 'latin1');
  if (text.length <= BARE_LENGTH_MAX && BARE.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
  const special = isText ? /[\\"\x00-\x1f\x7f]/g : /[\\"\x00-\x1f\x7f-\xff]/g;
  const escaped = text.replace(
    special,
    (character) => ESCAPED[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}
