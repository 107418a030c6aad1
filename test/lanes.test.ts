// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { inLanes, isForgotten, type Need, needOf } from './lanes.ts';

const FILES = [
  'agent/flow/stream.test.ts',
  'cli/audit/bundle.test.ts',
  'native/test/tcp.test.ts',
  'native/test/udp.test.ts',
  'proto/leaf.test.ts',
  'test/runtimes/runtimes.test.ts',
];

describe('lanes', () => {
  for (const lanes of [1, 2, 4]) {
    it(`run every file once, ${lanes} at a time and one of the kernel`, async () => {
      const running = new Set<string>();
      const begun: string[] = [];
      const atOnce = { files: 0, kernel: 0 };
      await inLanes(FILES, lanes, async (path) => {
        begun.push(path);
        running.add(path);
        const needs = [...running].map(needOf);
        atOnce.files = Math.max(atOnce.files, needs.length);
        atOnce.kernel = Math.max(atOnce.kernel, needs.filter((need) => need === 'kernel').length);
        for (let turns = FILES.indexOf(path); turns >= 0; turns--) await turn();
        running.delete(path);
      });
      assert.deepEqual(begun.toSorted(), FILES);
      assert.equal(begun[0], 'native/test/tcp.test.ts');
      assert.deepEqual(atOnce, { files: Math.min(lanes, 4), kernel: 1 });
    });
  }

  it('fail when a file cannot be run', async () => {
    await assert.rejects(
      inLanes(FILES, 2, () => Promise.reject(new Error('no memory'))),
      /no memory/,
    );
  });

  it('have a need for each part of the tree', () => {
    const needs: readonly (readonly [path: string, need: Need])[] = [
      ['test/oracle/http/curl.test.ts', 'kernel'],
      ['test/oracle/log/tiles.test.ts', 'processes'],
      ['deploy/systemd/sandbox.test.ts', 'kernel'],
      ['cli/commands/run.test.ts', 'agent'],
      ['native/test/rustls-client.test.ts', 'build'],
      ['cli/commands/query.test.ts', 'processes'],
      ['agent/protocol/http1/decoder.test.ts', 'little'],
    ];
    for (const [path, need] of needs) assert.equal(needOf(path), need, path);
  });

  it('know a file that starts an agent by what it asks, wherever it lies', () => {
    // Put together, so that this file does not ask.
    const text = `test('records', { skip: ${'whyNoRecording'}() }, async () => {});`;
    assert.equal(isForgotten('agent/flow/new.test.ts', text), true);
    assert.equal(isForgotten('test/oracle/new/new.test.ts', text), false);
    assert.equal(isForgotten('agent/flow/new.test.ts', 'test();'), false);
  });
});
