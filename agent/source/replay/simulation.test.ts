// SPDX-License-Identifier: Apache-2.0

/**
 * A real run of programs, spoilt in as many ways as there are seeds, through the whole recorder. A failure names its seed:
 *
 *   SWORN_SEED=123 bin/node --test agent/source/replay/simulation.test.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowTableBounds } from '../../flow/flow-table.ts';
import { ConnectionAction, ProcessAction, SessionAction } from '../../model/activity.ts';
import type { ConnectionClosed, KernelEvent } from '../../model/kernel-event.ts';
import { StagedRecorder } from '../../recorder/testing/staged-recorder.ts';
import { ReplaySource } from './replay-source.ts';
import { Chance } from './testing/chance.ts';
import { spoil } from './testing/spoil.ts';

const SEEDS = 250;
const HELD_BYTES_MAX = 16 * 1024 * 1024;

async function recording(): Promise<readonly KernelEvent[]> {
  const source = await ReplaySource.open(new URL('fixture.jsonl', import.meta.url));
  const events: KernelEvent[] = [];
  await source.start((batch) => void events.push(...batch));
  await source.ended;
  return events;
}

/** Runs the events through a recorder, in batches, with sweeps in between. */
function record(events: readonly KernelEvent[], chance: Chance, tableBounds?: FlowTableBounds): StagedRecorder {
  const stage = new StagedRecorder(tableBounds === undefined ? {} : { tableBounds });
  let nowNs = 0;
  for (let from = 0; from < events.length; ) {
    const batch = events.slice(from, from + 1 + chance.below(40));
    from += batch.length;
    nowNs = Math.max(nowNs, ...batch.map(({ atNs }) => atNs));
    stage.handle(...batch);
    assert.ok(stage.recorder.heldBytes < HELD_BYTES_MAX, `${stage.recorder.heldBytes} bytes are held`);
    if (chance.is(0.2)) stage.recorder.sweep(nowNs);
  }
  // Nothing comes any more: ends that were missed are concluded.
  for (let i = 0; i < 12; i++) stage.recorder.sweep(nowNs + i * 1e9);
  stage.recorder.finish(nowNs + 12e9);
  assert.equal(stage.recorder.heldBytes, 0);
  return stage;
}

function commandsOf(stage: StagedRecorder): Map<string, string[]> {
  const commands = new Map<string, string[]>();
  for (const { connectionId, command } of stage.of('command')) {
    const text = JSON.stringify(command, (_, value) => (value instanceof Uint8Array ? [...value].join() : value));
    commands.set(connectionId, [...(commands.get(connectionId) ?? []), text]);
  }
  return commands;
}

function closesOf(stage: StagedRecorder, events: readonly KernelEvent[]): Map<string, ConnectionClosed> {
  const closes = events.filter((event) => event.type === 'connection-closed');
  return new Map(closes.map((close) => [stage.builder.connectionId(close), close]));
}

function once(names: readonly string[], what: string): void {
  const seen = new Set<string>();
  for (const name of names) assert.ok(!seen.has(name) && seen.add(name), `${what} twice: ${name}`);
}

function checkNothingTwice(stage: StagedRecorder): void {
  // Replies whose requests are lost have none, or a guess; one segment may hold several that are equal.
  const asked = stage.of('command').filter(({ command }) => command.requestBytes > 0);
  once(
    asked.map(({ connectionId, timeNs, command }) => `${connectionId} ${timeNs.low} ${command.statement}`),
    'a command',
  );
  once(
    stage.of('connection').map(({ connectionId, connection }) => `${connectionId} ${connection.action}`),
    'a connection',
  );
  const processes = stage.of('process');
  once(
    processes.map(({ processId, timeNs, process }) => {
      const repeats = process.action === ProcessAction.EXEC ? timeNs.low : 0;
      return `${processId} ${process.action} ${repeats}`;
    }),
    'a process',
  );
  once(
    stage.of('session').map(({ sessionId, session }) => `${sessionId} ${session.action}`),
    'a session',
  );
}

function checkAccounts(stage: StagedRecorder, closes: ReadonlyMap<string, ConnectionClosed>): void {
  for (const { connectionId, connection } of stage.of('connection')) {
    if (connection.action !== ConnectionAction.CLOSED) continue;
    for (const direction of ['sent', 'received'] as const) {
      const account = connection[direction];
      const { moved, decoded, notUnderstood, unreadable, cut, lost } = account;
      const about = `${connectionId} ${direction} ${JSON.stringify(account)}`;
      assert.ok(Math.min(...Object.values(account)) >= 0, about);
      assert.equal(decoded + notUnderstood + unreadable + cut + lost, moved, about);
      let lostBytes = 0;
      let laterBytes = 0;
      for (const activity of stage.of('loss')) {
        if (activity.connectionId !== connectionId || activity.loss.where !== 'connection') continue;
        if (activity.loss.direction !== direction) continue;
        if (activity.loss.reason === 'given_up') laterBytes += activity.loss.bytes;
        else lostBytes += activity.loss.bytes;
      }
      assert.equal(lostBytes, lost, `${about}: other losses were told`);
      const close = closes.get(connectionId);
      if (close === undefined) continue;
      const counted = direction === 'sent' ? close.sentBytes : close.receivedBytes + close.unreadBytes;
      assert.equal(moved + laterBytes, counted, `${about}: the counters say ${counted}`);
    }
  }
}

test('a run that nothing happened to is recorded whole, without a loss', async () => {
  const events = await recording();
  const stage = record(events, new Chance(0));
  assert.deepEqual(stage.faults, []);
  assert.equal(stage.of('loss').length, 0);
  checkNothingTwice(stage);
  checkAccounts(stage, closesOf(stage, events));
  const statements = stage.of('command').map(({ command }) => command.statement);
  for (const said of ['GET /one', 'POST /post', 'GET /large?3', 'select 1 / 0;', 'delete from things;']) {
    assert.ok(statements.includes(said), said);
  }
  assert.deepEqual(
    stage.of('session').map(({ session }) => [session.action, session.exitCode]),
    [
      [SessionAction.STARTED, 0],
      [SessionAction.ENDED, 3],
    ],
  );
});

test('whatever happens to a run: nothing twice, nothing lost without a loss, accounts that add up', async () => {
  const events = await recording();
  const whole = commandsOf(record(events, new Chance(0)));
  const wanted = process.env['SWORN_SEED'];
  const seeds = wanted === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(wanted)];
  for (const seed of seeds) {
    try {
      const chance = new Chance(seed);
      const mishaps = {
        drop: chance.is(0.3) ? 0 : chance.next() * 0.2,
        tear: chance.next(),
        double: chance.next() * 0.3,
        overtake: chance.next(),
      };
      const spoiled = spoil(events, chance, mishaps);
      const tight = chance.is(0.3)
        ? { connectionsMax: 1 + chance.below(4), heldBytesMax: chance.below(8000) }
        : undefined;
      const stage = record(spoiled.events, chance, tight);

      assert.deepEqual(stage.faults, []);
      checkNothingTwice(stage);
      checkAccounts(stage, closesOf(stage, spoiled.events));
      const ended = stage.of('session').filter(({ session }) => session.action === SessionAction.ENDED);
      assert.equal(ended.length * 2, stage.of('session').length, 'a session has not ended');

      const unharmed = new Set(events.flatMap((event) => ('connectionKey' in event ? [event.connectionKey] : [])));
      for (const key of spoiled.harmed) unharmed.delete(key);
      const keyOf = new Map(
        events.flatMap((event) =>
          event.type === 'connection-opened' ? [[stage.builder.connectionId(event), event.connectionKey]] : [],
        ) as [string, number][],
      );
      const commands = commandsOf(stage);
      const losses = stage.of('loss');
      for (const [connectionId, expected] of whole) {
        const told = losses.some(
          (loss) => loss.connectionId === connectionId || loss.loss.reason === 'unknown_connection',
        );
        const missed = losses.some(({ loss }) => loss.reason.startsWith('connection-'));
        const got = commands.get(connectionId) ?? [];
        const isWhole = unharmed.has(keyOf.get(connectionId) as number) && tight === undefined;
        if (isWhole) assert.deepEqual(got, expected, 'a connection that nothing was missing of was read otherwise');
        else if (got.length < expected.length) assert.ok(told || missed, `commands are missing, and nothing says so`);
      }
    } catch (error) {
      throw new Error(`with SWORN_SEED=${seed}`, { cause: error });
    }
  }
});
