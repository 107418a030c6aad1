// SPDX-License-Identifier: Apache-2.0

/** The programs that take the ways, compiled when they are first asked for. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { scratchFolder } from '../../native/test/trigger.ts';

export type Linked = 'statically' | 'dynamically' | 'with nothing' | 'as a library';

const PROGRAMS = join(import.meta.dirname, 'programs');
const built = new Set<string>();

export function program(name: string, linked: Linked = 'statically'): string {
  const output = join(scratchFolder(), `${name}-${linked.replaceAll(' ', '-')}`);
  if (built.has(output)) return output;
  const how = {
    statically: ['-static', '-pthread'],
    dynamically: ['-pthread'],
    'with nothing': ['-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector'],
    'as a library': ['-shared', '-fPIC'],
  }[linked];
  const warnings = ['-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter'];
  execFileSync('gcc', ['-O1', '-D_GNU_SOURCE', ...warnings, ...how, '-o', output, join(PROGRAMS, `${name}.c`)]);
  built.add(output);
  return output;
}
