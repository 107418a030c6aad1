// SPDX-License-Identifier: Apache-2.0

/** Colours, on a terminal only, and not when NO_COLOR asks for none (no-color.org). */
import { styleText } from 'node:util';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold' | 'cyan';

const wanted = process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';

export function colour(name: Colour, text: string): string {
  return wanted ? styleText(name, text, { validateStream: false }) : text;
}

/** Columns of the terminal; undefined when the output goes elsewhere. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined;
}
