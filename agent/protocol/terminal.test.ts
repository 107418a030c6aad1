// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TerminalStretch } from './decoder.ts';
import { STRETCH_BYTES, Terminal } from './terminal.ts';

const SECOND = 1e9;

function gathered(fill: (terminal: Terminal) => void): TerminalStretch[] {
  const stretches: TerminalStretch[] = [];
  const terminal = new Terminal('t', (stretch) => stretches.push(stretch), { columns: 80, rows: 24 });
  fill(terminal);
  terminal.flush();
  assert.equal(terminal.heldBytes, 0);
  return stretches;
}

const textOf = ({ events }: TerminalStretch): string =>
  events.map((event) => ('bytes' in event ? Buffer.from(event.bytes as Uint8Array).toString() : '#')).join('');

test('one message as large as many stretches becomes many, whole', () => {
  const large = Buffer.alloc(2.5 * STRETCH_BYTES, 'x');
  const stretches = gathered((terminal) => terminal.add('shown', large, 1));
  assert.deepEqual(
    stretches.map((stretch) => textOf(stretch).length),
    [STRETCH_BYTES, STRETCH_BYTES, STRETCH_BYTES / 2],
  );
});

test('what is typed and not answered yet is in the stretch of its answer', () => {
  const stretches = gathered((terminal) => {
    terminal.add('shown', Buffer.from('$ '), 0);
    terminal.add('typed', Buffer.from('ls\r'), 2 * SECOND);
    terminal.add('shown', Buffer.from('ls\r\n'), 2 * SECOND);
  });
  assert.deepEqual(stretches.map(textOf), ['$ ', 'ls\rls\r\n']);
});

test('a stretch says how large the terminal was when it began', () => {
  const stretches = gathered((terminal) => {
    terminal.resize(100, 30, 0);
    terminal.add('shown', Buffer.from('a'), 0);
    terminal.add('shown', Buffer.from('b'), 2 * SECOND);
  });
  assert.deepEqual(
    stretches.map(({ columns, rows }) => [columns, rows]),
    [
      [80, 24],
      [100, 30],
    ],
  );
});

test('sizes alone are bounded too', () => {
  const stretches = gathered((terminal) => {
    for (let i = 0; i < 10_000; i++) terminal.resize(i, i, 0);
  });
  assert.ok(stretches.length > 1);
  assert.equal(stretches.flatMap(({ events }) => events).length, 10_000);
});
