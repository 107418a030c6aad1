// SPDX-License-Identifier: Apache-2.0

/** A unit file as systemd reads it, as far as ours go. */
import { readFileSync } from 'node:fs';

export interface UnitFile {
  /** All values of a setting in their order; an empty assignment forgets those before it. */
  all(name: string): readonly string[];
  /** The last value; '' when it is not set. */
  one(name: string): string;
}

export function readUnitFile(path: string): UnitFile {
  const values = new Map<string, string[]>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '' || /^[#;[]/.test(line)) continue;
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`${path}: not understood: ${line}`);
    if (value === '') values.set(name, []);
    else values.set(name, [...(values.get(name) ?? []), value]);
  }
  return {
    all: (name) => values.get(name) ?? [],
    one: (name) => values.get(name)?.at(-1) ?? '',
  };
}

export function isYes(value: string): boolean {
  return ['yes', 'true', 'on', '1'].includes(value);
}
