// SPDX-License-Identifier: Apache-2.0

/**
 * The layout of events is written down once (native/abi/event.h), and what is read by it comes from outside: real events
 * of the kernel side, cut short and damaged in every way, are read to their end or counted, and never past it.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadAddon, table } from '../../agent/source/ebpf/addon.ts';
import { EventReader, type ReadEvent } from '../../agent/source/ebpf/event-reader.ts';
import { event, eventType, limits, probeKind, secret, secretKind } from '../../agent/source/ebpf/layout.generated.ts';
import { STREAM_KINDS } from '../../agent/source/ebpf/stream-watch.ts';
import { Chance } from '../../agent/source/replay/testing/chance.ts';
import { staleLayout } from '../abi/generate.ts';
import { unless } from './bpf-host.ts';
import { startGated } from './gated-program.ts';
import { offsetOf } from './key-log.ts';
import { trigger } from './trigger.ts';

const seed = Number(process.env['SWORN_TEST_SEED'] ?? Date.now() % 1_000_000);
const MUTATIONS = 20_000;
const WAIT_MS_MAX = 60_000;
/** One capture, one session: whose, nobody asks here. */
const SELECTION = 1;
const SESSION_KEY = 1n;

test('the layout that is read by is the one that the compiler gives', unless('build'), () => {
  assert.equal(staleLayout(), false, 'make it anew: bin/node native/abi/generate.ts');
});

describe(`events of the kernel side as bytes (seed ${seed})`, unless('bpf', 'gcc'), () => {
  let sample: Buffer;
  let starts: readonly number[];

  before(async () => {
    const events = await realEvents();
    starts = events.map((_, i) => events.slice(0, i).reduce((sum, one) => sum + one.length, 0));
    sample = Buffer.concat(events);
  });

  test('there is one of each type', () => {
    const types = starts.map((at) => sample.readUInt16LE(at + event.type));
    assert.deepEqual([...new Set(types)].sort(), Object.values(eventType).sort());
    assert.equal(read(sample).unknown, 0);
  });

  test('cut at any place, the events before it are read, and the rest is counted as one', () => {
    for (let length = 0; length <= sample.length; length++) {
      const { events, unknown } = read(sample.subarray(0, length));
      // An event may be followed by bytes that fill it up to a multiple of eight; they say nothing.
      const [lastAt = 0] = starts.filter((at) => at < length).slice(-1);
      const isCut = length > 0 && (length - lastAt < event.structBytes || length < lastAt + sizeAt(lastAt));
      assert.equal(unknown, isCut ? 1 : 0, `cut at ${length}`);
      assert.ok(events.length <= starts.length * 2);
    }
  });

  test('an event that promises more than it has is counted, and those behind it are read', () => {
    for (const at of starts) {
      const { events: before } = read(withoutEvent(at));
      for (let size = event.structBytes; size < sizeAt(at); size++) {
        const damaged = Buffer.concat([
          sample.subarray(0, at),
          resized(at, size),
          sample.subarray(at + padded(sizeAt(at))),
        ]);
        const { events, unknown } = read(damaged);
        assert.equal(unknown, 1, `type ${sample.readUInt16LE(at + event.type)} in ${size} bytes`);
        assert.equal(events.length, before.length);
      }
    }
  });

  test('damaged anywhere, it is read to its end, and nothing from outside of it', () => {
    const chance = new Chance(seed);
    for (let i = 0; i < MUTATIONS; i++) {
      const damaged = Buffer.from(sample);
      for (let n = 1 + chance.below(3); n > 0; n--) damage(damaged, chance);
      for (const one of read(damaged).events) {
        if (one.type !== 'bytes-moved' && one.type !== 'datagram-notice') continue;
        if (one.bytes.length === 0) continue;
        const from = one.bytes.byteOffset - damaged.byteOffset;
        assert.ok(from >= event.structBytes && from + one.bytes.length <= damaged.length, `mutation ${i}`);
      }
    }
  });

  const sizeAt = (at: number): number => sample.readUInt32LE(at + event.size);

  /** The event at `at` with another size in its header, and so many bytes. */
  function resized(at: number, size: number): Buffer {
    const one = Buffer.alloc(padded(size));
    sample.copy(one, 0, at, at + size);
    one.writeUInt32LE(size, event.size);
    return one;
  }

  function withoutEvent(at: number): Buffer {
    return Buffer.concat([sample.subarray(0, at), sample.subarray(at + padded(sizeAt(at)))]);
  }

  /** A bit, a byte, or a number such as lengths are, at its extremes. */
  function damage(bytes: Buffer, chance: Chance): void {
    const at = chance.below(bytes.length - 4);
    switch (chance.below(4)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << chance.below(8));
        return;
      case 1:
        bytes[at] = chance.below(256);
        return;
      case 2:
        bytes.writeUInt16LE(chance.below(2) === 0 ? 0xffff : chance.below(0x10000), at);
        return;
      default:
        bytes.writeUInt32LE([0, 1, 0x7fffffff, 0xffffffff][chance.below(4)] as number, at);
    }
  }
});

function padded(size: number): number {
  return (size + 7) & ~7;
}

function read(bytes: Buffer): { events: ReadEvent[]; unknown: number } {
  const reader = new EventReader(() => masterSecret());
  const events: ReadEvent[] = [];
  reader.read(bytes, events);
  return { events, unknown: reader.unknownEvents };
}

/** What the kernel side's table has behind the event of a secret; it is taken out with it. */
function masterSecret(): Buffer {
  const row = Buffer.alloc(secret.structBytes);
  row.writeUInt16LE(secretKind.master, secret.kind);
  row.writeUInt16LE(limits.secretHasClientRandom, secret.has);
  row.writeUInt16LE(limits.secretBytesMax, secret.secretBytes);
  return row;
}

/** One event of each type, in an order in which they may come. */
async function realEvents(): Promise<Buffer[]> {
  const program = startGated(trigger('act'), [
    'socket 0 tcp4',
    // Then the segment that ends the handshake has bytes.
    'option 0 defer-accept 5',
    'bind 0 127.0.0.1 0',
    'listen 0',
    'socket 1 tcp4',
    'connect 1 127.0.0.1 =0',
    'send 1 300 write',
    'accept 0 2',
    'receive 2 300 read',
    'move 2 1 700 write read',
    'pair 3 4 stream',
    // A way that shows no buffer.
    'move 3 4 100 sendmmsg read',
    // Pages of a pipe: a way that is told of.
    'move 2 1 100 splice read',
    // By its port it is DNS; nobody is there.
    'socket 5 udp4',
    'datagram 5 30 127.0.0.1 53',
    'close 1',
    'close 2',
    'child sleep 0',
    // Longer than what an exec event has room for.
    `sleep 0 ${'x'.repeat(3000)}`,
  ]);
  const capture = new (loadAddon().Capture)({ streamKinds: STREAM_KINDS.terminals_and_pipes });
  capture.readStreams(true);
  const batches: Buffer[] = [];
  capture.start((batch) => void batches.push(Buffer.from(batch)), 20);
  // Images are told of, and nothing waits.
  capture.setHoldMs(0);
  capture.attachProbe(probeKind.opensslKdf, trigger('kdf'), offsetOf(trigger('kdf'), 'EVP_KDF_derive'));
  try {
    for (const one of [program, startGated(trigger('kdf'), ['tls12'])]) {
      capture.watch(one.pid, SELECTION, SESSION_KEY);
      one.open();
      await one.ended;
    }
    const until = Date.now() + WAIT_MS_MAX;
    while (capture.rows(table.processes).length > 0 && Date.now() < until) await sleep(20);
    capture.stop();
    for (let batch = capture.drain(); batch.length > 0; batch = capture.drain()) batches.push(batch);
  } finally {
    capture.close();
  }
  const byType = new Map<number, Buffer>();
  for (const one of batches.flatMap(split)) {
    const type = one.readUInt16LE(event.type);
    if (!byType.has(type)) byType.set(type, one);
  }
  return [...byType.values()];
}

function split(batch: Buffer): Buffer[] {
  const events: Buffer[] = [];
  for (let at = 0; at < batch.length; ) {
    const bytes = padded(batch.readUInt32LE(at + event.size));
    events.push(batch.subarray(at, at + bytes));
    at += bytes;
  }
  return events;
}
