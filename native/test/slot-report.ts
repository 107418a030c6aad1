// SPDX-License-Identifier: Apache-2.0

/** What the program `act` says of its sockets, and how a recording is held against it. */
import assert from 'node:assert/strict';
import type { ObservedConnection } from './observed-connection.ts';
import type { Observer, Run } from './observer.ts';

/** One use of a socket, as the program counted and hashed it. */
export interface SlotReport {
  readonly slot: number;
  readonly pid: number;
  readonly inode: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly sent: number;
  readonly received: number;
  readonly sentSha256: string;
  readonly receivedSha256: string;
}

/** An act that was done, and what became of it. */
export interface ActReport {
  readonly act: string;
  readonly pid: number;
  readonly result: number;
  readonly error: number;
}

export function slotsOf(run: Run): SlotReport[] {
  return run.lines.filter((line) => 'slot' in line) as unknown as SlotReport[];
}

export function actsOf(run: Run): ActReport[] {
  return run.lines.filter((line) => 'act' in line) as unknown as ActReport[];
}

/** The last use that the program told of a slot. Errors: AssertionError when there is none. */
export function slotOf(run: Run, slot: number): SlotReport {
  const found = slotsOf(run).findLast((report) => report.slot === slot);
  assert.ok(found, `slot ${slot} is reported`);
  return found;
}

/** The one connection that a report is of; `ports` the other way round finds the other end of a TCP connection. */
export function connectionOf(run: Run, report: Pick<SlotReport, 'inode' | 'localPort' | 'remotePort'>) {
  const found = run.connections.filter((connection) => {
    const about = connection.opened ?? connection.closed;
    if (about?.transport === 'unix') return connection.key === -report.inode;
    return about?.localPort === report.localPort && about.remotePort === report.remotePort && report.remotePort > 0;
  });
  assert.equal(found.length, 1, `one connection is of ${JSON.stringify(report)}`);
  return found[0] as ObservedConnection;
}

export function otherEnd(report: SlotReport): Pick<SlotReport, 'inode' | 'localPort' | 'remotePort'> {
  return { inode: 0, localPort: report.remotePort, remotePort: report.localPort };
}

/** Every byte of both directions, in order and once, and the same in the socket's own account. */
export function assertExact(connection: ObservedConnection, report: SlotReport): void {
  const about = JSON.stringify(report);
  assertOnce(connection);
  connection.settle();
  const { closed, sent, received } = connection;
  assert.equal(closed?.sentBytes, report.sent, `sent, of ${about}`);
  assert.equal(closed?.receivedBytes, report.received, `received, of ${about}`);
  assert.deepEqual([sent.gaps, received.gaps], [[], []], about);
  assert.deepEqual([sent.bytes, sent.sha256], [report.sent, report.sentSha256], about);
  assert.deepEqual([received.bytes, received.sha256], [report.received, report.receivedSha256], about);
  assert.equal(sent.conflictBytes + received.conflictBytes, 0, about);
}

/** Opened and closed once, from its first byte on, without a byte outside of that. */
export function assertOnce(connection: ObservedConnection): void {
  const { opened, opens, closes, strayBytes, closed } = connection;
  assert.deepEqual({ opens, closes, strayBytes }, { opens: 1, closes: 1, strayBytes: 0 });
  assert.equal(opened?.joinedLate, false);
  assert.equal(closed?.failed, false);
  assert.equal((closed?.droppedSentBytes ?? 0) + (closed?.droppedReceivedBytes ?? 0), 0);
}

/** Whatever it was: nothing was missed, and nothing is told of a process that is of none of these runs. */
export function assertNothingElse(observer: Observer, runs: readonly Run[]): void {
  const sessions = new Set(runs.map((run) => run.sessionKey));
  for (const event of observer.events) {
    if (event.type === 'missed') assert.fail(`missed: ${event.where} ${event.reason}, ${event.events}`);
    if (!('scope' in event)) continue;
    assert.ok(sessions.has(event.scope.sessionKey), `an outsider is told of: ${event.type}`);
  }
  for (const { key, scope } of observer.connections) {
    assert.ok(scope !== undefined && sessions.has(scope.sessionKey), `connection ${key} is of nobody`);
  }
}
