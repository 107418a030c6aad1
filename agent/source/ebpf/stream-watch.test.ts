// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelEvent } from '../../model/kernel-event.ts';
import { StreamWatch } from './stream-watch.ts';

const OPENED_NS = 50e9;
const SCOPE = { selectionId: 1, sessionKey: 9n };

/** A capture with nothing in its tables, and what was asked of it. */
function capture(...programs: readonly string[]) {
  const asked: boolean[] = [];
  const none = { runs: 0, runNs: 0, missed: 0, instructions: 0, attached: true };
  return {
    asked,
    programs: () => programs.map((name) => ({ name, ...none })),
    readStreams: (wanted: boolean) => void asked.push(wanted),
    rows: () => Buffer.alloc(0),
    takeRow: () => undefined,
  };
}

const pipes = (startNs: bigint) => ({
  type: 'standard-pipes' as const,
  scope: SCOPE,
  process: { pid: 20, startNs },
  parent: { pid: 10, startNs: 1n },
  stdin: 0,
  stdout: 0,
  hasTerminal: true,
});

const joined = (startNs: bigint) =>
  ({ type: 'process-joined', process: { pid: 20, startNs }, scope: SCOPE, atNs: 90e9 }) as unknown as KernelEvent;

test('by system calls they are read from the first terminal on, late, and no more when nothing is watched', () => {
  const kernel = capture('stream_call_ends');
  const watch = new StreamWatch(kernel, 'terminals', OPENED_NS);
  const events: KernelEvent[] = [];
  assert.deepEqual([watch.by, watch.state, kernel.asked], ['system_calls', 'idle', []]);
  watch.executed(pipes(60_000_000_000n), 61e9, events);
  assert.deepEqual([watch.state, kernel.asked], ['reading', [true]]);
  assert.deepEqual(
    events.map((event) => event.type === 'missed' && event.reason),
    ['attached_late'],
  );
  watch.sweep(62e9);
  assert.deepEqual([watch.state, kernel.asked], ['idle', [true, false]]);
});

test('by functions they are read from the start, and nobody is late but who was there before', () => {
  const kernel = capture('stream_after_tty_read');
  const watch = new StreamWatch(kernel, 'terminals_and_pipes', OPENED_NS);
  const events: KernelEvent[] = [];
  assert.deepEqual([watch.by, watch.state], ['functions', 'reading']);
  watch.executed(pipes(60_000_000_000n), 61e9, events);
  watch.sweep(90e9);
  watch.note(joined(55_000_000_000n), events);
  assert.deepEqual([watch.state, events], ['reading', []]);
  watch.note(joined(40_000_000_000n), events);
  assert.deepEqual(
    events.map((event) => event.type === 'missed' && [event.where, event.reason, event.sinceNs, event.scope]),
    [['stream', 'attached_late', 40e9, SCOPE]],
  );
});
