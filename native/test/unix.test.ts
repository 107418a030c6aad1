// SPDX-License-Identifier: Apache-2.0

/**
 * Unix sockets, against what the programs at both ends wrote and read. Where a call shows no buffer, every byte of it is
 * told as missing, with the reason.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { limits } from '../../agent/source/ebpf/layout.generated.ts';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';
import { actsOf, assertExact, assertNothingElse, assertOnce, connectionOf, slotOf } from './slot-report.ts';
import { scratchFolder, trigger } from './trigger.ts';

/** By which calls bytes are sent and received. */
const WAYS = [
  ['write', 'read'],
  ['send', 'recv'],
  ['sendto', 'recvfrom'],
  ['writev', 'readv'],
  ['sendmsg', 'recvmsg'],
] as const;

/** Sent without a buffer that could be seen; received the plain way. */
const UNSEEN_SENDS = ['sendmmsg', 'sendfile', 'splice', 'uring'] as const;
/**
 * What is spliced from a socket passes no tracepoint of sockets (Linux 6.18, sock_splice_read): only the exit of the system
 * call shows it, and otherwise only the end that sent it.
 */
const UNSEEN_RECEIVES = { bySocket: ['recvmmsg', 'uring'], bySyscall: ['recvmmsg', 'splice'] } as const;
/** Of one buffer: native/abi/event.h has a bound of pieces, and one of steps from part to part, which are pieces here. */
const CALL_BYTES_MAX = (limits.unixCallPiecesMax + limits.iovecMax) * limits.bytesLarge;

/** Since Linux 6.3 each socket has a tracepoint; before, the exit of system calls has to do. This kernel can do both. */
for (const unixBySyscall of [false, true]) {
  const by = unixBySyscall ? 'by the exit of system calls' : 'by the tracepoints of sockets';
  describe(`unix sockets, ${by}`, unless('bpf', 'gcc'), () => {
    let observer: Observer;
    const runs: Run[] = [];

    before(async () => {
      // Their ends are found by looking: more often than once a second, so that no test waits for it.
      observer = await Observer.open({ capture: { unixBySyscall }, timing: { sweepMs: 50 } });
    });
    after(async () => {
      await observer?.close();
    });

    async function act(...acts: string[]): Promise<Run> {
      const run = await observer.run(trigger('act'), acts);
      for (const { act: what, error } of actsOf(run)) assert.equal(error, 0, what);
      runs.push(run);
      return run;
    }

    function assertBothExact(run: Run, slots: readonly [number, number]): void {
      for (const slot of slots) assertExact(connectionOf(run, slotOf(run, slot)), slotOf(run, slot));
      assert.equal(run.connections.length, 2);
    }

    for (const type of ['stream', 'seqpacket', 'dgram']) {
      test(`a pair of ${type}: every way to write and read`, async () => {
        // Of packets, one call takes one; a stream also joins and parts them.
        const sizes = type === 'stream' ? ['chunk 5000', 'chunk 65536'] : ['chunk 5000'];
        const moves = WAYS.flatMap(([send, receive]) => [
          `move 1 2 20000 ${send} ${receive}`,
          `move 2 1 1 ${send} ${receive}`,
        ]);
        const run = await act(`pair 1 2 ${type}`, ...sizes.flatMap((size) => [size, ...moves]), 'close 1', 'close 2');
        assertBothExact(run, [1, 2]);
        assert.deepEqual(
          run.connections.map(({ opened }) => [opened?.transport, opened?.role]),
          [
            ['unix', 'unknown'],
            ['unix', 'unknown'],
          ],
        );
      });
    }

    for (const name of ['@sworn test \u00fc', 'a path']) {
      test(`a server at ${name === 'a path' ? name : 'an abstract name'}: both ends and what they are called`, async () => {
        const address =
          name === 'a path' ? join(scratchFolder(), `socket-${unixBySyscall}`) : `@sworn-test-${unixBySyscall}`;
        const run = await act(
          'socket 0 unix',
          `bind 0 ${address}`,
          'listen 0',
          'socket 1 unix',
          `connect 1 ${address}`,
          'accept 0 2',
          'move 1 2 300000 write read',
          'move 2 1 70000 sendmsg recvmsg',
        );
        assertBothExact(run, [1, 2]);
        const [client, server] = [1, 2].map((slot) => connectionOf(run, slotOf(run, slot)).opened);
        assert.deepEqual([client?.role, client?.remoteAddress, client?.localAddress], ['client', address, '']);
        assert.deepEqual([server?.role, server?.localAddress, server?.remoteAddress], ['server', address, '']);
        assert.equal(server?.peerPid, run.pid);
      });
    }

    test('datagrams that are sent to an address', async () => {
      const address = `@sworn-datagrams-${unixBySyscall}`;
      const sends = [1, 2000, 60000].flatMap((bytes) => [
        `datagram 1 ${bytes} ${address}`,
        `receive 0 ${bytes} recvfrom`,
      ]);
      const run = await act('socket 0 unix-dgram', `bind 0 ${address}`, 'socket 1 unix-dgram', ...sends);
      assertBothExact(run, [0, 1]);
    });

    test('a look at bytes that stay does not count', async () => {
      const run = await act('pair 1 2 stream', 'send 1 4000 write', 'peek 2 4000', 'peek 2 10', 'receive 2 4000 read');
      assertBothExact(run, [1, 2]);
    });

    test('what is in the socket at its end was sent, and not received', async () => {
      const run = await act('pair 1 2 stream', 'send 1 5000 write', 'receive 2 1000 read', 'close 1', 'close 2');
      assertBothExact(run, [1, 2]);
      assert.deepEqual([slotOf(run, 1).sent, slotOf(run, 2).received], [5000, 1000]);
    });

    test('ways that show no buffer are told as missing, to the byte', async () => {
      const sends = UNSEEN_SENDS.filter((way) => way !== 'uring' || !unixBySyscall);
      const receives = unixBySyscall ? UNSEEN_RECEIVES.bySyscall : UNSEEN_RECEIVES.bySocket;
      const run = await act(
        'pair 1 2 stream',
        'move 1 2 100 write read',
        ...sends.map((way) => `move 1 2 30000 ${way} read`),
        'move 1 2 100 write read',
        ...receives.map((way) => `move 1 2 30000 write ${way}`),
      );
      const [from, to] = [1, 2].map((slot) => connectionOf(run, slotOf(run, slot)));
      assert.ok(from && to);
      for (const connection of [from, to]) {
        assert.deepEqual([connection.opens, connection.closes, connection.strayBytes], [1, 1, 0]);
        connection.settle();
      }
      assert.deepEqual(
        [from.closed?.sentBytes, to.closed?.receivedBytes],
        [slotOf(run, 1).sent, slotOf(run, 2).received],
      );
      for (const [stream, missing] of [
        [from.sent, 30000 * sends.length],
        [to.received, 30000 * receives.length],
      ] as const) {
        assert.equal(stream.gapBytes, missing);
        assert.deepEqual(new Set(stream.gaps.map(({ reason }) => reason)), new Set(['no_buffer']));
      }
      assert.equal(from.closed?.droppedSentBytes, 30000 * sends.length);
      assert.equal(to.closed?.droppedReceivedBytes, 30000 * receives.length);
    });

    test('of one call beyond the bound, the rest is told as missing', async () => {
      const bytes = CALL_BYTES_MAX + 300_000;
      const run = await act(
        'pair 1 2 stream',
        `option 1 sndbuf ${8 * bytes}`,
        `chunk ${bytes}`,
        `beside receive 2 ${bytes} read`,
        // Waits until all of it is taken: one call.
        `send 1 ${bytes} write`,
        'join',
      );
      const connection = connectionOf(run, slotOf(run, 1));
      connection.settle();
      assert.equal(connection.closed?.sentBytes, bytes);
      const { sent } = connection;
      assert.deepEqual([sent.bytes, sent.gapBytes], [CALL_BYTES_MAX, bytes - CALL_BYTES_MAX]);
      assert.deepEqual(new Set(sent.gaps.map(({ reason }) => reason)), new Set(['too_large']));
    });

    test('two threads that write to one socket at once', async () => {
      const run = await act('pair 1 2 stream', 'threads 1 2 100000');
      const [from, to] = [1, 2].map((slot) => connectionOf(run, slotOf(run, slot)));
      assert.ok(from && to);
      assertExact(to, slotOf(run, 2));
      // Which of two calls came first only the receiver can tell; that nothing is missing can be told of both.
      assertOnce(from);
      from.settle();
      assert.deepEqual([from.sent.bytes, from.sent.gaps, from.sent.conflictBytes], [200000, [], 0]);
    });

    if (unixBySyscall) {
      test('an io_uring, whose calls this way does not see, is a loss', async () => {
        await act('pair 1 2 stream', 'move 1 2 100 uring read');
        await observer.until('the loss', () =>
          observer.events.some((event) => event.type === 'missed' && event.reason === 'io_uring_unseen'),
        );
      });
    } else {
      test('nothing was missed, and nothing of others is told, who do the same', async () => {
        const outsider = observer.start(trigger('act'), ['pair 1 2 stream', 'move 1 2 70000 write read'], {
          outside: true,
        });
        await act('pair 1 2 stream', 'move 1 2 70000 write read');
        assert.equal((await outsider.ended).code, 0);
        assertNothingElse(observer, runs);
      });
    }
  });
}
