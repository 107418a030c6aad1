// SPDX-License-Identifier: Apache-2.0

/** When an agent is silent, by clocks of the test. The whole way to the record is in silence.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sworn } from '../../proto/record.ts';
import type { OwnActivity } from '../ingest/own-record.ts';
import type { LastHeard } from '../store/presence-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { PRESENCE_RULES } from './presence-alert.ts';
import { SilenceWatch } from './silence-watch.ts';

const SECOND_MS = 1000;
const SILENCE_MS = 15 * SECOND_MS;
const GRACE_MS = 60 * SECOND_MS;
const HEARTBEAT = { action: 'heartbeat', heartbeatMs: 30 * SECOND_MS } as const;
const STOPPED = { action: 'stopped', heartbeatMs: undefined } as const;

function stage(remembered: LastHeard[] = []) {
  const clock = { monotonicMs: 1_000_000, wallMs: Date.UTC(2026, 10, 23) };
  const told: string[] = [];
  const summaries: string[] = [];
  const ids: string[] = [];
  const world = { storeWorks: true, remembered };
  const metrics = createCollectorMetrics();
  const watch = new SilenceWatch({
    store: {
      lastHeard: async () => {
        if (!world.storeWorks) throw new Error('the store is away');
        return world.remembered;
      },
    },
    collectorId: 'collector',
    record: async (own: readonly OwnActivity[]) => {
      if (!world.storeWorks) throw new Error('the store is away');
      for (const { activity } of own) {
        told.push(`${activity.alert?.ruleId} ${activity.alert?.matchedAgentId}`);
        summaries.push(activity.alert?.summary ?? '');
        ids.push(activity.alert?.alertId ?? '');
      }
    },
    silenceMs: SILENCE_MS,
    graceMs: GRACE_MS,
    metrics,
    log: createLog('silent'),
    monotonicMs: () => clock.monotonicMs,
    wallMs: () => clock.wallMs,
  });
  /** Looks each second, as the timer does. What was told meanwhile. */
  const pass = async (ms: number): Promise<string[]> => {
    for (let passed = 0; passed < ms; passed += SECOND_MS) {
      clock.monotonicMs += SECOND_MS;
      clock.wallMs += SECOND_MS;
      await watch.look();
    }
    return told.splice(0);
  };
  const connect = (agentId: string) => {
    watch.connected({ agentId, host: `host-of-${agentId}` }, 10);
    watch.stored(agentId, 11, HEARTBEAT);
  };
  return { clock, world, watch, pass, connect, summaries, ids, metrics };
}

function remember(agentId: string, changes: Partial<LastHeard> = {}): LastHeard {
  const heardMs = Date.UTC(2026, 10, 22);
  return { agentId, host: 'h', lastSeq: 40, action: 'heartbeat', heardMs, toldRule: '', toldMs: 0, ...changes };
}

describe('agents that are not heard of', () => {
  it('is told when one is gone for longer than it may, once, and that it is back with how long it was away', async () => {
    const { watch, pass, connect, summaries } = stage();
    connect('a');
    watch.gone('a', false);
    assert.deepEqual(await pass(SILENCE_MS - SECOND_MS), []);
    assert.deepEqual(await pass(SECOND_MS), ['agent_silent a']);
    assert.deepEqual(await pass(3600 * SECOND_MS), []);
    assert.equal(watch.absent[0]?.state, 'silent');
    connect('a');
    assert.deepEqual(await pass(SECOND_MS), ['agent_back a']);
    assert.match(summaries.at(-1) ?? '', /back after 01:00:15/);
    assert.deepEqual(watch.absent, []);
  });

  it('says nothing of one that comes back in time', async () => {
    const { watch, pass, connect } = stage();
    connect('a');
    watch.gone('a', false);
    assert.deepEqual(await pass(SILENCE_MS - SECOND_MS), []);
    connect('a');
    assert.deepEqual(await pass(60 * SECOND_MS), []);
  });

  it('tells one that was stopped in order at once, as information', async () => {
    const { watch, pass, connect } = stage();
    connect('a');
    watch.stored('a', 12, STOPPED);
    watch.gone('a', false);
    assert.deepEqual(await pass(SECOND_MS), ['agent_stopped a']);
    assert.deepEqual(await pass(3600 * SECOND_MS), []);
    assert.equal(PRESENCE_RULES.agent_stopped.level, 'informational');
    connect('a');
    assert.deepEqual(await pass(SECOND_MS), ['agent_back a']);
  });

  it('tells one whose stream is open and brings nothing for three heartbeats, and that it goes on', async () => {
    const { watch, pass, connect } = stage();
    connect('a');
    assert.deepEqual(await pass(89 * SECOND_MS), []);
    assert.deepEqual(await pass(SECOND_MS), ['agent_silent a']);
    watch.heard('a');
    assert.deepEqual(await pass(SECOND_MS), ['agent_back a']);
  });

  it('takes the interval that the agent says', async () => {
    const { watch, pass, connect } = stage();
    connect('a');
    watch.stored('a', 12, { action: 'heartbeat', heartbeatMs: 300 * SECOND_MS });
    assert.deepEqual(await pass(899 * SECOND_MS), []);
    assert.deepEqual(await pass(SECOND_MS), ['agent_silent a']);
  });

  it('waits for agents that were told to come again, and for those that try', async () => {
    const { watch, pass, connect } = stage();
    connect('a');
    watch.gone('a', true);
    for (let turn = 0; turn < 20; turn++) {
      assert.deepEqual(await pass(10 * SECOND_MS), []);
      watch.heard('a');
    }
    assert.deepEqual(await pass(90 * SECOND_MS), ['agent_silent a']);
  });

  it('raises no storm after the collector itself was away', async () => {
    const { watch, pass, connect, clock } = stage();
    for (let agent = 0; agent < 100; agent++) connect(`a${agent}`);
    watch.gone('a0', false);
    clock.monotonicMs += 3600 * SECOND_MS;
    clock.wallMs += 3600 * SECOND_MS;
    assert.deepEqual(await pass(GRACE_MS), []);
    for (let agent = 1; agent < 100; agent++) watch.heard(`a${agent}`);
    assert.deepEqual(await pass(SILENCE_MS + SECOND_MS), ['agent_silent a0']);
  });

  it('knows after a restart who was there, gives them time to come, and tells nothing twice', async () => {
    const toldMs = Date.UTC(2026, 10, 22) + 1;
    const { watch, pass, connect } = stage([
      remember('comes'),
      remember('stays-away'),
      remember('stopped-untold', { action: 'stopped' }),
      remember('stopped', { action: 'stopped', toldRule: 'agent_stopped', toldMs }),
      remember('silent', { toldRule: 'agent_silent', toldMs }),
      remember('was-silent-before', { toldRule: 'agent_silent', toldMs: 1 }),
    ]);
    await watch.load();
    assert.deepEqual(await pass(GRACE_MS), []);
    connect('comes');
    assert.deepEqual(await pass(SILENCE_MS), [
      'agent_silent stays-away',
      'agent_stopped stopped-untold',
      'agent_silent was-silent-before',
    ]);
    connect('silent');
    assert.deepEqual(await pass(SECOND_MS), ['agent_back silent']);
  });

  it('gives one silence one id, whichever run of the collector tells it', async () => {
    const [first, second] = [stage([remember('a')]), stage([remember('a')])];
    for (const { watch, pass } of [first, second]) {
      await watch.load();
      assert.deepEqual(await pass(GRACE_MS + SILENCE_MS), ['agent_silent a']);
    }
    assert.deepEqual(first.ids, second.ids);
  });

  it('says nothing of one that delivers to another collector of the same store, until it does not', async () => {
    const { watch, pass, connect, world, clock } = stage();
    connect('a');
    watch.gone('a', false);
    world.remembered = [remember('a', { lastSeq: 12, heardMs: clock.wallMs + 10 * SECOND_MS })];
    assert.deepEqual(await pass(90 * SECOND_MS), []);
    world.remembered = [remember('a', { lastSeq: 13, heardMs: clock.wallMs })];
    assert.deepEqual(await pass(60 * SECOND_MS), []);
    assert.deepEqual(await pass(60 * SECOND_MS), ['agent_silent a']);
  });

  it('tells it when the store takes it', async () => {
    const { watch, pass, connect, world } = stage();
    connect('a');
    watch.gone('a', false);
    world.storeWorks = false;
    assert.deepEqual(await pass(60 * SECOND_MS), []);
    world.storeWorks = true;
    assert.deepEqual(await pass(SECOND_MS), ['agent_silent a']);
    assert.deepEqual(await pass(60 * SECOND_MS), []);
  });

  it('says nothing of streams that end because the collector stops', async () => {
    const { watch, pass, connect } = stage();
    connect('a');
    watch.stop();
    watch.gone('a', false);
    assert.deepEqual(await pass(3600 * SECOND_MS), []);
  });

  it('watches at most ten thousand, forgets those of whom all was told, and counts the others', async () => {
    const { watch, pass, connect, metrics } = stage();
    for (let agent = 0; agent < 10_000; agent++) connect(`a${agent}`);
    connect('one-more');
    assert.match(metrics.registry.text(), /agents_unwatched_total 1\b/);
    watch.gone('a7', false);
    assert.deepEqual(await pass(SILENCE_MS), ['agent_silent a7']);
    connect('one-more');
    watch.gone('one-more', false);
    assert.deepEqual(await pass(SILENCE_MS), ['agent_silent one-more']);
  });

  it('writes an alert that rules and sinks can tell by its id and level', () => {
    assert.deepEqual(Object.keys(PRESENCE_RULES), ['agent_silent', 'agent_stopped', 'agent_back']);
    assert.equal(PRESENCE_RULES.agent_silent.level, 'high');
    assert.equal(sworn.v1.Recorder.Action.ACTION_STOPPED, 2);
  });
});
