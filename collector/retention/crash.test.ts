// SPDX-License-Identifier: Apache-2.0

/**
 * The collector or its engine, killed while it erases: no row ever stands without its payload and without a tombstone, what was
 * announced is carried out, and every leaf still comes out of its row.
 *
 * SWORN_TEST_ERASURE_CRASHES sets how many times (default 6), SWORN_TEST_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { stringify } from 'yaml';
import { leafOf } from '../../proto/leaf.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { encodeBatch } from '../testing/batch-maker.ts';
import { asReceived } from '../testing/full-activities.ts';
import { leafRowsSql, leavesOfRows } from '../testing/leaf-oracle.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, temporaryFolder } from '../testing/test-collector.ts';
import { LocalTrust } from '../trust/certificates.ts';

const CRASHES = Number(process.env['SWORN_TEST_ERASURE_CRASHES'] ?? 6);
const SEED = Number(process.env['SWORN_TEST_SEED'] ?? Date.now() % 1_000_000);
const ROWS_A_ROUND = 400;
const KILL_MS_MAX = 1_500;
const AGENT_ID = 'killed';

/** The same kills for the same seed (mulberry32). */
function randomFrom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Running {
  readonly child: ChildProcess;
  readonly ingestPort: number;
  readonly apiUrl: string;
  readonly exited: Promise<void>;
}

function startProcess(configPath: string): Promise<Running> {
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
      resolve({ child, ingestPort: Number(ingest.split(':').at(-1)), apiUrl: api, exited });
    });
    child.once('exit', (code, signal) => reject(new Error(`not ready: ${code} ${signal}\n${said.join('\n')}`)));
  });
}

/** The engine of a collector: its only child. */
function engineOf(parent: number): number | undefined {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}

it(`erasures survive ${CRASHES} kills (seed ${SEED})`, async (t) => {
  const random = randomFrom(SEED);
  const stateDir = temporaryFolder();
  const configPath = join(stateDir, 'collector.yaml');
  const config = { ingest: { listen: '127.0.0.1:0', insert_interval_ms: 5 }, api: { listen: '127.0.0.1:0' } };
  writeFileSync(configPath, stringify({ state_dir: stateDir, ...config }));
  const certificate = await new LocalTrust(join(stateDir, 'trust')).issueAgentCertificate(AGENT_ID, {
    now: new Date(),
  });
  let running = await startProcess(configPath);
  t.after(async () => {
    running.child.kill('SIGKILL');
    await running.exited;
    removeFolder(stateDir);
  });

  const post = (path: string, token: string, body: object) =>
    fetch(`${running.apiUrl}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${readFileSync(join(stateDir, token), 'utf8').trim()}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    });
  /** Until the engine answers: it may have been killed a moment ago. */
  const ask = async <Row>(sql: string, parameters = {}): Promise<Row[]> => {
    for (let attempt = 1; ; attempt++) {
      const response = await post('/v1/query', 'api-token', { sql, format: 'JSONEachRow', parameters });
      const text = await response.text();
      if (response.ok)
        return text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Row);
      assert.ok(response.status === 503 && attempt < 300, `${response.status}: ${text}`);
      await sleep(50);
    }
  };
  const isTold = async () => {
    const [row] = await ask<{ n: string }>(
      'SELECT count() AS n FROM activities WHERE erasure_seq > 0 AND erasure_seq NOT IN (SELECT seq FROM erasures)',
    );
    assert.equal(row!.n, '0', 'no row is without its payload and without a tombstone');
  };

  const expected: string[] = [];
  let announced = 0;
  for (let round = 0; round < CRASHES; round++) {
    const sessionId = `round-${round}`;
    const agent = new TestAgent(running.ingestPort, certificate);
    const first = (await agent.hello()) + 1;
    assert.equal(first, expected.length + 1);
    const activities = Array.from({ length: ROWS_A_ROUND }, (_, at) => {
      const activity = asReceived({ ...makeActivity(first + at), sessionId });
      activity.leaf = leafOf(activity, AGENT_ID, `host-of-${AGENT_ID}`);
      expected.push(Buffer.from(activity.leaf).toString('hex'));
      return activity;
    });
    agent.send(encodeBatch(activities));
    await agent.stored(expected.length);
    agent.close();

    const erasing = post('/v1/erasures', 'admin-token', { session: sessionId, reason: 'a kill' }).catch(
      () => undefined,
    );
    await sleep(random() * KILL_MS_MAX);
    if (random() < 0.5) {
      running.child.kill('SIGKILL');
      await running.exited;
      await erasing;
      running = await startProcess(configPath);
    } else {
      const engine = engineOf(running.child.pid!);
      if (engine !== undefined) process.kill(engine, 'SIGKILL');
      await erasing;
    }
    await isTold();
    const [tombstone] = await ask<{ seq: string; activities: string }>(
      'SELECT seq, activities FROM erasures WHERE predicate = {predicate:String}',
      { predicate: JSON.stringify({ session: sessionId }) },
    );
    if (tombstone === undefined) continue;
    announced += 1;
    for (let left = -1; left !== 0; await sleep(50)) {
      await isTold();
      const [row] = await ask<{ n: string }>(
        `SELECT toUInt64(${tombstone.activities}) - countIf(erasure_seq = ${tombstone.seq}) AS n FROM activities`,
      );
      left = Number(row!.n);
    }
  }
  const rows = await ask<object>(leafRowsSql(), { agent: AGENT_ID });
  assert.deepEqual(leavesOfRows(rows), expected);
  t.diagnostic(`${announced} of ${CRASHES} erasures were announced before the kill`);
});
