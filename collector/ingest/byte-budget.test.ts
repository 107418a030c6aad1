// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ByteBudget } from './byte-budget.ts';

describe('byte budget', () => {
  it('lets in what fits and holds the rest back, in order', async () => {
    const budget = new ByteBudget(100);
    const order: string[] = [];
    await budget.take(60);
    void budget.take(50).then(() => order.push('first'));
    void budget.take(10).then(() => order.push('second'));
    await nextTurn();
    assert.deepEqual(order, []);
    budget.give(60);
    await nextTurn();
    assert.deepEqual(order, ['first', 'second']);
    assert.equal(budget.used, 60);
  });

  it('lets in what is larger than itself, alone', async () => {
    const budget = new ByteBudget(100);
    await budget.take(10);
    let large = false;
    void budget.take(500).then(() => {
      large = true;
    });
    await nextTurn();
    assert.equal(large, false);
    budget.give(10);
    await nextTurn();
    assert.equal(large, true);
  });
});
