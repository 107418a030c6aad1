// SPDX-License-Identifier: Apache-2.0

/** What holds for every record, whatever was recorded: nothing lost, every byte accounted for, nothing left open. */
import assert from 'node:assert/strict';
import type { RecordedAccount, RunRecord } from './record.ts';

export function assertWhole(record: RunRecord): void {
  assert.deepEqual(
    record.losses.map(({ place, reason, bytes, events }) => ({ place, reason, bytes, events })),
    [],
    'losses',
  );
  record.seqs.forEach((seq, index) => {
    assert.equal(seq, index + 1, 'the numbers of the lines have no hole');
  });
  assertSessions(record);
  assertConnections(record);
}

function assertSessions({ sessions, commands }: RunRecord): void {
  const started = sessions.filter(({ action }) => action === 'started').map(({ sessionId }) => sessionId);
  const ended = sessions.filter(({ action }) => action === 'ended');
  assert.equal(new Set(started).size, started.length, 'a session begins once');
  assert.deepEqual(
    ended.map(({ sessionId }) => sessionId).sort(),
    started.sort(),
    'every session that began has ended',
  );
  for (const { sessionId, commands: counted } of ended) {
    const written = commands.filter((command) => command.sessionId === sessionId).length;
    assert.equal(counted, written, 'a session counts the commands that are in the record');
  }
}

function assertConnections({ connections, commands }: RunRecord): void {
  const open = new Set<string>();
  const known = new Set<string>();
  for (const one of connections) {
    const { action, connectionId, sent, received, attributes, joinedLate } = one;
    const name = `connection ${connectionId} from port ${one.localPort} (${one.protocol})`;
    if (action === 'opened') {
      assert.ok(!known.has(connectionId), `${name} is opened once`);
      assert.ok(!joinedLate, `${name} was seen from its first byte`);
      known.add(connectionId);
      open.add(connectionId);
      continue;
    }
    if (action === 'closed') assert.ok(open.delete(connectionId), `${name} is closed once, after it was opened`);
    assert.equal(attributes['ended_by'], undefined, `${name} was followed to its end`);
    for (const account of [sent, received]) assertAddsUp(account, name);
    assert.equal(sent.lost + received.lost, 0, `${name} lost nothing`);
    for (const direction of ['sent', 'received']) {
      assert.equal(
        attributes[`${direction}_surplus_bytes`],
        undefined,
        `${name}: what was seen is what the socket counted`,
      );
    }
  }
  assert.deepEqual([...open], [], 'every connection that was opened is closed');
  for (const { connectionId, statement } of commands) {
    assert.ok(known.has(connectionId), `the connection of ${statement.slice(0, 200)} is in the record`);
  }
}

function assertAddsUp({ moved, decoded, notUnderstood, unreadable, cut, lost }: RecordedAccount, name: string): void {
  assert.equal(decoded + notUnderstood + unreadable + cut + lost, moved, `the bytes of ${name} add up`);
}

/** Connections of this protocol were decoded from end to end: no byte that was not understood. */
export function assertUnderstood({ connections }: RunRecord, protocol: string): void {
  const closed = connections.filter((one) => one.action === 'closed' && one.protocol === protocol);
  assert.ok(closed.length > 0, `there were ${protocol} connections`);
  for (const { connectionId, sent, received } of closed) {
    const rest = [sent.notUnderstood, sent.unreadable, received.notUnderstood, received.unreadable];
    assert.deepEqual(rest, [0, 0, 0, 0], `all of ${connectionId} was understood`);
  }
}
