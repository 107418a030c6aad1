// SPDX-License-Identifier: Apache-2.0

/** Colours, on a terminal only, and not when NO_COLOR asks for none (no-color.org). */
import { styleText } from 'node:util';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold' | 'cyan';

const unwanted = (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb';

/** For standard output. */
export function colour(name: Colour, text: string): string {
  return paint(name, text, process.stdout.isTTY === true);
}

/** For standard error, which may be a terminal when the output is not. */
export function errorColour(name: Colour, text: string): string {
  return paint(name, text, process.stderr.isTTY === true);
}

function paint(name: Colour, text: string, onTerminal: boolean): string {
  return onTerminal && !unwanted && text !== '' ? styleText(name, text, { validateStream: false }) : text;
}

/** Columns of the terminal; undefined when the output goes elsewhere. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}
