// SPDX-License-Identifier: Apache-2.0

/** TCP connections, against what the programs at both ends wrote and read: every byte, every end, every way to move bytes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { unless } from './bpf-host.ts';
import { inLossyNetwork } from './lossy-network.ts';
import { type HowToRun, Observer, type Run } from './observer.ts';
import {
  actsOf,
  assertExact,
  assertNothingElse,
  assertOnce,
  connectionOf,
  otherEnd,
  slotOf,
  slotsOf,
} from './slot-report.ts';
import { trigger } from './trigger.ts';

const ECONNRESET = 104;
const ECONNREFUSED = 111;

/** By which calls bytes are sent and received. */
const WAYS = [
  ['write', 'read'],
  ['send', 'recv'],
  ['more', 'recv'],
  ['sendto', 'recvfrom'],
  ['writev', 'readv'],
  ['sendmsg', 'recvmsg'],
  ['sendmmsg', 'recvmmsg'],
  ['sendfile', 'splice'],
  ['splice', 'read'],
  ['zerocopy', 'recvmsg'],
  ['uring', 'uring'],
] as const;

const KINDS = [
  { name: 'IPv4', listener: 'tcp4', bound: '127.0.0.1', client: 'tcp4', to: '127.0.0.1' },
  { name: 'IPv6', listener: 'tcp6', bound: '::1', client: 'tcp6', to: '::1' },
  { name: 'IPv4 to a socket of IPv6', listener: 'tcp6', bound: '::', client: 'tcp4', to: '127.0.0.1' },
  { name: 'IPv4 inside IPv6', listener: 'tcp4', bound: '127.0.0.1', client: 'tcp6', to: '::ffff:127.0.0.1' },
] as const;

/** Slot 1 is connected to slot 2; slot 0 listens. */
function connected({ listener, bound, client, to }: (typeof KINDS)[number] = KINDS[0]): string[] {
  return [
    `socket 0 ${listener}`,
    `bind 0 ${bound} 0`,
    'listen 0',
    `socket 1 ${client}`,
    `connect 1 ${to} =0`,
    'accept 0 2',
  ];
}

describe('TCP', unless('bpf', 'gcc'), () => {
  let observer: Observer;
  const runs: Run[] = [];

  before(async () => {
    observer = await Observer.open();
  });
  after(async () => {
    await observer?.close();
  });

  async function act(acts: readonly string[], how: HowToRun = {}): Promise<Run> {
    const run = await observer.run(trigger('act'), acts, how);
    runs.push(run);
    return run;
  }

  for (const kind of KINDS) {
    test(`${kind.name}: what both ends wrote and read, by every way to do so`, async () => {
      const moves = WAYS.flatMap(([send, receive]) => [
        `move 1 2 70001 ${send} ${receive}`,
        `move 2 1 1 ${send} ${receive}`,
      ]);
      const run = await act([...connected(kind), ...moves, 'close 1', 'close 2', 'close 0']);
      for (const { act: what, result, error } of actsOf(run)) assert.equal(error, 0, `${what}: ${result}`);
      const [client, server] = [slotOf(run, 1), slotOf(run, 2)];
      assert.equal(client.sent, 70001 * WAYS.length);
      assertExact(connectionOf(run, client), client);
      assertExact(connectionOf(run, server), server);
      const { role, localAddress, remoteAddress } = connectionOf(run, client).opened ?? {};
      const address = kind.name === 'IPv6' ? '::1' : '127.0.0.1';
      assert.deepEqual(
        { role, localAddress, remoteAddress },
        { role: 'client', localAddress: address, remoteAddress: address },
      );
      assert.equal(connectionOf(run, server).opened?.role, 'server');
      assert.equal(run.connections.length, 2);
    });
  }

  test('megabytes in both directions, in calls of one byte, of all sizes, and of half a megabyte', async () => {
    const run = await act([
      ...connected(),
      'chunk 1',
      'move 1 2 3000 write read',
      ...[2, 100, 511, 512, 513, 2047, 2049, 8191, 8193, 65535].flatMap((bytes) => [
        `chunk ${bytes}`,
        `move 1 2 ${bytes * 7} write read`,
        `move 2 1 ${bytes * 5} send recv`,
      ]),
      'chunk 524288',
      'move 1 2 5000000 write read',
      'move 2 1 5000000 write read',
    ]);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  });

  test('one end stops writing, the other goes on', async () => {
    const run = await act([
      ...connected(),
      'send 1 1000 write',
      'shut 1 w',
      'receive 2 2000 read',
      'send 2 50000 write',
      'shut 2 w',
      'receive 1 60000 read',
    ]);
    assert.deepEqual([slotOf(run, 2).received, slotOf(run, 1).received], [1000, 50000]);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  });

  test('both directions shut at once, and nothing moved at all', async () => {
    const run = await act([...connected(), 'shut 1 rw', 'shut 2 rw', 'close 1', 'close 2']);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  });

  test('a reset ends both, with the error that the other end got', async () => {
    const run = await act([
      ...connected(),
      'move 1 2 4000 write read',
      'linger 1 0',
      'close 1',
      'receive 2 1 read',
      'close 2',
    ]);
    assert.equal(actsOf(run).find(({ act: what }) => what === 'receive 2 1 read')?.error, ECONNRESET);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
    assert.equal(connectionOf(run, slotOf(run, 2)).closed?.error, ECONNRESET);
  });

  test('what was never read is told, with its bytes', async () => {
    const run = await act([...connected(), 'send 1 9000 write', 'receive 2 300 read', 'close 2', 'close 1']);
    const [client, server] = [slotOf(run, 1), slotOf(run, 2)];
    assertExact(connectionOf(run, client), client);
    const connection = connectionOf(run, server);
    assertOnce(connection);
    connection.settle();
    assert.deepEqual([connection.closed?.receivedBytes, connection.closed?.unreadBytes], [300, 8700]);
    assert.deepEqual([connection.received.bytes, connection.received.gaps], [9000, []]);
    assert.equal(connection.received.sha256, client.sentSha256);
  });

  test('what never left is told', async () => {
    const run = await act([
      ...connected(),
      'option 2 rcvbuf 4096',
      'option 1 sndbuf 65536',
      'fill 1',
      'linger 1 0',
      'close 1',
    ]);
    const client = slotOf(run, 1);
    const connection = connectionOf(run, client);
    assertOnce(connection);
    connection.settle();
    const { sentBytes = 0, unsentBytes = 0 } = connection.closed ?? {};
    assert.equal(sentBytes, client.sent);
    assert.ok(unsentBytes > 0, 'the window was full');
    assert.deepEqual([connection.sent.bytes, connection.sent.gaps], [sentBytes - unsentBytes, []]);
    const server = connectionOf(run, slotOf(run, 2));
    server.settle();
    assert.equal(server.received.sha256.length > 0 && server.received.bytes <= connection.sent.bytes, true);
  });

  test('a refused connect is told once, with its error and where it went', async () => {
    const run = await act(['socket 0 tcp4', 'bind 0 127.0.0.1 0', 'socket 1 tcp4', 'connect 1 127.0.0.1 =0']);
    const [bound] = actsOf(run).filter(({ act: what }) => what.startsWith('bind'));
    assert.equal(actsOf(run).at(-1)?.error, ECONNREFUSED);
    const [connection] = run.connections;
    assert.equal(run.connections.length, 1);
    assert.deepEqual([connection?.opens, connection?.closes], [0, 1]);
    const { failed, error, remotePort, remoteAddress, role } = connection?.closed ?? {};
    assert.deepEqual(
      { failed, error, remotePort, remoteAddress, role },
      { failed: true, error: ECONNREFUSED, remotePort: bound?.result, remoteAddress: '127.0.0.1', role: 'client' },
    );
  });

  test('a connection that nobody accepted is told from both ends', async () => {
    const run = await act([...connected().slice(0, -1), 'send 1 700 write', 'close 0', 'close 1']);
    const client = slotOf(run, 1);
    assertExact(connectionOf(run, client), client);
    const server = connectionOf(run, otherEnd(client));
    assertOnce(server);
    server.settle();
    assert.deepEqual([server.closed?.receivedBytes, server.closed?.unreadBytes], [0, 700]);
    assert.equal(server.received.sha256, client.sentSha256);
  });

  test('bytes that come with the end of the handshake belong to the connection', async () => {
    const run = await act([
      'socket 0 tcp4',
      'option 0 defer-accept 5',
      ...connected().slice(1, -1),
      'send 1 3000 write',
      'accept 0 2',
      'receive 2 3000 read',
    ]);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  });

  test('a socket that is connected again is another connection', async () => {
    const again = (slot: number, bytes: number): string[] => [
      'unspec 1',
      'connect 1 127.0.0.1 =0',
      `accept 0 ${slot}`,
      `move 1 ${slot} ${bytes} write read`,
    ];
    const run = await act([...connected(), 'move 1 2 111 write read', ...again(3, 222), ...again(4, 333), 'close 1']);
    const uses = slotsOf(run).filter(({ slot }) => slot === 1);
    assert.deepEqual(
      uses.map(({ sent }) => sent),
      [111, 222, 333],
    );
    assert.equal(run.connections.length, 6);
    for (const use of uses) assertExact(connectionOf(run, use), use);
    for (const slot of [2, 3, 4]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  });

  test('sockets of a program that is killed end with it', async () => {
    const run = observer.start(trigger('act'), [
      ...connected(),
      'move 1 2 5000 write read',
      'report 1',
      'report 2',
      'sleep 600000',
    ]);
    runs.push(run);
    await observer.until('the program moves bytes', () => slotsOf(run).length === 2);
    run.kill('SIGKILL');
    await run.finished();
    const [client, server] = slotsOf(run);
    for (const report of [client, server]) assertExact(connectionOf(run, report as never), report as never);
  });

  test('what two threads write at once comes in the order in which it left', async () => {
    const run = await act([...connected(), 'threads 1 2 400000']);
    assert.equal(slotOf(run, 2).received, 800000);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
  });

  test('a network that loses packets, and brings some late or twice', unless('netns', 'build'), async () => {
    const acts = [...connected(), 'move 1 2 1500000 write read', 'move 2 1 300000 send recv', 'close 1', 'close 2'];
    const again = (): number => observer.source.health.counters['retransmitted']?.events ?? 0;
    const before = again();
    const run = await observer.run(...inLossyNetwork([trigger('act'), ...acts]));
    runs.push(run);
    assert.deepEqual([slotOf(run, 2).received, slotOf(run, 1).received], [1500000, 300000]);
    for (const slot of [1, 2]) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
    assert.ok(again() > before, 'some of it came again');
  });

  test('nothing was missed, and nothing of others is told, who do the same', async () => {
    const outsider = observer.start(trigger('act'), [...connected(), 'move 1 2 70000 write read'], { outside: true });
    const run = await act([...connected(), 'move 1 2 70000 write read']);
    assert.equal((await outsider.ended).code, 0);
    assert.equal(slotOf(outsider, 1).sent, 70000);
    assert.ok(!observer.events.some((event) => 'process' in event && event.process.pid === outsider.pid));
    assert.equal(run.connections.length, 2);
    assertNothingElse(observer, runs);
  });
});
