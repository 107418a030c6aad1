// SPDX-License-Identifier: Apache-2.0

/** A whole collector and agents that come, go, stop and stay away: what its record and its status say of them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sworn } from '../../proto/record.ts';
import { type ActivityProperties, fromBigInt } from '../model/activity.ts';
import { encodeBatch } from '../testing/batch-maker.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, startTestCollector, type TestCollector, temporaryFolder } from '../testing/test-collector.ts';

const { ACTION_STARTED, ACTION_STOPPED, ACTION_HEARTBEAT } = sworn.v1.Recorder.Action;
const WAIT_MS_MAX = 60_000;

interface Told {
  readonly rule_id: string;
  readonly level: string;
  readonly matched_seq: string;
  readonly host: string;
  readonly alert_id: string;
}

describe('silence in the record', () => {
  const folder = temporaryFolder();
  let collector: TestCollector;
  const open: TestAgent[] = [];

  const start = async () => {
    collector = await startTestCollector(folder, { silence: { seconds: 1, grace_seconds: 0 } });
  };
  before(start);
  after(async () => {
    for (const agent of open) agent.close();
    await collector.stop();
    removeFolder(folder);
  });

  async function connect(agentId: string): Promise<TestAgent> {
    const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate(agentId));
    open.push(agent);
    await agent.hello();
    return agent;
  }

  async function say(agent: TestAgent, action: number, heartbeatSeconds = 30): Promise<void> {
    const seq = agent.storedSeq + 1;
    const time = fromBigInt(BigInt(Date.now()) * 1_000_000n);
    const attributes = { heartbeat_seconds: String(heartbeatSeconds) };
    const activity: ActivityProperties = { seq, timeNs: time, endTimeNs: time, recorder: { action, attributes } };
    agent.send(encodeBatch([activity]));
    await agent.stored(seq);
  }

  const toldOf = (agentId: string) =>
    collector.ask<Told>(
      'SELECT rule_id, level, matched_seq, host, alert_id FROM sworn.alerts WHERE matched_agent_id = {agent:String} ORDER BY seq',
      { agent: agentId },
    );

  async function untilTold(agentId: string, rules: readonly string[]): Promise<Told[]> {
    for (const end = Date.now() + WAIT_MS_MAX; ; await sleep(50)) {
      const told = await toldOf(agentId);
      if (told.length >= rules.length || Date.now() > end) {
        assert.deepEqual(
          told.map(({ rule_id: rule }) => rule),
          rules,
        );
        return told;
      }
    }
  }

  it('has an alert of high level when an agent is cut off, and a note when it is back', async () => {
    const agent = await connect('cut-off');
    await say(agent, ACTION_STARTED);
    await say(agent, ACTION_HEARTBEAT);
    agent.close();
    const [alert] = await untilTold('cut-off', ['agent_silent']);
    assert.deepEqual([alert?.level, alert?.matched_seq, alert?.host], ['high', '2', 'host-of-cut-off']);
    const { absent_agents: absent } = collector.status();
    assert.deepEqual(
      absent.map(({ agent_id: id, state, last_seq: seq }) => [id, state, seq]),
      [['cut-off', 'silent', 2]],
    );
    await connect('cut-off');
    await untilTold('cut-off', ['agent_silent', 'agent_back']);
    assert.deepEqual(collector.status().absent_agents, []);
  });

  it('has a note when an agent is stopped in order', async () => {
    const agent = await connect('in-order');
    await say(agent, ACTION_STARTED);
    await say(agent, ACTION_STOPPED);
    agent.close();
    const [note] = await untilTold('in-order', ['agent_stopped']);
    assert.equal(note?.level, 'informational');
  });

  it('has an alert when an agent is connected and its heart does not beat', async () => {
    const agent = await connect('hung');
    await say(agent, ACTION_STARTED, 1);
    await untilTold('hung', ['agent_silent']);
    await say(agent, ACTION_HEARTBEAT, 1);
    await untilTold('hung', ['agent_silent', 'agent_back', 'agent_silent']);
  });

  it('tells after a restart of the collector what happened meanwhile, and nothing twice', async () => {
    const agent = await connect('over-a-restart');
    await say(agent, ACTION_STARTED);
    await collector.stop();
    agent.close();
    await start();
    await untilTold('over-a-restart', ['agent_silent']);
    await collector.stop();
    await start();
    // The others were told before. One that is told now: when it is, so would they be.
    const other = await connect('told-later');
    await say(other, ACTION_STARTED);
    other.close();
    await untilTold('told-later', ['agent_silent']);
    assert.equal((await toldOf('over-a-restart')).length, 1);
    assert.equal((await toldOf('in-order')).length, 1);
  });
});
