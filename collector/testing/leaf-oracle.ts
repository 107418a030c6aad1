// SPDX-License-Identifier: Apache-2.0

/** Leaves as the program computes them that knows docs/RECORD.md and rows, and none of our code. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const ORACLE = join(root, 'proto/leaf.oracle.py');

/** SQL that asks for all rows of {agent:String} with what their leaves bind. */
export function leafRowsSql(): string {
  return execFileSync('python3', [ORACLE, '--query'], { encoding: 'utf8' });
}

/** The leaves of such rows, hex, in their order. */
export function leavesOfRows(rows: readonly object[]): string[] {
  const input = rows.map((row) => JSON.stringify(row)).join('\n');
  const words = [ORACLE, join(root, 'docs/RECORD.md'), '--rows'];
  const { stdout, stderr } = spawnSync('python3', words, { input, encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').at(-2) ?? '');
}
