// SPDX-License-Identifier: Apache-2.0

/** Options that several commands read in the same way. */
import { InvalidArgumentError, Option } from 'commander';

export const KINDS = [
  'command',
  'process',
  'connection',
  'token',
  'loss',
  'session',
  'recorder',
  'alert',
  'finding',
  'erasure',
  'terminal',
] as const;

/** `--kind command,alert` or `--kind command --kind alert`. */
export function kindOption(): Option {
  return new Option('--kind <kinds>', `only these kinds, with commas between: ${KINDS.join(', ')}`).argParser(
    (text: string, before: readonly string[] | undefined) => [...(before ?? []), ...text.split(',').map(kindOf)],
  );
}

function kindOf(text: string): string {
  const kind = text.trim().toLowerCase();
  if (!(KINDS as readonly string[]).includes(kind))
    throw new InvalidArgumentError(`It is one of: ${KINDS.join(', ')}.`);
  return kind;
}

export function countOf(max: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (!/^\d+$/.test(text) || count < 1 || count > max) {
      throw new InvalidArgumentError(`It is a number from 1 to ${max}.`);
    }
    return count;
  };
}

/** `name=value`, several times. */
export function pairsOf(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It is written NAME=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
