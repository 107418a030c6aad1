// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { closed, missing, moved, opened } from '../flow/testing/arrivals.ts';
import { unruly } from '../flow/testing/unruly-protocol.ts';
import { bind } from '../lineage/session.ts';
import {
  bigintFromUint64,
  ConnectionAction,
  IdentitySource,
  IdentityState,
  SessionAction,
  Status,
} from '../model/activity.ts';
import type { CodeImage } from '../model/code-image.ts';
import { NO_IDENTITY } from '../model/identity.ts';
import type { KernelEvent, Scope } from '../model/kernel-event.ts';
import type { ProtocolDefinition } from '../protocol/decoder.ts';
import { ASKED, message, question, REPLY, record } from '../protocol/dns/testing.ts';
import { executed, exited, SCOPE } from './testing/sample-events.ts';
import { EPOCH_UNIX_NS, StagedRecorder } from './testing/staged-recorder.ts';

const OTHER: Scope = { selectionId: 1, sessionKey: 8n };
const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

test('a session is written from its start to its end, losses before the line that they belong to', () => {
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    opened(),
    moved('sent', 0, GET),
    moved('received', 0, OK),
    missing('received', OK.length, 3),
    closed(GET.length + 2, OK.length + 3),
    exited(100, 9500),
  );
  assert.deepEqual(stage.order(), [
    'session started',
    'exec 100',
    'connection opened',
    'command GET /a',
    'loss unreadable 3',
    'loss gap-between-messages 0',
    'loss ring_full 2',
    'loss gap-between-messages 0',
    'connection closed',
    'exit 100',
    'session ended',
  ]);
  const [ended] = stage.of('session').slice(-1);
  assert.equal(ended?.session.losses, 4);
  assert.equal(ended?.session.commands, 1);
  assert.equal(ended?.session.processes, 1);
  assert.ok(stage.written.every(({ sessionId, workload }) => sessionId === 'session-1' && workload === 'w'));
  assert.deepEqual(stage.recorder.counts, {
    events: 7,
    activities: 11,
    commands: 1,
    bytes: GET.length + OK.length,
    losses: 4,
    faults: 0,
  });
});

test('the end of a session waits for its connections', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened(), exited(100, 2000));
  stage.recorder.sweep(2000 + 4e9);
  assert.ok(!stage.order().includes('session ended'));
  stage.handle(closed(0, 0, { atNs: 2000 + 4.5e9 }));
  assert.deepEqual(stage.order().slice(-2), ['connection closed', 'session ended']);
  const [ended] = stage.of('session').slice(-1);
  assert.equal(bigintFromUint64(ended!.endTimeNs), EPOCH_UNIX_NS + 2000n, 'and is when its last process ended');
});

test('the end of a session does not wait for ever, and a connection that ends later is still of it', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened(), exited(100, 2000));
  stage.recorder.sweep(2000 + 6e9);
  assert.equal(stage.order().at(-1), 'session ended');
  stage.handle(executed(200, 9e9), closed(0, 0, { atNs: 10e9 }));
  const [close] = stage.of('connection').slice(-1);
  assert.equal(close?.sessionId, 'session-1');
  assert.equal(stage.of('process').at(-1)?.sessionId, 'session-2', 'though its key is used by another by now');
});

test('a unit between two of its commands is one session', () => {
  const stage = new StagedRecorder({ selectedBy: 'cgroup' }).handle(executed(100, 500), exited(100, 600));
  stage.recorder.sweep(600 + 0.5e9);
  stage.handle(executed(101, 0.6e9));
  stage.recorder.sweep(9e9);
  stage.handle(exited(101, 10e9));
  assert.equal(stage.of('session').length, 1);
  stage.recorder.sweep(12e9);
  assert.equal(stage.of('session').length, 2);
  assert.equal(stage.of('session')[1]?.session.processes, 2);
});

test('a command is of the process that sent it, also when that is of another session', () => {
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    executed(200, 500, OTHER),
    opened(),
    moved('sent', 0, GET, { pid: 100, atNs: 2000 }),
    moved('received', 0, OK, { atNs: 2100 }),
    moved('sent', GET.length, GET, { pid: 200, atNs: 3000 }),
    moved('received', OK.length, OK, { atNs: 3100 }),
    moved('sent', 2 * GET.length, GET, { pid: 300, atNs: 4000 }),
    closed(3 * GET.length, 2 * OK.length),
  );
  assert.deepEqual(
    stage.of('command').map(({ pid, exe, sessionId }) => [pid, exe, sessionId]),
    [
      [100, '/bin/100', 'session-1'],
      [200, '/bin/200', 'session-2'],
      // Nobody whom the agent knows: the connection is what it was.
      [300, '', 'session-1'],
    ],
  );
  assert.ok(stage.of('connection').every(({ sessionId, pid }) => sessionId === 'session-1' && pid === 100));
});

test('as a server, the process that replied is the one that acted', () => {
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    executed(101, 500),
    opened({ role: 'server', localPort: 80, remotePort: 40_000 }),
    moved('received', 0, GET, { atNs: 2000 }),
    moved('sent', 0, OK, { pid: 100, atNs: 2100 }),
    moved('received', GET.length, GET, { atNs: 3000 }),
    moved('sent', OK.length, OK, { pid: 101, atNs: 3100 }),
    closed(2 * OK.length, 2 * GET.length),
  );
  assert.deepEqual(
    stage.of('command').map(({ pid }) => pid),
    [100, 101],
  );
});

test('each command has the identity that was known when it was sent, the end what was known then', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened(), moved('sent', 0, GET, { atNs: 2000 }));
  const [session] = stage.started;
  assert.ok(session);
  const proven = {
    ...NO_IDENTITY,
    identityId: 'proven',
    identityName: 'agent',
    state: IdentityState.VERIFIED,
  } as const;
  bind(session, 2500, { ...proven, source: IdentitySource.BROKER, tokenId: 't' });
  stage.handle(
    moved('received', 0, OK, { atNs: 3000 }),
    moved('sent', GET.length, GET, { atNs: 3500 }),
    closed(2 * GET.length, OK.length),
    exited(100, 9900),
  );
  const known = (kind: 'command' | 'connection' | 'session') =>
    stage.of(kind).map(({ identityState }) => identityState);
  const { POLICY, VERIFIED } = IdentityState;
  assert.deepEqual(known('command'), [POLICY, VERIFIED]);
  assert.deepEqual(known('connection'), [POLICY, VERIFIED]);
  assert.deepEqual(known('session'), [POLICY, VERIFIED]);
});

test('a credential is handed over once and stands in no line', () => {
  const secret = 'c2VjcmV0LXRva2VuLXZhbHVl';
  const request = `GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${secret}\r\n\r\n`;
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    opened(),
    moved('sent', 0, request, { pid: 100 }),
    moved('received', 0, OK),
    closed(request.length, OK.length),
    exited(100, 9500),
  );
  assert.deepEqual(
    stage.credentials.map(({ credential, sessionId, pid }) => [credential.secret, sessionId, pid]),
    [[secret, 'session-1', 100]],
  );
  const said = JSON.stringify(stage.written, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
  assert.ok(said.includes('/a') && !said.includes(secret));
});

test('losses of one kind on one connection are one line with their sum', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened());
  for (let i = 0; i < 1000; i++) {
    stage.handle(missing('sent', 2 * i, 1, { atNs: 2000 + i }), moved('sent', 2 * i + 1, 'x', { atNs: 2000 + i }));
  }
  stage.recorder.sweep(5000);
  const losses = stage.of('loss');
  assert.equal(losses.length, 1);
  const [loss] = losses;
  assert.equal(loss?.loss.bytes, 1000);
  assert.equal(loss?.loss.events, 1000);
  assert.equal(loss?.loss.direction, 'sent');
  assert.equal(bigintFromUint64(loss!.timeNs), EPOCH_UNIX_NS + 2000n);
  assert.equal(bigintFromUint64(loss!.endTimeNs), EPOCH_UNIX_NS + 2999n);
  assert.equal(loss?.connectionId, stage.of('connection')[0]?.connectionId);
});

test('a connection that was joined late says what is not known', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened({ joinedLate: true }), closed(0, 0));
  assert.deepEqual(stage.order().slice(2), ['connection opened', 'loss joined_late 0', 'connection closed']);
  assert.ok(stage.of('connection').every(({ connection }) => connection.joinedLate));
});

test('what a connection that was joined late said is a loss when its language cannot be told', () => {
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    opened({ joinedLate: true }),
    moved('sent', 0, 'x'.repeat(40_000)),
    closed(40_000, 0),
  );
  const losses = stage.of('loss').map(({ loss }) => `${loss.where} ${loss.reason} ${loss.direction} ${loss.bytes}`);
  assert.deepEqual(losses, ['connection joined_late  0', 'decoder not_recognised sent 40000']);
});

test('bytes whose language is not known yet are not written, until they are', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened());
  assert.equal(stage.recorder.writtenUntilNs(9000), 9000);
  const request = moved('sent', 0, GET.slice(0, 2));
  stage.handle(request);
  assert.equal(stage.recorder.writtenUntilNs(9000), request.atNs);
  stage.handle(moved('sent', 2, GET.slice(2)));
  assert.equal(stage.recorder.writtenUntilNs(9000), 9000);
});

test('a loss that is gathered and not written yet is not part of what is written', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened(), moved('sent', 0, GET));
  const lost = missing('received', 0, 3);
  stage.handle(lost);
  assert.equal(stage.recorder.writtenUntilNs(9e15), lost.atNs);
  stage.recorder.sweep(lost.atNs + 1);
  assert.equal(stage.recorder.writtenUntilNs(9e15), 9e15);
});

test('a session that ended while there was no agent ends in the record, once, and is unfinished until then', () => {
  const stage = new StagedRecorder();
  for (const nowNs of [9000, 9500]) {
    stage.recorder.takeOver({ scope: SCOPE, exitsUnseen: nowNs === 9000 ? 2 : 0, isOver: true }, 7000, nowNs);
  }
  assert.deepEqual(stage.order(), ['loss exit_unseen 0', 'session ended']);
  assert.deepEqual([stage.of('loss')[0]?.loss.events, stage.of('loss')[0]?.sessionId], [2, 'session-1']);
  const open = new StagedRecorder().handle(executed(100, 500), opened(), exited(100, 600));
  assert.equal(open.recorder.unfinishedSessions().length, 1, 'its connection is awaited');
  open.handle(closed(0, 0));
  assert.equal(open.recorder.unfinishedSessions().length, 0);
});

test('a connect that failed is told with its error, and nothing is lost', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), closed(0, 0, { failed: true, error: 111 }));
  stage.recorder.sweep(1e10);
  assert.deepEqual(stage.order().slice(2), ['connection failed']);
  assert.equal(stage.of('connection')[0]?.connection.error, 'ECONNREFUSED');
});

test('a connection whose opening was missed is lost as a whole, by its counters', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), closed(10, 20, { unreadBytes: 5 }));
  stage.recorder.sweep(1e10);
  const [close] = stage.of('connection');
  assert.equal(close?.connection.action, ConnectionAction.CLOSED);
  assert.equal(close?.connection.sent.lost, 10);
  assert.equal(close?.connection.received.lost, 25);
  assert.deepEqual(
    stage
      .of('loss')
      .map(({ loss, connectionId }) => [loss.direction, loss.bytes, connectionId === close?.connectionId]),
    [
      ['sent', 10, true],
      ['received', 25, true],
    ],
  );
});

test('of UDP nothing is lost, whether its opening was told or not', () => {
  const about = { transport: 'udp', role: 'unknown' } as const;
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    opened(about),
    closed(10, 20, about),
    closed(10, 20, { ...about, connectionKey: 43 }),
  );
  stage.recorder.sweep(1e10);
  assert.equal(stage.of('loss').length, 0);
  const accounts = stage.of('connection').slice(1);
  assert.ok(accounts.every(({ connection }) => connection.sent.notUnderstood === 10 && connection.sent.lost === 0));
});

test('an address that DNS named stands with its name, by whom it was opened after the answer', () => {
  const about = { transport: 'udp', role: 'unknown', connectionKey: 50, remotePort: 53 } as const;
  const address = { remoteAddress: '192.0.2.1', startedNs: 3000, atNs: 3000 };
  const reply = (name: string) => {
    const questions = [question(name, 1)];
    return [
      moved('sent', 0, message({ questions }), { connectionKey: 50 }),
      moved(
        'received',
        0,
        message({ bits: REPLY, questions, answers: [record(ASKED, 1, Buffer.from([192, 0, 2, 1]))] }),
        { connectionKey: 50 },
      ),
    ];
  };
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    opened({ ...address, connectionKey: 41 }),
    opened(about),
    ...reply('a.example'),
    opened({ ...address, connectionKey: 42 }),
    ...reply('b.example'),
    opened({ ...address, connectionKey: 43 }),
    opened({ ...address, connectionKey: 44, scope: OTHER, process: { pid: 9, startNs: 9n } }),
    closed(0, 0, { connectionKey: 42 }),
    closed(0, 0, { ...address, connectionKey: 45, failed: true }),
  );
  const names = stage
    .of('connection')
    .map(({ connection }) => [connection.attributes['remote_name'], connection.attributes['remote_names']]);
  assert.deepEqual(names, [
    [undefined, undefined],
    [undefined, undefined],
    ['a.example', undefined],
    ['b.example', 'b.example a.example'],
    [undefined, undefined],
    ['a.example', undefined],
    ['b.example', 'b.example a.example'],
  ]);
  assert.deepEqual(
    stage.of('command').map(({ command }) => [command.protocol, command.statement, command.target]),
    [
      ['dns', 'A a.example', '10.0.0.2:53'],
      ['dns', 'A b.example', '10.0.0.2:53'],
    ],
  );
});

test('bytes of a connection that nobody knows are a loss of nobody', () => {
  const stage = new StagedRecorder().handle(moved('sent', 0, 'abc'), missing('sent', 3, 2));
  stage.recorder.sweep(1e10);
  const [loss] = stage.of('loss');
  assert.deepEqual([loss?.loss.reason, loss?.loss.bytes, loss?.sessionId], ['unknown_connection', 5, '']);
});

test('bytes of a connection that was given up are a loss of it', () => {
  const stage = new StagedRecorder({ tableBounds: { connectionsMax: 1, heldBytesMax: 1000 } }).handle(
    executed(100, 500),
    opened(),
    opened({ connectionKey: 43 }),
    moved('sent', 0, 'abc'),
  );
  stage.recorder.sweep(1e10);
  const [first] = stage.of('connection');
  const [loss] = stage.of('loss');
  assert.deepEqual([loss?.loss.reason, loss?.loss.bytes, loss?.connectionId], ['given_up', 3, first?.connectionId]);
  assert.equal(stage.of('connection')[1]?.connection.attributes['ended_by'], 'recorder');
});

test('what the source says that it missed is a loss of nobody, with its time', () => {
  const stage = new StagedRecorder().handle({
    type: 'missed',
    atNs: 2000,
    sinceNs: 1000,
    where: 'process',
    reason: 'fork_ring_full',
    events: 3,
    bytes: 0,
  });
  stage.recorder.sweep(1e10);
  const [loss] = stage.of('loss');
  assert.deepEqual([loss?.loss.where, loss?.loss.events, loss?.sessionId], ['process', 3, '']);
  assert.equal(bigintFromUint64(loss!.endTimeNs) - bigintFromUint64(loss!.timeNs), 1000n);
});

test('a time that nobody recorded is a loss with its span, also when the wall clock was set back in it', () => {
  const stage = new StagedRecorder();
  const about = { where: 'recorder', events: 1, bytes: 0 } as const;
  stage.recorder.addLoss({ ...about, reason: 'agent_not_running', sinceNs: 1000, untilNs: 5000 });
  stage.recorder.addLoss({ ...about, reason: 'host_restarted', sinceNs: 9000, untilNs: 5000 });
  stage.recorder.sweep(5000);
  assert.deepEqual(
    stage
      .of('loss')
      .map(({ loss, timeNs, endTimeNs }) => [
        loss.reason,
        bigintFromUint64(timeNs) - EPOCH_UNIX_NS,
        bigintFromUint64(endTimeNs) - EPOCH_UNIX_NS,
      ]),
    [
      ['agent_not_running', 1000n, 5000n],
      ['host_restarted', 9000n, 9000n],
    ],
  );
  assert.ok(
    stage.of('loss').every(({ loss }) => !loss.message.includes(loss.reason)),
    'in words of a person',
  );
});

test('arguments that were cut, and exits that were not seen, are losses of their session', () => {
  const stage = new StagedRecorder().handle(executed(100, 500, SCOPE, 1000), exited(100, 600, SCOPE, false));
  assert.deepEqual(
    stage.of('loss').map(({ loss, sessionId }) => [loss.reason, loss.bytes, sessionId]),
    [
      ['argv_cut', 996, 'session-1'],
      ['exit_unseen', 0, 'session-1'],
    ],
  );
  assert.equal(stage.of('session')[1]?.session.losses, 2);
});

test('a connection of a session that nothing told of begins it', () => {
  const stage = new StagedRecorder().handle(opened(), moved('sent', 0, GET), closed(GET.length, 0));
  stage.recorder.sweep(5e9);
  stage.recorder.sweep(20e9);
  assert.deepEqual(stage.order(), [
    'session started',
    'joined 100',
    'connection opened',
    'command GET /a',
    'connection closed',
    'exit 100',
    'loss exit_unseen 0',
    'session ended',
  ]);
});

test('a process that ran already is told with its program, one that was gone without', () => {
  const joined = { ...executed(100, 500), type: 'process-joined' } as KernelEvent;
  const gone = { ...executed(101, 500), type: 'process-joined', program: undefined } as KernelEvent;
  const stage = new StagedRecorder().handle(joined, gone);
  assert.deepEqual(stage.order(), ['session started', 'joined 100', 'joined 101']);
  assert.deepEqual(
    stage.of('process').map(({ exe, process }) => [exe, process.argv, process.uid]),
    [
      ['/bin/100', ['x', 'y'], 9],
      ['', [], 4294967295],
    ],
  );
});

test('an event that cannot be recorded is a loss, and the next one is recorded', () => {
  let fails = true;
  const written: string[] = [];
  const stage = new StagedRecorder({
    append: (activity) => {
      if (fails && activity.detail === 'command') throw new Error('a fault');
      written.push(
        activity.detail === 'loss' ? `loss ${activity.loss.reason} ${activity.loss.bytes}` : activity.detail,
      );
    },
  });
  stage.handle(executed(100, 500), opened(), moved('sent', 0, GET), moved('received', 0, OK));
  fails = false;
  stage.handle(moved('sent', GET.length, GET), moved('received', OK.length, OK));
  stage.recorder.sweep(1e10);
  assert.deepEqual(written, ['session', 'process', 'connection', 'command', `loss event_failed ${OK.length}`]);
  assert.equal(stage.recorder.counts.faults, 1);
  assert.match(String(stage.faults[0]), /a fault/);
});

test('a loss that cannot be recorded takes no other with it, and keeps nobody from stopping', () => {
  const written: string[] = [];
  const stage = new StagedRecorder({
    append: ({ detail, ...activity }) => {
      if (detail !== 'loss') return;
      const { reason, events } = (activity as unknown as { loss: { reason: string; events: number } }).loss;
      if (!Number.isInteger(Number(events))) throw new RangeError('no whole number');
      written.push(reason);
    },
  });
  const about = { where: 'stream', bytes: 0, sinceNs: 1, untilNs: 2 };
  stage.recorder.addLoss({ ...about, reason: 'first', events: 1 });
  stage.recorder.addLoss({ ...about, reason: 'broken', events: Number.NaN });
  stage.recorder.addLoss({ ...about, reason: 'last', events: 1 });
  stage.recorder.finish(5000);
  assert.deepEqual(written, ['first', 'last', 'event_failed']);
  assert.equal(stage.faults.length, 1);
});

test('when the source stops, what is open is written as far as it is known', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), opened(), moved('sent', 0, GET));
  stage.recorder.finish(5000);
  assert.deepEqual(stage.order().slice(3), ['command GET /a', 'connection closed']);
  const [, close] = stage.of('connection');
  assert.equal(close?.connection.attributes['ended_by'], 'recorder');
  assert.equal(close?.connection.sent.decoded, GET.length);
  assert.equal(stage.of('command')[0]?.command.status, Status.UNKNOWN);
  assert.ok(
    !stage.of('session').some(({ session }) => session.action === SessionAction.ENDED),
    'it goes on without us',
  );
});

test('for each connection the losses that were told are those of its account: what a gap broke is not counted again', () => {
  const stage = new StagedRecorder({ protocols: [unruly] }).handle(
    executed(100, 500),
    opened(),
    moved('sent', 0, '<ab'),
    missing('sent', 3, 4),
    moved('sent', 9, 'T'),
    moved('received', 5, 'late'),
    closed(15, 9, { unsentBytes: 3 }),
  );
  const [, close] = stage.of('connection');
  for (const direction of ['sent', 'received'] as const) {
    const told = stage
      .of('loss')
      .filter(({ loss }) => loss.where === 'connection' && loss.direction === direction)
      .reduce((sum, { loss }) => sum + loss.bytes, 0);
    assert.equal(told, close?.connection[direction].lost, direction);
  }
});

test('segments that disagree are told apart from the bytes that no decoder understood', () => {
  const stage = new StagedRecorder({ protocols: [unruly] }).handle(
    executed(100, 500),
    opened(),
    moved('received', 4, 'abcd'),
    moved('received', 0, '<123XY'),
    closed(0, 8),
  );
  const losses = stage.of('loss').map(({ loss }) => `${loss.where} ${loss.reason} ${loss.bytes}`);
  assert.deepEqual(losses, ['flow conflicting_segments 2']);
});

/** A ClientHello that asks for nobody, and a record under a key that nobody has. */
const HELLO = Buffer.from(`16030300310100002d0303${'11'.repeat(32)}00000413011302010000000000`, 'hex');
const SEALED = Buffer.from(`1703030020${'5a'.repeat(32)}`, 'hex');

function secretDerived(scope: Scope, secret: Buffer): KernelEvent {
  const process = { pid: 100, startNs: 5n };
  const traffic = { kind: 'traffic', label: undefined, clientRandom: undefined, secret } as const;
  return { type: 'secret-derived', atNs: 2000, process, scope, secret: traffic };
}

test('encrypted bytes that stay unread are a finding that names the program, the place and the bytes; equal ones are one', () => {
  const stage = new StagedRecorder().handle(executed(100, 500));
  for (const connectionKey of [42, 43]) {
    stage.handle(
      opened({ connectionKey, remotePort: 443 }),
      moved('sent', 0, Buffer.concat([HELLO, SEALED]), { connectionKey }),
      closed(HELLO.length + SEALED.length, 0, { connectionKey }),
    );
  }
  assert.equal(stage.recorder.writtenUntilNs(9999), 900, 'what is gathered is not written');
  stage.recorder.sweep(10_000);
  const [found, ...others] = stage.of('finding');
  assert.equal(others.length, 0);
  const { kind, subject, events, bytes, attributes } = found!.finding;
  assert.deepEqual([kind, subject, events], ['tls_unreadable', '/bin/100', 2]);
  const accounts = stage.of('connection').map(({ connection }) => connection.sent.unreadable);
  assert.equal(
    bytes,
    accounts.reduce((sum, unreadable) => sum + unreadable, 0),
  );
  assert.ok(bytes >= 2 * SEALED.length);
  assert.equal(attributes['destination'], '10.0.0.2:443');
  assert.equal(found!.connectionId, '');
});

test('of a connection that was never told of, the losses are before its end as well', () => {
  const stage = new StagedRecorder().handle(executed(100, 500), closed(7, 9, { unreadBytes: 2 }), exited(100, 9500));
  assert.deepEqual(stage.order(), [
    'session started',
    'exec 100',
    'loss ring_full 7',
    'loss ring_full 11',
    'connection closed',
    'exit 100',
    'session ended',
  ]);
});

describe('encrypted bytes that stay unread are told with what was known of their program', () => {
  const opensAtNs = 1000;
  const program = { path: '/bin/100', buildId: '', library: 'boringssl', probes: [] };
  const states: Readonly<Record<string, { readonly images: readonly CodeImage[]; readonly heldUs?: number }>> = {
    unknown: { images: [program] },
    'unknown (looked at later)': { images: [{ ...program, lookedAtNs: opensAtNs + 501, isProbed: true }] },
    'unknown (held, and looked at later)': {
      images: [{ ...program, lookedAtNs: opensAtNs + 200_000_001, isProbed: true }],
      heldUs: 200_000,
    },
    'unknown (a library)': {
      images: [
        { ...program, library: '', lookedAtNs: 1 },
        { ...program, path: '/lib/x.so' },
      ],
    },
    no_tls_found: { images: [{ ...program, library: '', lookedAtNs: 1 }] },
    not_readable: { images: [{ ...program, lookedAtNs: 1, isProbed: false }] },
    probed: { images: [{ ...program, lookedAtNs: 1, isProbed: true }] },
    'probed (while it was held)': {
      images: [{ ...program, lookedAtNs: opensAtNs + 200_000_000, isProbed: true }],
      heldUs: 200_000,
    },
  };
  for (const [name, { images, heldUs = 0 }] of Object.entries(states))
    test(name, () => {
      const stage = new StagedRecorder({ imagesOf: () => images }).handle(
        executed(100, 500),
        opened({ startedNs: opensAtNs }),
        moved('sent', 0, Buffer.concat([HELLO, SEALED])),
        closed(HELLO.length + SEALED.length, 0, { heldUs }),
      );
      stage.recorder.sweep(10e9);
      assert.equal(stage.of('finding')[0]?.finding.attributes['image_state'], name.split(' ')[0]);
    });
});

test('a secret that nobody took is gone with its session, one of no session at once', () => {
  const kept = Buffer.alloc(32, 1);
  const strange = Buffer.alloc(32, 2);
  const stage = new StagedRecorder().handle(
    executed(100, 500),
    secretDerived(SCOPE, kept),
    secretDerived(OTHER, strange),
  );
  assert.ok(strange.every((byte) => byte === 0));
  assert.ok(kept.every((byte) => byte === 1));
  stage.handle(exited(100, 9500));
  assert.ok(kept.every((byte) => byte === 0));
  stage.recorder.sweep(10_000);
  assert.deepEqual(
    stage.of('loss').map(({ loss }) => [loss.where, loss.reason]),
    [['tls', 'secret_of_no_session']],
  );
});

test('what of a batch is not handled yet is not written, whoever asks in the middle of it', () => {
  const asked: number[] = [];
  const stage: StagedRecorder = new StagedRecorder({
    onSessionStarted: () => asked.push(stage.recorder.writtenUntilNs(9e15)),
  });
  stage.handle(executed(100, 500), opened(), moved('sent', 0, GET), executed(200, 5000, OTHER));
  assert.deepEqual(asked, [500, 500]);
  assert.equal(stage.recorder.writtenUntilNs(9e15), 9e15);
});

test('what a terminal of a connection shows is a line, and what its decoder cut is a loss', () => {
  const protocol: ProtocolDefinition = {
    name: 'shouting',
    detect: () => 'yes',
    create: (_bounds, sink) => {
      const counts = {
        client: { decoded: 0, notUnderstood: 0, cut: 0 },
        server: { decoded: 0, notUnderstood: 0, cut: 0 },
      };
      return {
        push: (from, bytes, at) => {
          counts[from].decoded += bytes.length;
          const events = [{ kind: 'shown', bytes: Buffer.from(bytes), at } as const];
          sink.terminal({ terminal: '7', columns: 80, rows: 24, events, cutBytes: 9 });
        },
        gap: () => {},
        end: () => {},
        counts,
        heldBytes: 0,
      };
    },
  };
  const stage = new StagedRecorder({ protocols: [protocol] }).handle(
    executed(100, 500),
    opened(),
    moved('received', 0, 'hello'),
    closed(0, 5),
  );
  const [line] = stage.of('terminal');
  const connectionId = stage.of('connection')[0]?.connectionId;
  assert.equal(Buffer.from(line!.terminal.output).toString(), 'hello');
  assert.deepEqual(
    [line?.terminal.kind, line?.terminal.name, line?.terminal.terminalId, line?.connectionId, line?.sessionId],
    ['shouting', '7', `${connectionId}-7`, connectionId, 'session-1'],
  );
  assert.deepEqual(
    stage.of('loss').map(({ loss }) => `${loss.reason} ${loss.bytes}`),
    ['terminal_cut 9'],
  );
});
