// SPDX-License-Identifier: Apache-2.0

/** A way that is taken while nobody empties the ring: it is counted, and told when it is taken twice as often. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { counterMeanings } from '../../agent/source/ebpf/counters.ts';
import { counter } from '../../agent/source/ebpf/layout.generated.ts';
import { unless } from '../../native/test/bpf-host.ts';
import { startGated } from '../../native/test/gated-program.ts';
import { trigger } from '../../native/test/trigger.ts';

const RING_BYTES = 65536;
/** Each takes a way of its own: where one may still find room, three do not. */
const PAIRS = [
  [1, 2],
  [3, 4],
  [5, 6],
];

describe('a ring that is full', unless('bpf', 'gcc'), () => {
  test('a way that finds no room is counted, and the counter becomes a loss', async () => {
    const capture = new (loadAddon().Capture)({ ringBytes: RING_BYTES });
    try {
      const program = startGated(trigger('act'), [
        'socket 0 tcp4',
        'bind 0 127.0.0.1 0',
        'listen 0',
        ...PAIRS.flatMap(([one, other]) => [`socket ${one} tcp4`, `connect ${one} 127.0.0.1 =0`, `accept 0 ${other}`]),
        // More than the ring holds, which nobody reads; then its last bytes.
        `move 1 2 ${RING_BYTES * 4} write read`,
        'chunk 40',
        'move 1 2 4000 write read',
        ...PAIRS.flatMap(([one, other]) => [`move ${one} ${other} 40 splice read`, `close ${one}`, `close ${other}`]),
      ]);
      capture.watch(program.pid, 1, 1n);
      program.open();
      const { code } = await program.ended;
      assert.equal(code, 0);
      const events = capture.counters()[counter.wayRingFull * 2] as number;
      assert.ok(events >= 1 && events <= PAIRS.length, `${events}`);
      assert.equal(counterMeanings[counter.wayRingFull]?.kind, 'loss');
    } finally {
      capture.close();
    }
  });
});
