// SPDX-License-Identifier: Apache-2.0

/** SystemCallFilter= of a unit, taken apart into numbers with systemd's own sets and the compiler's own headers. */
import { execFileSync } from 'node:child_process';
import type { UnitFile } from './unit-file.ts';

/** Numbers of the system calls that the unit may make; names that this architecture does not have are left out. */
export function allowedSystemCalls(unit: UnitFile): number[] {
  const names = new Set<string>();
  for (const value of unit.all('SystemCallFilter')) {
    const without = value.startsWith('~');
    for (const name of value.replace(/^~/, '').split(/\s+/)) {
      for (const one of expand(name)) {
        if (without) names.delete(one);
        else names.add(one);
      }
    }
  }
  // What systemd always lets through, so that the program can be executed at all.
  for (const name of expand('@default')) names.add(name);
  const numbers = systemCallNumbers();
  return [...names]
    .map((name) => numbers.get(name))
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
}

function expand(name: string): string[] {
  if (!name.startsWith('@')) return [name];
  const text = execFileSync('systemd-analyze', ['syscall-filter', name], { encoding: 'utf8' });
  const members = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  return members.flatMap(expand);
}

function systemCallNumbers(): Map<string, number> {
  const text = execFileSync('gcc', ['-E', '-dM', '-x', 'c', '-'], {
    input: '#include <asm/unistd.h>\n',
    encoding: 'utf8',
  });
  const numbers = new Map<string, number>();
  for (const [, name, number] of text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)) {
    numbers.set(name as string, Number(number));
  }
  return numbers;
}
