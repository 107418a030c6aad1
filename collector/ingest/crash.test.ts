// SPDX-License-Identifier: Apache-2.0

/**
 * The collector and its engine, killed again and again under load: nothing that was acknowledged is missing, nothing is
 * there twice, and every alert is there once and reaches the webhook.
 *
 * SWORN_TEST_CRASHES sets how many times (default 20).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import type { ActivityProperties } from '../model/activity.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { encodeBatch } from '../testing/batch-maker.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, temporaryFolder } from '../testing/test-collector.ts';
import { type AgentCertificate, LocalTrust } from '../trust/certificates.ts';

const CRASHES = Number(process.env['SWORN_TEST_CRASHES'] ?? 20);
const AGENTS = 3;
const BATCH = 50;
/** One activity in so many is a DELETE without WHERE. */
const ALERT_EVERY = 37;
const ALIVE_MS_MAX = 700;

const stateDir = temporaryFolder();
const configPath = join(stateDir, 'collector.yaml');
const seed = Number(process.env['SWORN_TEST_SEED'] ?? Date.now() % 1_000_000);

/** The same kills for the same seed (mulberry32). */
function randomFrom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function activityAt(seq: number): ActivityProperties {
  if (seq % ALERT_EVERY !== 0) return makeActivity(seq);
  const command = {
    protocol: 'postgresql',
    operation: 'DELETE',
    statement: 'DELETE FROM a',
    status: 1,
    attributes: { unbounded: 'true' },
  };
  return { ...makeActivity(20), seq, command };
}

interface Running {
  readonly process: ChildProcess;
  readonly ingestPort: number;
  readonly apiUrl: string;
  readonly exited: Promise<void>;
}

function startCollectorProcess(): Promise<Running> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), '--config', configPath], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    createInterface({ input: child.stderr! }).on('line', (line) => {
      said.push(line);
      if (said.length > 20) said.shift();
      if (!line.includes('the collector is ready')) return;
      const { ingest, api } = JSON.parse(line) as { ingest: string; api: string };
      resolve({ process: child, ingestPort: Number(ingest.split(':').at(-1)), apiUrl: api, exited });
    });
    child.once('exit', (code, signal) => reject(new Error(`not ready: ${code} ${signal}\n${said.join('\n')}`)));
  });
}

/** The engine of a collector: its only child. */
function engineOf(parent: number): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) return Number(name);
    } catch {
      // It has gone meanwhile.
    }
  }
  return undefined;
}

/** Delivers for ever: connects, asks where to go on, sends, and starts over when the stream ends. */
class Deliverer {
  readonly certificate: AgentCertificate;
  acknowledged = 0;
  port = 0;
  #stopAt = Number.POSITIVE_INFINITY;

  constructor(certificate: AgentCertificate) {
    this.certificate = certificate;
  }

  /** Send on to this seq, and no further. */
  stopAt(seq: number): void {
    this.#stopAt = seq;
  }

  async run(): Promise<void> {
    while (this.acknowledged < this.#stopAt) {
      const agent = new TestAgent(this.port, this.certificate);
      try {
        const storedSeq = await agent.hello();
        assert.ok(storedSeq >= this.acknowledged, `acknowledged ${this.acknowledged}, welcomed at ${storedSeq}`);
        for (let seq = storedSeq + 1; seq <= this.#stopAt; ) {
          const count = Math.min(BATCH, this.#stopAt - seq + 1);
          agent.send(encodeBatch(Array.from({ length: count }, (_, at) => activityAt(seq + at))));
          seq += count;
          // A few batches are on their way at any time.
          if ((seq - 1) % (4 * BATCH) < BATCH) await agent.stored(seq - 1 - 2 * BATCH);
          this.acknowledged = Math.max(this.acknowledged, agent.storedSeq);
        }
        await agent.stored(this.#stopAt);
        this.acknowledged = this.#stopAt;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        this.acknowledged = Math.max(this.acknowledged, agent.storedSeq);
        await new Promise((resolve) => setTimeout(resolve, 20));
      } finally {
        agent.close();
      }
    }
  }
}

describe('crashes', () => {
  const delivered = new Map<string, number>();
  const webhook = createServer((request, response) => {
    const id = String(request.headers['sworn-alert-id']);
    request.resume().on('end', () => {
      delivered.set(id, (delivered.get(id) ?? 0) + 1);
      response.end();
    });
  });

  before(async () => {
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    const secretFile = join(stateDir, 'webhook.secret');
    writeFileSync(secretFile, 'a secret for this test only');
    const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`;
    const config = {
      state_dir: stateDir,
      ingest: { listen: '127.0.0.1:0', insert_interval_ms: 5 },
      api: { listen: '127.0.0.1:0' },
      alerts: { webhooks: [{ name: 'test', url, secret_file: secretFile }] },
    };
    writeFileSync(configPath, stringify(config));
  });
  after(() => {
    webhook.close();
    webhook.closeAllConnections();
    removeFolder(stateDir);
  });

  it(`loses and doubles nothing in ${CRASHES} kills (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    let running = await startCollectorProcess();
    const trust = new LocalTrust(join(stateDir, 'trust'));
    const deliverers = await Promise.all(
      Array.from({ length: AGENTS }, async (_, at) => {
        const deliverer = new Deliverer(await trust.issueAgentCertificate(`agent-${at}`, { now: new Date() }));
        deliverer.port = running.ingestPort;
        return deliverer;
      }),
    );
    const delivering = deliverers.map((deliverer) => deliverer.run());
    for (let crash = 0; crash < CRASHES; crash++) {
      await new Promise((resolve) => setTimeout(resolve, random() * ALIVE_MS_MAX));
      const engine = engineOf(running.process.pid!);
      if (random() < 0.3 && engine !== undefined) {
        // The engine alone: the collector goes on, and with it the streams.
        process.kill(engine, 'SIGKILL');
        continue;
      }
      process.kill(running.process.pid!, 'SIGKILL');
      await running.exited;
      running = await startCollectorProcess();
      for (const deliverer of deliverers) deliverer.port = running.ingestPort;
    }
    const ends = deliverers.map(({ acknowledged }) => acknowledged + 500);
    for (const [at, deliverer] of deliverers.entries()) deliverer.stopAt(ends[at]!);
    await Promise.all(delivering);

    const token = readFileSync(join(stateDir, 'api-token'), 'utf8').trim();
    const ask = async <Row>(sql: string): Promise<Row[]> => {
      const response = await fetch(`${running.apiUrl}/v1/query`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ sql, format: 'JSONEachRow' }),
      });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row);
    };
    const rows = await ask<{ agent_id: string; c: string; d: string; lowest: string; highest: string }>(
      'SELECT agent_id, count() AS c, uniqExact(seq) AS d, min(seq) AS lowest, max(seq) AS highest FROM activities GROUP BY agent_id ORDER BY agent_id',
    );
    let alertsExpected = 0;
    for (const row of rows) {
      // No hole and nothing twice: as many rows as numbers as the highest number; the collector's own record too.
      assert.deepEqual([row.c, row.d, row.lowest], [row.highest, row.highest, '1'], row.agent_id);
    }
    for (const [at, { certificate }] of deliverers.entries()) {
      const row = rows.find(({ agent_id }) => agent_id === certificate.agentId);
      assert.equal(Number(row?.highest), ends[at], 'what was acknowledged is there, and nothing that was never sent');
      alertsExpected += Math.floor(ends[at]! / ALERT_EVERY);
    }
    const [alerts] = await ask<{ c: string; d: string; about: string }>(
      'SELECT count() AS c, uniqExact(alert_id) AS d, uniqExact((matched_agent_id, matched_seq)) AS about FROM alerts',
    );
    assert.deepEqual(alerts, { c: String(alertsExpected), d: String(alertsExpected), about: String(alertsExpected) });

    const ids = await ask<{ alert_id: string }>('SELECT alert_id FROM alerts');
    const deadline = Date.now() + 30_000;
    while (!ids.every(({ alert_id }) => delivered.has(alert_id))) {
      assert.ok(Date.now() < deadline, `${delivered.size} of ${ids.length} alerts were delivered`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(
      [...delivered.keys()].every((id) => ids.some(({ alert_id }) => alert_id === id)),
      'no alert that is not stored',
    );
    running.process.kill('SIGTERM');
    await running.exited;
  });
});
