// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessKey, Program } from '../../model/kernel-event.ts';
import type { ReadEvent } from './event-reader.ts';
import { ProcessPicture } from './process-picture.ts';

const SCOPE = { selectionId: 1, sessionKey: 7n };
const NONE: ProcessKey = { pid: 1, startNs: 0n };
const exit = { exitCode: 0, signal: 0, coreDumped: false, statusKnown: true };

const key = (pid: number): ProcessKey => ({ pid, startNs: BigInt(pid) });
const forked = (pid: number, atNs: number): ReadEvent => ({
  type: 'process-forked',
  atNs,
  process: key(pid),
  parent: NONE,
  scope: SCOPE,
});
const exited = (pid: number, atNs: number): ReadEvent => ({
  type: 'process-exited',
  atNs,
  process: key(pid),
  scope: SCOPE,
  ...exit,
});

/** /proc of this host is asked for those that nobody told of. */
function pictureOf(asked: number[] = []): ProcessPicture {
  return new ProcessPicture((pid): Program | undefined => {
    asked.push(pid);
    return undefined;
  });
}

const running = (...pids: number[]) => pids.map((pid) => ({ process: key(pid), scope: SCOPE }));
const pidsOf = (picture: ProcessPicture, atNs: number): number[] =>
  picture.finish(atNs).flatMap(({ processes }) => processes.map(({ process }) => process.pid));

test('what runs is what the kernel lists, brought up to date with what followed', () => {
  const picture = pictureOf();
  picture.note(forked(1, 10));
  picture.begin(100, running(1, 2, 3));
  assert.ok(picture.isBeingPutRight);
  picture.note(exited(2, 90));
  picture.note(forked(4, 110));
  assert.deepEqual(pidsOf(picture, 120), [1, 3, 4]);
  assert.ok(!picture.isBeingPutRight);
});

test('an older event that waited in the ring adds nothing: the list is newer', () => {
  const picture = pictureOf();
  picture.begin(100, running());
  picture.note(forked(5, 90));
  assert.deepEqual(pidsOf(picture, 120), []);
});

test('/proc is asked for processes alone that nobody told of', () => {
  const asked: number[] = [];
  const picture = pictureOf(asked);
  picture.note(forked(1, 10));
  picture.begin(100, running(1, 2));
  picture.finish(120);
  assert.deepEqual(asked, [2]);
});

test('a fork that comes after the list that told of its process is told no second time', () => {
  const picture = pictureOf();
  picture.begin(100, running(6));
  picture.finish(120);
  assert.equal(picture.note(forked(6, 95)), false);
  assert.equal(picture.note(forked(7, 130)), true);
  // The pid is used again.
  assert.equal(picture.note({ ...forked(6, 200), process: { pid: 6, startNs: 200n } } as ReadEvent), true);
});

test('without a list there is nothing to tell', () => {
  assert.deepEqual(pictureOf().finish(10), []);
});
