// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRateLimit } from './rate-limit.ts';
import { createHandClock } from './testing/hand-clock.ts';

test('lets a burst through, then so many a second, for each process by itself', () => {
  const clock = createHandClock();
  const limit = createRateLimit({ clock, burst: 3, perSecond: 2 });
  const take = (key: string) => limit.take(key).kind;
  assert.deepEqual([take('a'), take('a'), take('a'), take('a')], ['go', 'go', 'go', 'refuse']);
  assert.equal(take('b'), 'go');
  clock.advance(500);
  assert.deepEqual([take('a'), take('a')], ['go', 'refuse']);
  clock.advance(3_600_000);
  assert.deepEqual([take('a'), take('a'), take('a'), take('a')], ['go', 'go', 'go', 'refuse']);
});

test('records the first refusal, then what came together in ten seconds, and what is left at the end: none is lost', () => {
  const clock = createHandClock();
  const limit = createRateLimit({ clock, burst: 1, perSecond: 0 });
  limit.take('a');
  const refused = () => {
    const turn = limit.take('a');
    return turn.kind === 'refuse' ? turn.recorded : Number.NaN;
  };
  assert.deepEqual([refused(), refused(), refused()], [1, 0, 0]);
  clock.advance(10_000);
  assert.deepEqual([refused(), refused()], [3, 0]);
  assert.deepEqual([...limit.drain()], [['a', 1]]);
  assert.deepEqual([...limit.drain()], []);
});

test('forgets the process it has known longest when there are too many, but not what it has counted', () => {
  const limit = createRateLimit({ clock: createHandClock(), burst: 1, perSecond: 0 });
  for (let times = 0; times < 4; times += 1) limit.take('flood');
  for (let index = 0; index < 10_000; index += 1) limit.take(`process ${index}`);
  assert.deepEqual([...limit.drain()], [['', 2]]);
  assert.equal(limit.take('flood').kind, 'go');
});
