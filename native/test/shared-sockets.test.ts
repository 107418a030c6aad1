// SPDX-License-Identifier: Apache-2.0

/** Sockets that come to a process by another way than its own call: inherited, passed on, or open before it was watched. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';
import { actsOf, assertExact, assertOnce, connectionOf, otherEnd, slotOf, slotsOf } from './slot-report.ts';
import { scratchFolder, trigger } from './trigger.ts';

const CONNECTED = [
  'socket 0 tcp4',
  'bind 0 127.0.0.1 0',
  'listen 0',
  'socket 1 tcp4',
  'connect 1 127.0.0.1 =0',
  'accept 0 2',
];

describe('sockets of several processes', unless('bpf', 'gcc'), () => {
  let observer: Observer;
  let files = 0;
  const file = (): string => join(scratchFolder(), `shared-${++files}`);

  before(async () => {
    observer = await Observer.open({ timing: { sweepMs: 50, rescanMs: 100 } });
  });
  after(async () => {
    await observer?.close();
  });

  const act = (...acts: string[]): Promise<Run> => observer.run(trigger('act'), acts);

  for (const [name, open] of [
    ['TCP', CONNECTED],
    ['unix', ['pair 1 2 stream']],
  ] as const) {
    test(`${name}: a child goes on with what it inherited; each byte has the process that sent it`, async () => {
      const run = await act(
        ...open,
        'send 1 1000 write',
        'child send 1 2000 write;send 1 500 writev',
        'send 1 300 write',
        'receive 2 3800 read',
        'close 1',
      );
      const children = actsOf(run)
        .filter(({ act: what }) => what.startsWith('child'))
        .map(({ result }) => result);
      const reader = slotOf(run, 2);
      const sender = connectionOf(run, slotsOf(run).find(({ slot, pid }) => slot === 1 && pid === run.pid) as never);
      assertOnce(sender);
      sender.settle();
      assert.deepEqual([sender.sent.bytes, sender.sent.gaps], [3800, []]);
      assert.equal(sender.sent.sha256, reader.receivedSha256);
      assert.deepEqual([...sender.sent.pids], [run.pid, children[0]]);
      assertExact(connectionOf(run, reader), reader);
    });
  }

  test('a connection outlives the process that opened it', async () => {
    const run = await act(
      ...CONNECTED,
      'move 1 2 100 write read',
      'report 2',
      'beside sleep 300;move 1 2 900 write read',
      'exit 0',
    );
    const client = connectionOf(run, slotOf(run, 2));
    assertOnce(client);
    for (const connection of run.connections) connection.settle();
    assert.deepEqual(
      run.connections.map(({ sent, received }) => sent.bytes + received.bytes),
      [1000, 1000],
    );
    const sums = run.connections.map(({ sent, received }) => [sent.sha256, received.sha256]);
    assert.deepEqual(sums[0], sums[1]?.toReversed());
  });

  test('a socket that is passed on is the same connection', async () => {
    const run = await act(
      ...CONNECTED,
      'pair 4 5 stream',
      'send 1 400 write',
      'beside got 5 6;send 6 600 write;close 6',
      'give 4 1',
      'join',
      'receive 2 1000 read',
      'close 1',
    );
    const reader = slotOf(run, 2);
    const sender = connectionOf(run, otherEnd(reader));
    assertOnce(sender);
    sender.settle();
    assert.deepEqual([sender.sent.bytes, sender.sent.gaps], [1000, []]);
    assert.equal(sender.sent.sha256, reader.receivedSha256);
    assert.equal(sender.sent.pids.size, 2);
  });

  test('a socket that comes from an outsider is joined late, and exact from then on', async () => {
    const [address, known, sent] = [`@sworn-pass-${process.pid}`, file(), file()];
    const outsider = observer.start(
      trigger('act'),
      [
        ...CONNECTED,
        'move 1 2 5000 write read',
        'socket 4 unix',
        `bind 4 ${address}`,
        'listen 4',
        'accept 4 5',
        'give 5 1',
        `wait ${sent}`,
        'receive 2 800 read',
      ],
      { outside: true },
    );
    await observer.until('the outsider waits', () => actsOf(outsider).some(({ act: what }) => what === 'listen 4'));
    const run = observer.start(trigger('act'), [
      'socket 4 unix',
      `connect 4 ${address}`,
      'got 4 1',
      `wait ${known}`,
      'send 1 800 write',
      `touch ${sent}`,
    ]);
    const passed = () => run.connections.find(({ opened }) => opened?.transport === 'tcp');
    await observer.until('the socket is found', () => passed() !== undefined);
    writeFileSync(known, '');
    assert.equal((await outsider.ended).code, 0);
    await run.finished();
    const connection = passed();
    assert.ok(connection);
    connection.settle();
    assert.equal(connection.opened?.joinedLate, true);
    assert.deepEqual([connection.sent.bytes, connection.sent.gaps, connection.closed?.sentBytes], [800, [], 800]);
    // `take` begins a socket anew in the program that got it.
    assert.equal(connection.sent.sha256, slotOf(run, 1).sentSha256);
  });

  test('a process that is watched while it runs: its sockets are found, exact from then on', async () => {
    const [opened, watched] = [file(), file()];
    const run = observer.start(
      trigger('act'),
      [
        ...CONNECTED,
        'pair 4 5 stream',
        'move 1 2 7000 write read',
        'move 4 5 7000 write read',
        'report 1',
        'report 2',
        'report 4',
        'report 5',
        `touch ${opened}`,
        `wait ${watched}`,
        'move 1 2 300 write read',
        'move 2 1 40 write read',
        'move 4 5 90 write read',
        // Opened while it is watched.
        'pair 6 7 stream',
        'move 6 7 11 write read',
      ],
      { unwatched: true },
    );
    await observer.until('it has its sockets', () => actsOf(run).some(({ act: what }) => what.startsWith('touch')));
    observer.watch(run);
    await observer.until('it has joined', () => run.of('process-joined').length === 1);
    writeFileSync(watched, '');
    await run.finished();

    const [joined] = run.of('process-joined');
    assert.equal(joined?.program?.exe, trigger('act'));
    assert.ok(joined?.program?.argv.includes('move 4 5 7000 write read'));
    for (const slot of [1, 2, 4, 5, 6, 7]) {
      const report = slotOf(run, slot);
      const connection = connectionOf(run, report);
      connection.settle();
      assert.equal(connection.opened?.joinedLate, slot < 6, `slot ${slot}`);
      assert.deepEqual([connection.sent.bytes, connection.sent.gaps], [report.sent, []], `slot ${slot}`);
      assert.deepEqual([connection.received.bytes, connection.received.gaps], [report.received, []], `slot ${slot}`);
      assert.deepEqual(
        [connection.sent.sha256, connection.received.sha256],
        [report.sentSha256, report.receivedSha256],
        `slot ${slot}`,
      );
    }
  });

  test('a process that was watched before its exec: what its program opens is seen from the first byte', async () => {
    // The gate is what is watched. The agent hears of that while the program runs already, and looks for its sockets then.
    for (let i = 0; i < 20; i++) {
      const run = await act('pair 1 2 stream', 'move 1 2 1000 write read');
      for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
    }
  });

  test('sockets that are looked for while the process opens them are told once, and from the first byte', async (t) => {
    const looking = await Observer.open({ timing: { sweepMs: 50, rescanMs: 1 } });
    t.after(() => looking.close());
    const once = [
      'socket 1 tcp4',
      'connect 1 127.0.0.1 =0',
      'accept 0 2',
      'move 1 2 10 write read',
      'close 1',
      'close 2',
    ];
    const acts = [
      'socket 0 tcp4',
      'bind 0 127.0.0.1 0',
      'listen 0',
      ...Array.from({ length: 1000 }, () => once).flat(),
    ];
    const run = await looking.run(trigger('act'), acts);
    assert.equal(run.connections.length, 2000);
    for (const connection of run.connections) {
      assertOnce(connection);
      assert.equal(connection.opened?.startedNs, connection.closed?.startedNs);
    }
  });
});
