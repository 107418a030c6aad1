// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { activityOf, QUIET, type RecordedCollector, startRecordedCollector } from '../testing/recorded-collector.ts';
import { runSworn, type Started, startSworn } from '../testing/run-sworn.ts';

const SELECT = { command: { protocol: 'postgresql', operation: 'SELECT', statement: 'SELECT 1', status: 1 } };
const FAILED = {
  command: { protocol: 'postgresql', operation: 'SELECT', statement: 'SELECT bad', status: 2, errorCode: '42703' },
};
const GET = { command: { protocol: 'http', operation: 'GET', statement: 'GET /', status: 1 } };
const FINDING = { finding: { kind: 'ptrace', subject: '4711', events: 1 } };
const EXEC = { process: { action: 2, argv: ['ls'] } };

describe('sworn tail', () => {
  let recorded: RecordedCollector;
  const started: Started[] = [];
  before(async () => {
    recorded = await startRecordedCollector({ api: { tails_max: 2 } as never });
  });
  after(async () => {
    for (const { child } of started) child.kill('SIGKILL');
    await recorded.stop();
  });

  /** What it prints is read as it comes; the collector knows it when this resolves. */
  async function tail(...words: string[]) {
    const one = startSworn(['tail', ...words], { environment: recorded.environment });
    started.push(one);
    const error = text(one.child.stderr);
    const lines = createInterface({ input: one.child.stdout })[Symbol.asyncIterator]();
    await watched(1);
    return { ...one, error, next: async () => String((await lines.next()).value) };
  }

  async function watched(count: number): Promise<void> {
    const { apiUrl, apiToken } = recorded.collector;
    for (const until = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const answer = await fetch(`${apiUrl}/metrics`, { headers: { authorization: `Bearer ${apiToken}` } });
      const seen = /^sworn_collector_tail_subscribers (\d+)$/m.exec(await answer.text())?.[1] ?? '0';
      if (Number(seen) === count) return;
      assert.ok(Date.now() < until, `${count} tails should be open, and ${seen} are`);
    }
  }

  const deliver = (...details: object[]): Promise<void> =>
    recorded.deliver(details.map((detail) => activityOf(QUIET, 200, 1, detail)));

  it('shows what is stored while it looks, each with who acted', async () => {
    const { child, ended, error, next } = await tail();
    await deliver(SELECT, EXEC, FINDING);
    assert.match(await next(), /^08:00:00\.200 +invoice-agent +node\[4711\] +postgresql +ok .* SELECT 1$/);
    assert.match(await next(), / exec .* ls$/);
    assert.match(await next(), / FINDING +ptrace 4711$/);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [null, 'SIGINT']);
    assert.equal(await error, '');
    await watched(0);
  });

  const filters: [words: string[], kept: RegExp][] = [
    [['--kind', 'process'], / exec /],
    [['--kind', 'finding'], / ptrace 4711$/],
    [['--status', 'error'], /42703 .* SELECT bad/],
    [['--protocol', 'http'], / GET \/$/],
  ];
  for (const [words, kept] of filters) {
    it(`shows only what is asked for: ${words.join(' ')}`, async () => {
      const { child, ended, next } = await tail(...words);
      await deliver(SELECT, FAILED, GET, EXEC, FINDING);
      await deliver(SELECT, FAILED, GET, EXEC, FINDING);
      assert.match(await next(), kept);
      assert.match(await next(), kept);
      child.kill('SIGINT');
      await ended;
      await watched(0);
    });
  }

  it('shows only this identity and this session', async () => {
    const { child, ended, next } = await tail('--identity', 'nobody');
    const other = await (async () => {
      const one = startSworn(['tail', '--session', QUIET, '--identity', 'invoice-agent'], {
        environment: recorded.environment,
      });
      started.push(one);
      await watched(2);
      return one;
    })();
    const line = once(createInterface({ input: other.child.stdout }), 'line');
    await deliver(SELECT);
    assert.match(String((await line)[0]), /SELECT 1$/);
    for (const one of [child, other.child]) one.kill('SIGINT');
    await Promise.all([ended, other.ended]);
    assert.equal(await next(), 'undefined', 'nothing was shown of another identity');
    await watched(0);
  });

  it('gives JSON Lines', async () => {
    const { child, ended, next } = await tail('--json', '--kind', 'command');
    await deliver(FAILED);
    const row = JSON.parse(await next()) as Record<string, unknown>;
    assert.deepEqual([row['kind'], row['error_code'], row['session_id']], ['command', '42703', QUIET]);
    child.kill('SIGINT');
    await ended;
    await watched(0);
  });

  it('ends well when its reader has gone', async () => {
    const one = startSworn(['tail'], { environment: recorded.environment });
    started.push(one);
    one.child.stderr.resume();
    await watched(1);
    one.child.stdout.destroy();
    await deliver(SELECT);
    assert.deepEqual(await one.ended, [0, null]);
    await watched(0);
  });

  it('says when all places are taken', async () => {
    const others = [await tail(), startSworn(['tail'], { environment: recorded.environment })];
    started.push(...others);
    await watched(2);
    const { code, err } = await runSworn(['tail'], { environment: recorded.environment });
    assert.equal(code, 1);
    assert.match(err, /\(tail_busy\)\n.*api\.tails_max/);
    for (const { child } of others) child.kill('SIGINT');
    await Promise.all(others.map(({ ended }) => ended));
    await watched(0);
  });

  it('says when the collector ends it', async () => {
    const { ended, error } = await tail();
    await recorded.collector.stop();
    assert.deepEqual(await ended, [1, null]);
    assert.match(await error, /the collector ended the connection|broke off/);
  });
});
