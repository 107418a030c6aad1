// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Session } from '../lineage/session.ts';
import type { ProcessKey } from '../model/kernel-event.ts';
import { type Known, SessionBook } from './session-book.ts';

const folder = mkdtempSync(join(tmpdir(), 'sworn-book-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
const newFile = (): string => join(folder, `${files++}.json`);
const BOOT = 'boot';
const selectionIdOf = (workload: string): number | undefined => (workload === 'w' ? 3 : undefined);
const process = (pid: number): ProcessKey => ({ pid, startNs: BigInt(pid) * 1000n });
const always = (): boolean => true;
const never = (): boolean => false;
const unknown: Known = { session: never, process: never };

/** As much of a session as a book looks at. */
function session(id: string, sessionKey: bigint, ...pids: number[]): Session {
  const alive = new Set(pids.map((pid) => ({ key: process(pid) })));
  return { id, workload: 'w', scope: { selectionId: 3, sessionKey }, alive } as unknown as Session;
}

const NOW_NS = 1000;

function runningPids(file: string): number[] {
  return new SessionBook(file, BOOT).running(selectionIdOf).map(({ process: { pid } }) => pid);
}

test('a session that was granted is found again though nothing else was ever saved', () => {
  const file = newFile();
  const id = new SessionBook(file, BOOT).reserve('w', 7n, process(10));
  const next = new SessionBook(file, BOOT);
  assert.deepEqual(next.running(selectionIdOf), [{ process: process(10), scope: { selectionId: 3, sessionKey: 7n } }]);
  assert.equal(next.idFor('w', 7n), id);
});

test('a session that has begun stays in the book until a picture that has it is saved', () => {
  const file = newFile();
  const book = new SessionBook(file, BOOT);
  const id = book.reserve('w', 7n, process(10));
  const before = book.picture([], always, NOW_NS, NOW_NS);
  assert.equal(book.idFor('w', 7n), id);
  book.save(before);
  assert.deepEqual(runningPids(file), [10]);
  book.save(book.picture([session(id, 7n, 10, 11)], always, NOW_NS, NOW_NS));
  assert.deepEqual(runningPids(file), [10, 11]);
  book.save(book.picture([], always, NOW_NS, NOW_NS));
  assert.deepEqual(runningPids(file), []);
});

test('a session that was granted to a process that has gone since is forgotten', () => {
  const file = newFile();
  const book = new SessionBook(file, BOOT);
  book.reserve('w', 7n, process(10));
  book.save(book.picture([], never, NOW_NS, NOW_NS));
  assert.deepEqual(runningPids(file), []);
});

test('a session whose begin may still wait among the events is forgotten when these are handled, and not before', () => {
  const file = newFile();
  const book = new SessionBook(file, BOOT);
  const id = book.reserve('w', 7n, process(10));
  book.save(book.picture([], never, 2000, 1000));
  book.save(book.picture([], never, 3000, 1999));
  assert.deepEqual(runningPids(file), [10], 'it was seen to be gone at 2000');
  assert.equal(new SessionBook(file, BOOT).idFor('w', 7n), id);
  book.save(book.picture([], never, 4000, 2000));
  assert.deepEqual(runningPids(file), []);
});

test('what an earlier agent left stays in the book until it was taken over, whatever is saved before', () => {
  const file = newFile();
  new SessionBook(file, BOOT).reserve('w', 7n, process(10));
  const book = new SessionBook(file, BOOT);
  book.reserve('w', 8n, process(20));
  book.save(book.picture([], always, NOW_NS, NOW_NS));
  assert.deepEqual(runningPids(file).sort(), [10, 20]);
  const early = book.picture([], always, NOW_NS, NOW_NS);
  assert.deepEqual(book.takeOver(selectionIdOf, unknown, never), [
    { scope: { selectionId: 3, sessionKey: 7n }, exitsUnseen: 1, isOver: true },
  ]);
  book.save(early);
  assert.deepEqual(runningPids(file).sort(), [10, 20], 'the end may not be on disk yet');
  book.save(book.picture([], always, NOW_NS, NOW_NS));
  assert.deepEqual(runningPids(file), [20]);
});

test('sessions that are known again or still run have not ended, though processes of them may have', () => {
  const file = newFile();
  const book = new SessionBook(file, BOOT);
  book.save(book.picture([session('s', 7n, 10, 11, 12)], always, NOW_NS, NOW_NS));
  const left = (known: Known, isRunning: (process: ProcessKey) => boolean) =>
    new SessionBook(file, BOOT)
      .takeOver(selectionIdOf, known, isRunning)
      .map(({ exitsUnseen, isOver }) => [exitsUnseen, isOver]);
  assert.deepEqual(left({ session: always, process: always }, never), []);
  assert.deepEqual(left(unknown, always), []);
  assert.deepEqual(
    left(unknown, ({ pid }) => pid === 10),
    [[2, false]],
  );
  assert.deepEqual(left({ session: always, process: ({ pid }) => pid === 10 }, never), [[2, false]]);
  assert.deepEqual(
    new SessionBook(file, BOOT).takeOver(() => undefined, unknown, never),
    [],
  );
});

test('a book of another boot is an empty one', () => {
  const file = newFile();
  new SessionBook(file, 'earlier').reserve('w', 7n, process(10));
  assert.deepEqual(runningPids(file), []);
});
