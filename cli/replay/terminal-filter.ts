// SPDX-License-Identifier: Apache-2.0

/**
 * What a recorded terminal was shown, fit to be shown again on somebody else's: letters, colours, the cursor and the screen
 * stay. What acts beyond the screen, or makes a terminal answer as if its user had typed, is left out: titles, the clipboard,
 * links and all else in OSC, DCS, APC, PM and SOS; questions (where is the cursor, what are you); printing; windows; mouse,
 * focus and paste modes; keys that mean something else. What is not known to be harmless is taken for harmful.
 *
 * Shape    bytes in any pieces; UTF-8, what is none becomes U+FFFD. C1 controls are never passed on
 * Source   ECMA-48; XTerm Control Sequences; the state machine is that of a DEC terminal, as far as whole sequences go
 */

/** A sequence that is longer is nobody's. */
const SEQUENCE_CHARACTERS_MAX = 256;
/** Of a parameter: repeating and moving by more is for breaking terminals. */
const PARAMETER_MAX = 9999;

const PLAIN_CONTROLS = new Set('\u0007\b\t\n\v\f\r\u000e\u000f');
/** ESC and one letter: cursor, index, tabulator, keypad, reset. */
const ESCAPES = new Set('78DEMH=>c');
const CHARACTER_SETS = /^[()*+][0AB]$/;
const LINE_SIZES = /^#[34568]$/;
/** CSI without marks: cursor, erasing, inserting, deleting, scrolling, colours, margins, insert mode. */
const CSI_FINALS = new Set('@ABCDEFGHIJKLMPSTXZ`abdefgmrsu');
/** Reverse, origin, wrap, blinking, cursor, the other screen, drawing at once. */
const SCREEN_MODES = new Set([5, 6, 7, 12, 25, 47, 1047, 1048, 1049, 2026]);

type State = 'ground' | 'escape' | 'csi' | 'string';

export class TerminalFilter {
  /** Sequences and controls that were left out. */
  leftOut = 0;
  readonly #decoder = new TextDecoder();
  readonly #keepsSequences: boolean;
  #state: State = 'ground';
  #sequence = '';

  /** `keepsSequences` false: letters and line breaks only. */
  constructor(keepsSequences = true) {
    this.#keepsSequences = keepsSequences;
  }

  take(bytes: Uint8Array): string {
    let passed = '';
    for (const character of this.#decoder.decode(bytes, { stream: true })) passed += this.#next(character);
    return passed;
  }

  #next(character: string): string {
    const code = character.codePointAt(0) as number;
    // These begin or break off a sequence, whatever it is.
    if (code === 0x1b) return this.#begin('escape');
    if (code === 0x18 || code === 0x1a) return this.#drop();
    if (code >= 0x80 && code < 0xa0) return this.#takeC1(code);
    switch (this.#state) {
      case 'ground':
        return this.#letter(character, code);
      case 'escape':
        return this.#escape(character, code);
      case 'csi':
        return this.#csi(character, code);
      case 'string':
        // Only OSC may be ended so; a DCS that holds it ends early here, and its rest is letters.
        if (code === 7) return this.#drop();
        return '';
    }
  }

  #letter(character: string, code: number): string {
    if (code >= 0x20 && code !== 0x7f) return character;
    if (PLAIN_CONTROLS.has(character) && (this.#keepsSequences || '\t\n\r\b'.includes(character))) return character;
    this.leftOut++;
    return '';
  }

  #begin(state: State): string {
    if (this.#state !== 'ground') this.leftOut++;
    this.#state = state;
    this.#sequence = '';
    return '';
  }

  #drop(): string {
    if (this.#state !== 'ground') this.leftOut++;
    this.#state = 'ground';
    this.#sequence = '';
    return '';
  }

  #pass(text: string): string {
    this.#state = 'ground';
    this.#sequence = '';
    return this.#keepsSequences ? text : '';
  }

  /** CSI, the beginnings and the end of strings; the others do nothing that is missed. */
  #takeC1(code: number): string {
    if (code === 0x9b) return this.#begin('csi');
    if ([0x90, 0x98, 0x9d, 0x9e, 0x9f].includes(code)) return this.#begin('string');
    this.leftOut += this.#state === 'ground' ? 1 : 0;
    return this.#drop();
  }

  #escape(character: string, code: number): string {
    if (this.#sequence === '') {
      if (character === '[') return this.#goOn('csi');
      if ('P]^_X'.includes(character)) return this.#goOn('string');
      if (ESCAPES.has(character)) return this.#pass(`\u001b${character}`);
      // The end of a string that was left out already.
      if (character === '\\') return this.#pass('');
    }
    if (code < 0x20) return this.#letter(character, code);
    this.#sequence += character;
    if (code < 0x30 && this.#sequence.length < SEQUENCE_CHARACTERS_MAX) return '';
    const isKnown = CHARACTER_SETS.test(this.#sequence) || LINE_SIZES.test(this.#sequence);
    return isKnown ? this.#pass(`\u001b${this.#sequence}`) : this.#drop();
  }

  #goOn(state: State): string {
    this.#state = state;
    return '';
  }

  #csi(character: string, code: number): string {
    // A control inside acts at once, and the sequence goes on.
    if (code < 0x20) return this.#letter(character, code);
    if (code > 0x7e || this.#sequence.length >= SEQUENCE_CHARACTERS_MAX) return this.#drop();
    this.#sequence += character;
    if (code < 0x40) return '';
    const text = harmlessCsi(this.#sequence);
    return text === undefined ? this.#drop() : this.#pass(text);
  }
}

function harmlessCsi(sequence: string): string | undefined {
  const final = sequence.slice(-1);
  const parameters = sequence.slice(0, -1);
  // Soft reset.
  if (sequence === '!p') return `\u001b[${sequence}`;
  const [, mark = '', numbers] = /^(\??)([\d;:]*)$/.exec(parameters) ?? [];
  if (numbers === undefined) return undefined;
  if (numbers.split(/[;:]/).some((number) => Number(number) > PARAMETER_MAX)) return undefined;
  if (final === 'h' || final === 'l') return harmlessModes(mark, numbers, final);
  if (mark === '?') return final === 'J' || final === 'K' ? `\u001b[${sequence}` : undefined;
  return CSI_FINALS.has(final) ? `\u001b[${sequence}` : undefined;
}

/** Of several modes in one sequence, those that are of the screen. */
function harmlessModes(mark: string, numbers: string, final: string): string | undefined {
  const wanted = numbers
    .split(';')
    .filter((number) => (mark === '?' ? SCREEN_MODES.has(Number(number)) : number === '4'));
  return wanted.length === 0 ? undefined : `\u001b[${mark}${wanted.join(';')}${final}`;
}

/** Puts a terminal right that was left as the recorded one was: its own screen, cursor, margins, colours, letters. */
export const RESTORED =
  '\u001b[?1049l\u001b[?2026l\u001b[?25h\u001b[?7h\u001b[?5;6l\u001b[4l\u001b[r\u001b[0m\u001b(B\u000f\u001b>\r\n';
