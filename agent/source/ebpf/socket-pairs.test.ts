// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionClosed, ConnectionOpened, KernelEvent } from '../../model/kernel-event.ts';
import { PAIRS_MAX, SocketPairs } from './socket-pairs.ts';
import type { StandardSockets } from './socket-record.ts';

const SCOPE = { selectionId: 1, sessionKey: 9n };
const [PARENT, CHILD] = [10, 20];
/** Inodes: the child's ends, and the parent's of the same pairs. */
const STDIN = { own: 101, peer: 201 };
const STDOUT = { own: 102, peer: 202 };

const key = (pid: number) => ({ pid, startNs: BigInt(pid) });

class Stage {
  readonly events: KernelEvent[] = [];
  readonly pairs = new SocketPairs();
  readonly #ends = new Map<string, number>();
  readonly #opened = new Set<number>();
  #atNs = 1000;

  executes(about: Partial<StandardSockets> = {}): void {
    const process = key(CHILD);
    const sockets = { process, parent: key(PARENT), scope: SCOPE, stdin: STDIN, stdout: STDOUT, isParentWatched: true };
    this.pairs.note({ type: 'standard-sockets', ...sockets, ...about });
  }

  move(pid: number, inode: number, direction: 'sent' | 'received', text: string): void {
    const about = this.#about(inode, pid);
    if (!this.#opened.has(inode)) {
      const opened: ConnectionOpened = { type: 'connection-opened', ...about, peerPid: PARENT };
      this.pairs.pass(opened, this.events);
    }
    this.#opened.add(inode);
    const name = `${inode} ${direction}`;
    const offset = this.#ends.get(name) ?? 0;
    this.#ends.set(name, offset + text.length);
    const bytes = Buffer.from(text);
    const { connectionKey, atNs } = about;
    this.pairs.pass({ type: 'bytes-moved', atNs, connectionKey, direction, offset, bytes, pid }, this.events);
  }

  gap(inode: number, direction: 'sent' | 'received', bytes: number): void {
    const name = `${inode} ${direction}`;
    const offset = this.#ends.get(name) ?? 0;
    this.#ends.set(name, offset + bytes);
    const { connectionKey, atNs } = this.#about(inode, 0);
    const what = { type: 'bytes-missing', atNs, connectionKey, direction, offset, bytes, reason: 'no_buffer' } as const;
    this.pairs.pass(what, this.events);
  }

  close(inode: number): void {
    const of = (direction: string) => this.#ends.get(`${inode} ${direction}`) ?? 0;
    const closed: ConnectionClosed = {
      ...{ type: 'connection-closed', ...this.#about(inode, 0), failed: false, error: 0, heldUs: 0 },
      ...{ sentBytes: of('sent'), receivedBytes: of('received'), unsentBytes: 0, unreadBytes: 0 },
      ...{ droppedSentBytes: 0, droppedReceivedBytes: 0 },
    };
    this.pairs.pass(closed, this.events);
  }

  exit(): void {
    const status = { exitCode: 0, signal: 0, coreDumped: false, statusKnown: true };
    const exited = {
      type: 'process-exited',
      atNs: ++this.#atNs,
      process: key(CHILD),
      scope: SCOPE,
      ...status,
    } as const;
    this.pairs.pass(exited, this.events);
  }

  /** As a second later, when all four are gone. */
  end(): void {
    for (const inode of [STDIN.own, STDIN.peer, STDOUT.own, STDOUT.peer])
      if (this.#opened.has(inode)) this.close(inode);
    this.exit();
  }

  #about(inode: number, pid: number) {
    const atNs = ++this.#atNs;
    return {
      ...{ atNs, startedNs: 7, connectionKey: -inode, scope: SCOPE, process: key(pid), transport: 'unix' as const },
      ...{ role: 'unknown' as const, localAddress: '', localPort: 0, remoteAddress: '', remotePort: 0 },
      joinedLate: false,
    };
  }

  of<T extends KernelEvent['type']>(type: T): Extract<KernelEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<KernelEvent, { type: T }> => event.type === type);
  }

  get said(): string[] {
    return this.events.flatMap((event) => {
      if (event.type === 'connection-opened') return [`${event.connectionKey} ${event.role} ${event.process.pid}`];
      if (event.type === 'bytes-moved')
        return [`${event.connectionKey} ${event.direction} ${event.offset} ${Buffer.from(event.bytes)}`];
      if (event.type === 'bytes-missing')
        return [`${event.connectionKey} ${event.direction} ${event.offset} missing ${event.bytes}`];
      if (event.type === 'connection-closed')
        return [`${event.connectionKey} closed ${event.sentBytes} ${event.receivedBytes}`];
      return event.type === 'missed' ? [`${event.where} ${event.reason} ${event.bytes}`] : [];
    });
  }

  question(): void {
    this.move(PARENT, STDIN.peer, 'sent', 'ask');
    this.move(CHILD, STDIN.own, 'received', 'ask');
    this.move(CHILD, STDOUT.own, 'sent', 'answer');
    this.move(PARENT, STDOUT.peer, 'received', 'answer');
  }
}

test('both ends are recorded: one connection of the starter, each byte once, by its writer', () => {
  const stage = new Stage();
  stage.executes();
  stage.question();
  stage.question();
  stage.end();
  assert.deepEqual(stage.said, [
    '-201 client 10',
    '-201 sent 0 ask',
    '-201 received 0 answer',
    '-201 sent 3 ask',
    '-201 received 6 answer',
    '-201 closed 6 12',
  ]);
  assert.deepEqual(stage.of('connection-opened')[0]?.peer, key(CHILD));
});

test('only the program is recorded: one connection of it, as a server', () => {
  const stage = new Stage();
  stage.executes({ isParentWatched: false });
  stage.move(CHILD, STDIN.own, 'received', 'ask');
  stage.move(CHILD, STDOUT.own, 'sent', 'answer');
  stage.end();
  assert.deepEqual(stage.said, ['-101 server 20', '-101 received 0 ask', '-101 sent 0 answer', '-101 closed 6 3']);
});

test('the starter wrote before the program was told of: it is the same connection', () => {
  const stage = new Stage();
  stage.move(PARENT, STDIN.peer, 'sent', 'early ');
  stage.executes();
  stage.question();
  stage.end();
  assert.deepEqual(stage.said, [
    '-201 unknown 10',
    '-201 sent 0 early ',
    '-201 sent 6 ask',
    '-201 received 0 answer',
    '-201 closed 9 6',
  ]);
  assert.equal(new Set(stage.of('connection-closed').map(({ startedNs }) => startedNs)).size, 1);
});

test('what goes against the grain is a connection of its own, whole', () => {
  const stage = new Stage();
  stage.executes();
  stage.question();
  stage.move(CHILD, STDIN.own, 'sent', 'odd');
  stage.move(PARENT, STDIN.peer, 'received', 'odd');
  stage.end();
  assert.deepEqual(
    stage.said.filter((line) => line.startsWith('-202')),
    ['-202 client 10', '-202 received 0 odd', '-202 closed 0 3'],
  );
});

test('bytes of one direction that are missing stay missing, at their place', () => {
  const stage = new Stage();
  stage.executes();
  stage.question();
  stage.gap(STDOUT.own, 'sent', 500);
  stage.gap(STDIN.own, 'received', 3);
  stage.end();
  assert.ok(stage.said.includes('-201 received 6 missing 500'));
  assert.equal(stage.said.filter((line) => line.includes('missing')).length, 1);
});

test('what is read and was written by nobody that is recorded is a loss', () => {
  const stage = new Stage();
  stage.executes();
  stage.question();
  stage.move(CHILD, STDIN.own, 'received', 'from elsewhere');
  stage.end();
  assert.ok(stage.said.includes('unix written_by_others 14'));
});

test('it is over when its sockets are and its program has ended', () => {
  const stage = new Stage();
  stage.executes();
  stage.move(PARENT, STDIN.peer, 'sent', 'ask');
  stage.close(STDIN.peer);
  assert.deepEqual(stage.of('connection-closed'), []);
  stage.move(CHILD, STDOUT.own, 'sent', 'answer');
  stage.exit();
  assert.deepEqual(stage.of('connection-closed'), []);
  stage.close(STDOUT.own);
  assert.deepEqual(stage.said.at(-1), '-201 closed 3 6');
});

test('sockets between two programs of a pipeline stay as they are', () => {
  for (const firstIsFirst of [true, false]) {
    const stage = new Stage();
    const middle = () => stage.executes();
    const last = () =>
      stage.executes({ process: key(30), stdin: { own: STDOUT.peer, peer: STDOUT.own }, stdout: { own: 0, peer: 0 } });
    for (const execute of firstIsFirst ? [middle, last] : [last, middle]) execute();
    stage.question();
    assert.deepEqual(
      stage.of('connection-opened').map(({ connectionKey }) => connectionKey),
      [-201, -101, -102, -202],
    );
    assert.equal(stage.of('bytes-moved').length, 4);
  }
});

test('a program that hands its standard input and output on does not change whose they are', () => {
  const stage = new Stage();
  stage.executes();
  stage.executes({ process: key(30), parent: key(CHILD) });
  stage.question();
  assert.deepEqual(
    stage.of('connection-opened').map(({ peerPid }) => peerPid),
    [CHILD],
  );
});

test('other sockets, and pairs beyond the bound, are told as they are', () => {
  const stage = new Stage();
  stage.executes();
  for (let n = 0; n < PAIRS_MAX; n++) {
    const own = 1000 + n * 4;
    stage.executes({ process: key(own), stdin: { own, peer: own + 1 }, stdout: { own: own + 2, peer: own + 3 } });
  }
  stage.move(PARENT, 5, 'sent', 'by the way');
  stage.question();
  assert.deepEqual(
    stage.of('connection-opened').map(({ connectionKey }) => connectionKey),
    [-5, -201, -101, -102, -202],
  );
});
