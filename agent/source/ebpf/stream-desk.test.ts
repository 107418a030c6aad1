// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KernelEvent, PIPE_KEYS_BELOW } from '../../model/kernel-event.ts';
import { limits } from './layout.generated.ts';
import { LONE_PIPES_MAX, StreamDesk } from './stream-desk.ts';
import type { StandardPipes, StreamAccount, StreamMoved } from './stream-record.ts';

const SCOPE = { selectionId: 1, sessionKey: 9n };
const PARENT = 10;
const CHILD = 20;
const [A, B] = [101, 102];

const key = (pid: number) => ({ pid, startNs: BigInt(pid) });

function pipes(pid: number, stdin: number, stdout: number, parent = PARENT): StandardPipes {
  return {
    type: 'standard-pipes',
    scope: SCOPE,
    process: key(pid),
    parent: key(parent),
    stdin,
    stdout,
    hasTerminal: false,
  };
}

class Stage {
  readonly events: KernelEvent[] = [];
  readonly watched = new Set([PARENT, CHILD]);
  readonly desk = new StreamDesk((pid) => this.watched.has(pid));
  readonly #ends = new Map<string, number>();
  #atNs = 1000;

  move(
    pid: number,
    stream: number,
    direction: 'written' | 'read',
    text: string,
    about: Partial<StreamMoved> = {},
  ): void {
    const name = `${stream} ${direction}`;
    const offset = this.#ends.get(name) ?? 0;
    const bytes = Buffer.from(text);
    this.#ends.set(name, offset + bytes.length + (about.missingBytes ?? 0));
    const modes = { localModes: 0, outputModes: 0, columns: 0, rows: 0 };
    const what = {
      kind: 'pipe',
      stream,
      startedNs: 5,
      direction,
      offset,
      bytes,
      missingBytes: 0,
      missingReason: '',
    } as const;
    const moved = {
      type: 'stream-moved',
      atNs: ++this.#atNs,
      process: key(pid),
      scope: SCOPE,
      ...what,
      ...modes,
    } as const;
    this.desk.moved({ ...moved, ...about }, this.events);
  }

  gone(stream: number, about: Partial<StreamAccount> = {}): void {
    const told = about.told ?? 'written';
    const bytes = this.#ends.get(`${stream} ${told}`) ?? 0;
    const sums = { writtenBytes: told === 'written' ? bytes : 0, readBytes: told === 'read' ? bytes : 0 };
    const account = { key: Buffer.alloc(8), kind: 'pipe', stream, scope: SCOPE, startedNs: 5, lastNs: 6 } as const;
    this.desk.gone({ ...account, ...sums, told, pids: [], hasEnded: false, ...about }, 9000, this.events);
  }

  of<T extends KernelEvent['type']>(type: T): Extract<KernelEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<KernelEvent, { type: T }> => event.type === type);
  }

  get said(): string[] {
    return this.of('bytes-moved').map(({ direction, bytes }) => `${direction} ${Buffer.from(bytes)}`);
  }

  get losses(): string[] {
    return this.of('missed').map(({ where, reason, bytes }) => `${where} ${reason} ${bytes}`);
  }
}

test('a program whose input and output are pipes of its starter has one connection with it', () => {
  const stage = new Stage();
  stage.desk.note(pipes(CHILD, A, B));
  stage.move(PARENT, A, 'written', 'request');
  stage.move(CHILD, B, 'written', 'response');
  stage.gone(A);
  assert.equal(stage.of('connection-closed').length, 0);
  stage.gone(B);
  const [opened, ...more] = stage.of('connection-opened');
  assert.deepEqual(more, []);
  assert.ok((opened?.connectionKey ?? 0) < PIPE_KEYS_BELOW);
  assert.deepEqual(
    [
      opened?.transport,
      opened?.role,
      opened?.process.pid,
      opened?.peerPid,
      opened?.localAddress,
      opened?.remoteAddress,
    ],
    ['pipe', 'client', PARENT, CHILD, 'pipe:[101]', 'pipe:[102]'],
  );
  assert.deepEqual(stage.said, ['sent request', 'received response']);
  const [closed] = stage.of('connection-closed');
  assert.deepEqual([closed?.sentBytes, closed?.receivedBytes], [7, 8]);
});

test('the program is a server when nobody that is watched started it', () => {
  const stage = new Stage();
  stage.watched.delete(PARENT);
  stage.desk.note(pipes(CHILD, A, B));
  stage.move(CHILD, A, 'read', 'request');
  stage.move(CHILD, B, 'written', 'response');
  stage.gone(B);
  stage.gone(A, { told: 'read' });
  assert.deepEqual(
    stage.of('connection-opened').map(({ role, process }) => [role, process.pid]),
    [['server', CHILD]],
  );
  assert.deepEqual(stage.said, ['received request', 'sent response']);
  assert.equal(stage.of('connection-closed').length, 1);
});

test('a conversation whose answer comes when its question is over stays one', () => {
  const stage = new Stage();
  stage.desk.note(pipes(CHILD, A, B));
  stage.move(PARENT, A, 'written', 'all of it');
  stage.gone(A);
  stage.desk.sweep(9000, stage.events);
  assert.equal(stage.of('connection-closed').length, 0, 'its program runs');
  stage.watched.delete(CHILD);
  stage.desk.sweep(9000, stage.events);
  assert.equal(stage.of('connection-closed').length, 1);
});

test('pipes of a pipeline are connections of one direction, in whatever order its programs start', () => {
  const programs = [pipes(20, 0, A), pipes(21, A, B), pipes(22, B, 0)];
  for (const order of [
    [0, 1, 2],
    [1, 0, 2],
    [2, 1, 0],
    [1, 2, 0],
  ]) {
    const stage = new Stage();
    for (const at of order) stage.desk.note(programs[at]!);
    stage.move(20, A, 'written', 'one');
    stage.move(21, B, 'written', 'two');
    stage.gone(A);
    stage.gone(B);
    assert.deepEqual(
      stage.of('connection-opened').map(({ role }) => role),
      ['unknown', 'unknown'],
      String(order),
    );
    assert.deepEqual(stage.said, ['sent one', 'sent two']);
    assert.deepEqual(
      stage.of('connection-closed').map(({ sentBytes }) => sentBytes),
      [3, 3],
    );
  }
});

test('what a shell starts inside of a conversation does not break it', () => {
  const stage = new Stage();
  stage.desk.note(pipes(CHILD, A, B));
  stage.desk.note(pipes(30, A, B, CHILD));
  stage.move(PARENT, A, 'written', 'x');
  stage.move(30, B, 'written', 'y');
  assert.equal(stage.of('connection-opened').length, 1);
});

test('a number that is used again is another pipe', () => {
  const stage = new Stage();
  stage.desk.note(pipes(CHILD, A, B));
  stage.move(PARENT, A, 'written', 'x');
  stage.move(CHILD, B, 'written', 'y');
  stage.gone(A);
  stage.gone(B);
  stage.move(40, A, 'written', 'z', { startedNs: 6, offset: 0 });
  assert.deepEqual(
    stage.of('connection-opened').map(({ role }) => role),
    ['client', 'unknown'],
  );
});

test('of thousands of short pipes so many are told of, and the others are a loss by their bytes', () => {
  const stage = new Stage();
  for (let n = 0; n < 10_000; n++) {
    stage.move(50, 1000 + n, 'written', 'abc');
    stage.gone(1000 + n);
  }
  assert.equal(stage.of('connection-opened').length, LONE_PIPES_MAX);
  assert.equal(stage.of('connection-closed').length, LONE_PIPES_MAX);
  const lost = stage.losses.filter((loss) => loss === 'pipe too_many 3');
  assert.equal(lost.length, 10_000 - LONE_PIPES_MAX);
});

test('what was not told of a pipe is told when it is gone', () => {
  const stage = new Stage();
  stage.move(50, A, 'written', 'x', { missingBytes: 5, missingReason: 'no_buffer' });
  stage.gone(A, { writtenBytes: limits.pipeCopyBytesMax + 100 });
  stage.gone(B, { writtenBytes: 70, told: 'written' });
  stage.gone(103, { writtenBytes: 9, readBytes: 4, told: 'read' });
  assert.deepEqual(
    stage.of('bytes-missing').map(({ reason, offset, bytes }) => `${reason} ${offset} ${bytes}`),
    ['no_buffer 1 5', `skipped ${limits.pipeCopyBytesMax} 100`],
  );
  assert.deepEqual(stage.losses, ['pipe ring_full 70', 'pipe not_read 5', 'pipe ring_full 4']);
  for (const { scope } of stage.of('missed')) assert.equal(scope, SCOPE);
});

test('a pipe that carried nothing is nothing', () => {
  const stage = new Stage();
  stage.desk.note(pipes(CHILD, A, B));
  stage.gone(A);
  stage.gone(B, { told: '' });
  assert.deepEqual(stage.events, []);
});

test('of a terminal what its account has beyond what came is a loss', () => {
  const stage = new Stage();
  stage.move(50, 136 * 2 ** 20 + 3, 'read', 'ls', { kind: 'terminal', localModes: 0o12, outputModes: 0o5 });
  const [moved] = stage.of('terminal-moved');
  assert.deepEqual(
    [moved?.device, moved?.direction, moved?.echoes, moved?.isByLine, moved?.addsReturns],
    ['/dev/pts/3', 'typed', true, true, true],
  );
  stage.gone(136 * 2 ** 20 + 3, { kind: 'terminal', told: '', writtenBytes: 10, readBytes: 2 });
  assert.deepEqual(stage.losses, ['terminal ring_full 10']);
});
