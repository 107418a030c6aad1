// SPDX-License-Identifier: Apache-2.0

/** Lines of MONITOR, and statements of the record, as the arguments that were sent. */

export interface MonitoredCommand {
  readonly clientPort: number;
  readonly args: readonly Buffer[];
}

/** `1700000000.123456 [0 127.0.0.1:50000] "SET" "key" "value"`; what a script calls has `lua` for an address. */
export function monitoredCommands(text: string): MonitoredCommand[] {
  const commands: MonitoredCommand[] = [];
  for (const line of text.split('\n')) {
    const [, port, rest] = /^\d+\.\d+ \[\d+ [\d.]+:(\d+)\] (.*)$/.exec(line) ?? [];
    if (port !== undefined) commands.push({ clientPort: Number(port), args: argumentsOf(rest ?? '') });
  }
  return commands;
}

const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** Words, or texts in quotes with \xHH and the like; one byte a character. */
export function argumentsOf(text: string): Buffer[] {
  const args: Buffer[] = [];
  for (const [word] of text.matchAll(/"(?:[^"\\]|\\[\s\S])*"|[^ ]+/g)) {
    const isQuoted = word.startsWith('"');
    const plain = isQuoted
      ? word
          .slice(1, -1)
          .replace(/\\(?:x([0-9a-f]{2})|([\s\S]))/g, (_, hex: string | undefined, other: string) =>
            hex === undefined ? (ESCAPED[other] ?? other) : String.fromCharCode(Number.parseInt(hex, 16)),
          )
      : word;
    args.push(Buffer.from(plain, 'latin1'));
  }
  return args;
}
