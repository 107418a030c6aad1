// SPDX-License-Identifier: Apache-2.0

/** Standard output, no faster than its reader takes it. */
import { once } from 'node:events';

/** Resolves when there is room for more. A reader that has gone ends the program (main.ts). */
export async function print(line: string): Promise<void> {
  await write(`${line}\n`);
}

export async function write(data: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(data)) await once(process.stdout, 'drain');
}

/** Something to read by a person, which must not act on the terminal; programs get bytes as they are. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}
