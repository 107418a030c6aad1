// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TerminalMoved } from '../model/kernel-event.ts';
import { STRETCH_BYTES_MAX } from './terminal-book.ts';
import { executed, exited, SCOPE } from './testing/sample-events.ts';
import { StagedRecorder } from './testing/staged-recorder.ts';

const COOKED = { echoes: true, isByLine: true };
const RAW = { echoes: false, isByLine: false };
const SILENT = { echoes: false, isByLine: true };

function moved(
  atMs: number,
  direction: 'typed' | 'shown',
  text: string,
  about: Partial<TerminalMoved> = {},
): TerminalMoved {
  return {
    type: 'terminal-moved',
    atNs: atMs * 1e6,
    process: { pid: 100, startNs: 5n },
    scope: SCOPE,
    device: '/dev/pts/3',
    startedNs: 1000,
    direction,
    bytes: Buffer.from(text),
    missingBytes: 0,
    missingReason: '',
    addsReturns: true,
    columns: 80,
    rows: 24,
    ...COOKED,
    ...about,
  };
}

function linesOf(...events: readonly TerminalMoved[]) {
  const stage = new StagedRecorder().handle(executed(100, 500), ...events);
  stage.recorder.finish(1e10);
  const lines = stage.of('terminal').map(({ terminal, ...head }) => ({
    ...terminal,
    sessionId: head.sessionId,
    pid: head.pid,
    input: Buffer.from(terminal.input).toString(),
    output: Buffer.from(terminal.output).toString(),
    order: (JSON.parse(terminal.timing) as [number, string, unknown][]).map(
      ([at, what, much]) => `${at} ${what}${much}`,
    ),
  }));
  return { lines, losses: stage.of('loss').map(({ loss }) => `${loss.where} ${loss.reason} ${loss.bytes}`) };
}

test('a stretch has what a person saw: the echo, and lines that begin at the left', () => {
  const [line, ...more] = linesOf(
    moved(1, 'shown', '$ '),
    moved(2, 'typed', 'cat\x03\n'),
    moved(3, 'shown', 'a\nb\n'),
  ).lines;
  assert.deepEqual(more, []);
  assert.equal(line?.input, 'cat\x03\n');
  assert.equal(line?.output, '$ cat^C\r\na\r\nb\r\n');
  assert.deepEqual(line?.order, ['0 o2', '1000 i5', '1000 o7', '2000 o6']);
  assert.deepEqual([line?.name, line?.kind, line?.sessionId, line?.pid], ['/dev/pts/3', 'terminal', 'session-1', 100]);
  assert.deepEqual([line?.columns, line?.rows], [80, 24]);
});

test('what is typed without an echo, a line at a time, is counted and not kept', () => {
  const [line] = linesOf(moved(1, 'shown', 'Password: '), moved(2, 'typed', 'hunter2\n', SILENT)).lines;
  assert.deepEqual([line?.input, line?.hiddenBytes, line?.inputBytes], ['\n', 7, 8]);
});

test('what is typed without an echo by the terminal is kept when the program shows it', () => {
  const [line] = linesOf(
    moved(1, 'typed', 'l', RAW),
    moved(2, 'shown', 'l', RAW),
    moved(3, 'typed', 's', RAW),
    moved(4, 'shown', 's', RAW),
  ).lines;
  assert.deepEqual([line?.input, line?.output, line?.hiddenBytes], ['ls', 'ls', 0]);
});

test('a stretch ends after a second or when it is large, and not between a key and its echo', () => {
  const large = 'x'.repeat(STRETCH_BYTES_MAX);
  const { lines } = linesOf(
    moved(0, 'shown', 'a'),
    moved(990, 'typed', 'k\r', RAW),
    moved(1010, 'shown', 'k', RAW),
    moved(1900, 'shown', large),
    moved(1901, 'shown', 'z'),
  );
  assert.deepEqual(
    lines.map(({ output }) => output.slice(0, 3)),
    ['ak', 'xxx', 'z'],
  );
});

test('a new size is told in its place', () => {
  const [line] = linesOf(moved(1, 'shown', 'a'), moved(2, 'shown', 'b', { columns: 100, rows: 30 })).lines;
  assert.deepEqual(line?.order, ['0 o1', '1000 r100x30', '1000 o1']);
  assert.deepEqual([line?.columns, line?.rows], [80, 24]);
});

test('two terminals, and one terminal at two times, are told apart', () => {
  const { lines } = linesOf(
    moved(1, 'shown', 'a'),
    moved(2, 'shown', 'b', { device: '/dev/pts/4' }),
    moved(3, 'shown', 'c', { startedNs: 7 }),
  );
  assert.equal(new Set(lines.map(({ terminalId }) => terminalId)).size, 3);
});

test('bytes that did not come are a loss, and the stretch has their count', () => {
  const { lines, losses } = linesOf(moved(1, 'shown', 'a', { missingBytes: 9, missingReason: 'no_buffer' }));
  assert.equal(lines[0]?.cutBytes, 9);
  assert.deepEqual(losses, ['terminal no_buffer 9']);
});

test('what is gathered is not part of what is written, and is written before its session ends', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), moved(1, 'shown', 'a'));
  assert.equal(stage.recorder.writtenUntilNs(5e9), 1e6);
  stage.handle(exited(100, 500));
  stage.recorder.sweep(9e9);
  assert.deepEqual(
    stage
      .order()
      .slice(-2)
      .map((line) => line.split(' ')[0]),
    ['terminal', 'session'],
  );
  assert.equal(stage.recorder.writtenUntilNs(5e9), 5e9);
});

test('of a session that nobody knows it is a loss', () => {
  const stage = new StagedRecorder().handle(moved(1, 'shown', 'abc'));
  stage.recorder.sweep(9e9);
  assert.deepEqual(
    stage.of('loss').map(({ loss }) => `${loss.reason} ${loss.bytes}`),
    ['of_no_session 3'],
  );
});

test('a secret that is typed slowly is one stretch, and not in it', () => {
  const secret = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
  const line = `export GITHUB_TOKEN=${secret}\n`;
  const keys = [...line].map((key, n) => moved(1 + 250 * n, 'typed', key));
  const { lines } = linesOf(moved(0, 'shown', '$ '), ...keys);
  assert.equal(lines.length, 1);
  assert.match(lines[0]?.input ?? '', /^export GITHUB_TOKEN=\S+\n$/);
  for (const text of [lines[0]?.input, lines[0]?.output]) assert.ok(!text?.includes('0123456789'));
});

test('a line that is never ended is written all the same, after half a minute', () => {
  const { lines } = linesOf(moved(0, 'typed', 'l'), moved(29_000, 'typed', 's'), moved(31_000, 'typed', 'x'));
  assert.deepEqual(
    lines.map(({ input }) => input),
    ['ls', 'x'],
  );
});
