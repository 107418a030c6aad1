// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Asciicast } from './asciicast.ts';
import { Pace, waitMs } from './pace.ts';
import { parsePlace, positive } from './span.ts';
import { momentsOf } from './terminal-moments.ts';

const row = (timing: unknown, input = '', output = '') => ({
  time_ns: '1000000000',
  timing: typeof timing === 'string' ? timing : JSON.stringify(timing),
  input_base64: Buffer.from(input).toString('base64'),
  output_base64: Buffer.from(output).toString('base64'),
});

describe('moments of a terminal', () => {
  it('come in order, each with its bytes', () => {
    const timing = [
      [0, 'o', 2],
      [5, 'i', 1],
      [7, 'h', 9],
      [8, 'r', '100x40'],
      [10, 'o', 3],
    ];
    const said = momentsOf(row(timing, 'x', '$ abc')).map((one) => [
      one.atNs - 1_000_000_000n,
      one.what,
      'bytes' in one ? one.bytes.toString() : 'count' in one ? one.count : `${one.columns} ${one.rows}`,
    ]);
    assert.deepEqual(said, [
      [0n, 'shown', '$ '],
      [5000n, 'typed', 'x'],
      [7000n, 'hidden', 9],
      [8000n, 'resized', '100 40'],
      [10_000n, 'shown', 'abc'],
    ]);
  });

  it('of a timing that is none, all bytes still come out', () => {
    for (const timing of ['', 'no json', '{}', '[[1,"o",-5],["x"],[null,"o",2],[3,"r","80"]]', '[[-5,"o",1e99]]']) {
      const said = momentsOf(row(timing, 'in', 'out'));
      assert.deepEqual(said.map(({ what }) => what).sort(), ['shown', 'typed'], timing);
    }
  });
});

describe('asciicast', () => {
  it('is a header and events; characters that were cut come whole', () => {
    const cast = new Asciicast({ columns: 0, rows: 0, startNs: 1_500_000_000_000n, title: 't', shell: '/bin/sh' });
    const header = JSON.parse(cast.header) as Record<string, unknown>;
    assert.deepEqual([header['version'], header['width'], header['height'], header['timestamp']], [2, 80, 24, 1500]);
    const euro = Buffer.from('€\u001b]0;x\u0007');
    const lines = [
      cast.lineOf({ what: 'shown', atNs: 1_500_000_000_000n, bytes: euro.subarray(0, 1) }),
      cast.lineOf({ what: 'shown', atNs: 1_500_250_000_000n, bytes: euro.subarray(1) }),
      cast.lineOf({ what: 'hidden', atNs: 1_500_250_000_000n, count: 3 }),
      cast.lineOf({ what: 'resized', atNs: 1_501_000_000_000n, columns: 90, rows: 30 }),
    ];
    assert.deepEqual(lines, [undefined, '[0.25,"o","€"]', undefined, '[1,"r","90x30"]']);
  });
});

describe('the pace', () => {
  const usual = { speed: 1, idleMax: Number.POSITIVE_INFINITY, isImmediate: false };

  it('is that of the session, faster, with pauses cut', () => {
    assert.equal(waitMs(0n, 4_000_000_000n, usual), 4000);
    assert.equal(waitMs(0n, 4_000_000_000n, { ...usual, speed: 4 }), 1000);
    assert.equal(waitMs(0n, 4_000_000_000n, { ...usual, speed: 4, idleMax: 2 }), 500);
    assert.equal(waitMs(0n, 4_000_000_000n, { ...usual, isImmediate: true }), 0);
    assert.equal(waitMs(5n, 4n, usual), 0);
  });

  it('pauses until it is told to go on, and ends', async () => {
    const pace = new Pace({ ...usual, isImmediate: true });
    assert.equal(await pace.until(0n), true);
    pace.key(' ');
    const paused = pace.until(1n);
    pace.key(' ');
    assert.equal(await paused, true);
    const far = new Pace(usual);
    await far.until(0n);
    const waiting = far.until(3_600_000_000_000n);
    far.key('q');
    assert.equal(await waiting, false);
    assert.equal(far.isInterrupted, false);
  });
});

describe('keys', () => {
  const slow = { speed: 1, idleMax: Number.POSITIVE_INFINITY, isImmediate: false };
  const HOUR_NS = 3_600_000_000_000n;

  it('show what comes next at once, one moment for each, also while it is paused', async () => {
    const pace = new Pace(slow);
    await pace.until(0n);
    const waiting = pace.until(HOUR_NS);
    pace.key('.');
    assert.equal(await waiting, true);
    pace.key(' ');
    const paused = pace.until(2n * HOUR_NS);
    pace.key('.');
    assert.equal(await paused, true);
    let isShown = false;
    const next = pace.until(2n * HOUR_NS).then(() => {
      isShown = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isShown, false);
    pace.key(' ');
    await next;
  });

  it('make it faster and slower', async () => {
    const pace = new Pace(slow);
    await pace.until(0n);
    for (let i = 0; i < 12; i++) pace.key('+');
    // A second of the recording is a millisecond.
    assert.equal(await pace.until(1_000_000_000n), true);
    for (let i = 0; i < 30; i++) pace.key('-');
    const waiting = pace.until(61_000_000_000n);
    pace.key('.');
    assert.equal(await waiting, true);
  });
});

describe('places', () => {
  it('are seconds, durations or times', () => {
    assert.deepEqual(parsePlace('90'), { afterNs: 90_000_000_000n });
    assert.deepEqual(parsePlace('1m30.5s'), { afterNs: 90_500_000_000n });
    assert.deepEqual(parsePlace('2026-01-31T08:00:00Z'), { unixNs: 1_769_846_400_000_000_000n });
    assert.deepEqual(parsePlace('2026-01-31 08:00:00'), { unixNs: 1_769_846_400_000_000_000n });
    for (const wrong of ['', 'soon', '1x', '-3', '1e99']) assert.throws(() => parsePlace(wrong), /Write 90/, wrong);
    for (const wrong of ['0', '-1', 'x', '', '1e9'])
      assert.throws(() => positive(1000)(wrong), /number above 0/, wrong);
  });
});
