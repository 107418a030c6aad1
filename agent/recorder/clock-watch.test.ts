// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadAddon } from '../source/ebpf/addon.ts';
import { attributesOf, type ClockReading, ClockWatch, readAtOnce } from './clock-watch.ts';

const SECOND_NS = 1_000_000_000n;

/** Clocks of a host on which a second passes with each look. */
function host() {
  const now = { bootNs: 5_000n * SECOND_NS, wallNs: 1_700_000_000n * SECOND_NS, monotonicNs: 4_000n * SECOND_NS };
  const pass = (ns: bigint, { asleep = false } = {}) => {
    now.bootNs += ns;
    now.wallNs += ns;
    if (!asleep) now.monotonicNs += ns;
  };
  return { now, pass, read: (): ClockReading => ({ ...now }) };
}

describe('clocks against each other', () => {
  it('says nothing while time passes', () => {
    const { pass, read } = host();
    const watch = new ClockWatch(read);
    for (let second = 0; second < 100; second++) {
      pass(SECOND_NS);
      assert.deepEqual(watch.look(), []);
    }
  });

  for (const [what, offsetNs] of [
    ['ahead', 3_600n * SECOND_NS],
    ['back', -3_600n * SECOND_NS],
  ] as const) {
    it(`tells a wall clock that was set ${what}, once, with the time before and after`, () => {
      const { now, pass, read } = host();
      const watch = new ClockWatch(read);
      pass(SECOND_NS);
      const before = now.wallNs;
      now.wallNs += offsetNs;
      const [news, ...more] = watch.look();
      assert.deepEqual(more, []);
      assert.deepEqual(news, {
        kind: 'clock-jumped',
        sinceNs: Number(5_000n * SECOND_NS),
        untilNs: Number(5_001n * SECOND_NS),
        beforeUnixNs: before,
        afterUnixNs: before + offsetNs,
      });
      assert.equal(attributesOf(news!)['offset_ns'], String(offsetNs));
      pass(SECOND_NS);
      assert.deepEqual(watch.look(), []);
    });
  }

  it('adds up steps that are small each', () => {
    const { now, pass, read } = host();
    const watch = new ClockWatch(read);
    const told = [];
    for (let step = 0; step < 5; step++) {
      pass(SECOND_NS);
      now.wallNs -= SECOND_NS / 2n;
      told.push(...watch.look());
    }
    assert.deepEqual(
      told.map((news) => attributesOf(news)['offset_ns']),
      ['-1500000000'],
    );
  });

  it('tells how long the host slept, and no jump of the clock by it', () => {
    const { pass, read } = host();
    const watch = new ClockWatch(read);
    pass(SECOND_NS);
    pass(7_200n * SECOND_NS, { asleep: true });
    const news = watch.look();
    assert.deepEqual(
      news.map(({ kind, sinceNs, untilNs }) => [kind, untilNs - sinceNs]),
      [['suspended', 7_201e9]],
    );
    assert.equal(attributesOf(news[0]!)['length_ns'], String(7_200n * SECOND_NS));
  });

  it('tells both when the clock was also set while the host slept', () => {
    const { now, pass, read } = host();
    const watch = new ClockWatch(read);
    pass(60n * SECOND_NS, { asleep: true });
    now.wallNs += 10n * SECOND_NS;
    assert.deepEqual(
      watch.look().map(({ kind }) => kind),
      ['suspended', 'clock-jumped'],
    );
  });

  it('waits for the next look when the clocks could not be read at one moment', () => {
    const { now, pass, read } = host();
    let readable = true;
    const watch = new ClockWatch(() => (readable ? read() : undefined));
    readable = false;
    now.wallNs += 100n * SECOND_NS;
    pass(SECOND_NS);
    assert.deepEqual(watch.look(), []);
    readable = true;
    assert.equal(watch.look().length, 1);
  });

  it('reads the clocks of this host as the kernel has them', () => {
    const { readClocks } = loadAddon();
    const watch = new ClockWatch(() => readAtOnce(readClocks));
    assert.deepEqual(watch.look(), []);
    const reading = readAtOnce(readClocks)!;
    const wallNs = BigInt(Date.now()) * 1_000_000n;
    assert.ok(wallNs - reading.wallNs < SECOND_NS && reading.wallNs - wallNs < SECOND_NS);
    assert.ok(reading.bootNs >= reading.monotonicNs);
  });
});
