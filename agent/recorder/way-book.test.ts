// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope, WayTaken } from '../model/kernel-event.ts';
import { StagedRecorder } from './testing/staged-recorder.ts';
import { WayBook } from './way-book.ts';

const SCOPE: Scope = { selectionId: 1, sessionKey: 7n };

function taken(pid: number, atNs: number, times: number, subject = '', way = 'quic'): WayTaken {
  const process = { pid, startNs: 5n };
  return { type: 'way-taken', atNs, process, scope: SCOPE, way, subject, times, detail: { setup_flags: '0x0' } };
}

function reports(book: WayBook, of: 'takeNew' | 'takeLast'): string[] {
  return book[of]().map(({ report: { kind, subject, events } }) => `${kind} ${subject} ${events}`);
}

test('what one process does by one way is one finding, and one more at the end when it went on', () => {
  const book = new WayBook();
  for (const times of [1, 2, 4]) book.add(taken(100, times, times), undefined, undefined);
  book.add(taken(200, 5, 1), undefined, undefined);
  assert.equal(book.sinceNs, 1);
  assert.deepEqual(reports(book, 'takeNew'), ['quic  4', 'quic  1']);
  assert.equal(book.sinceNs, undefined);
  assert.deepEqual(reports(book, 'takeNew'), []);
  book.add(taken(100, 9, 8), undefined, undefined);
  assert.deepEqual(reports(book, 'takeNew'), []);
  assert.deepEqual(reports(book, 'takeLast'), ['quic  8']);
  assert.deepEqual(reports(book, 'takeLast'), []);
});

test('acts against the agent are told act by act', () => {
  const book = new WayBook();
  const act = (name: string, subject: string): WayTaken => ({
    ...taken(100, 1, 1, subject, 'guard_refused'),
    detail: { act: name },
  });
  book.add(act('signal', 'SIGTERM'), undefined, undefined);
  assert.deepEqual(reports(book, 'takeNew'), ['guard_refused SIGTERM 1']);
  book.add(act('trace', 'ptrace or memory'), undefined, undefined);
  assert.deepEqual(reports(book, 'takeNew'), ['guard_refused ptrace or memory 1']);
});

test('subjects are named up to a bound, and what is beyond is counted', () => {
  const book = new WayBook();
  for (let i = 0; i < 20; i++) book.add(taken(100, i, 1, `${i}`, 'traces_process'), undefined, undefined);
  const [{ report } = { report: undefined }] = book.takeNew();
  assert.equal(report?.subject.split(', ').length, 16);
  assert.equal(report?.events, 20);
  assert.equal(report?.attributes['further_subjects'], '4');
});

test('beyond its bound the oldest is told and makes room: nothing is forgotten untold', () => {
  const book = new WayBook();
  const processes = 5000;
  for (let pid = 1; pid <= processes; pid++) book.add(taken(pid, pid, 1), undefined, undefined);
  assert.equal(book.sinceNs, 1, 'the one that was pushed out waits, too');
  assert.equal(book.takeNew().length, processes);
});

test('the record has it with its process and session, ahead of the end of the session', () => {
  const stage = new StagedRecorder();
  const process = { pid: 100, startNs: 5n };
  const parent = { pid: 1, startNs: 0n };
  stage.handle(
    { type: 'process-joined', atNs: 1, process, parent, scope: SCOPE, program: undefined },
    taken(100, 2, 1),
  );
  assert.equal(stage.recorder.writtenUntilNs(10), 2, 'it is not written yet');
  stage.recorder.sweep(10);
  assert.equal(stage.recorder.writtenUntilNs(10), 10);
  stage.handle(taken(100, 11, 2), {
    type: 'process-exited',
    atNs: 20,
    process,
    scope: SCOPE,
    exitCode: 0,
    signal: 0,
    coreDumped: false,
    statusKnown: true,
  });
  assert.deepEqual(stage.order(), ['session started', 'joined 100', 'finding', 'exit 100', 'finding', 'session ended']);
  const findings = stage.of('finding');
  assert.deepEqual(
    findings.map(({ pid, sessionId, finding: { kind, events } }) => [pid, sessionId, kind, events]),
    [
      [100, 'session-1', 'quic', 1],
      [100, 'session-1', 'quic', 2],
    ],
  );
});
