// SPDX-License-Identifier: Apache-2.0

/** What trials cost is bounded for a session of workloads, not for each of its connections alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrafficSecret } from '../model/tls-secret.ts';
import { readTlsCaptures } from './capture/tls-capture.ts';
import { SecretPool } from './secret-pool.ts';
import type { SecretStore } from './secret-store.ts';
import { secretsFor, unlabelled } from './testing/run-layer.ts';
import { TlsLayer, type TlsSink } from './tls-layer.ts';
import { TrialBudget } from './trial-budget.ts';

const CONNECTIONS = 200;
const SECRETS = 4096;
const capture = readTlsCaptures().find(({ name }) => name === 'node-1.3-aes_128_gcm_sha256')!;

/** What connections have asked of the pool. */
class Asked {
  trials = 0;
  offered = 0;

  count(store: SecretStore): SecretStore {
    const offering = (secrets: Iterable<TrafficSecret>) => this.#offering(secrets);
    return {
      ...store,
      get arrivals() {
        return store.arrivals;
      },
      traffic: (query) => offering(store.traffic(query)),
      spendTrials: (trials) => {
        const may = store.spendTrials(trials);
        if (may) this.trials += trials;
        return may;
      },
    };
  }

  *#offering(secrets: Iterable<TrafficSecret>): Iterable<TrafficSecret> {
    for (const secret of secrets) {
      this.offered++;
      yield secret;
    }
  }
}

function noise(n: number): TrafficSecret {
  const secret = Buffer.alloc(32);
  secret.writeUInt32BE(n + 1);
  return { kind: 'traffic', label: undefined, clientRandom: undefined, secret };
}

function open(store: SecretStore, atNs: number, sink: Partial<TlsSink> = {}): TlsLayer {
  const layer = new TlsLayer({ data() {}, gap() {}, unreadable() {}, ...sink }, store, { late: false });
  for (const step of capture.script) if (step.kind === 'bytes') layer.push(step.from, step.bytes, atNs);
  return layer;
}

test('what may be spent comes back with time, up to its bound, and is never more than that', () => {
  const budget = new TrialBudget();
  const all = (nowNs: number): number => {
    let spent = 0;
    while (budget.spend(1, nowNs)) spent++;
    return spent;
  };
  assert.equal(all(0), 16_384);
  assert.equal(all(0.09e9), 0);
  assert.equal(all(1e9), 8192);
  assert.equal(all(1000e9), 16_384);
  assert.equal(budget.spend(1, 1001e9), true);
  assert.equal(budget.spend(20_000, 1001e9), true, 'beyond what is there it is a debt');
  assert.equal(budget.spend(1, 1002e9), false);
  assert.equal(all(1003e9), 3 * 8192 - 1 - 20_000);
  budget.earn();
  assert.equal(all(1003e9), 8, 'a secret that was found brings in some');
});

test('200 connections that wait and 4096 secrets of others: trials are bounded in all, and it is said that they were', () => {
  const asked = new Asked();
  const pool = new SecretPool();
  const reasons = new Set<string>();
  const unreadable = (_: string, reason: string): void => void reasons.add(reason);
  const store = (): SecretStore => asked.count(pool.storeFor(() => [1]));
  const layers = Array.from({ length: CONNECTIONS }, () => open(store(), 1e9, { unreadable }));
  for (let i = 0; i < SECRETS; i++) {
    pool.add(noise(i), 1, 1e9 + i);
    for (const layer of layers) layer.secretsChanged(1e9 + i);
  }
  assert.equal(asked.trials, 16_384);
  // Each was looked at once by each, at most; a portion that comes back is another look.
  assert.ok(asked.offered < 2 * CONNECTIONS * SECRETS, `${asked.offered}`);
  for (let atNs = 2e9; atNs < 8e9; atNs += 1e9) {
    pool.expire(atNs);
    for (const layer of layers) layer.expire(atNs);
  }
  // The last that is spent may be several.
  assert.ok(asked.trials <= 16_384 + 6 * 8192 + 64, `${asked.trials}`);
  assert.ok(reasons.has('trials_exhausted'), [...reasons].join());
});

test('secrets that were there a second before the connection are not of it, and are not tried', () => {
  const asked = new Asked();
  const pool = new SecretPool();
  for (let i = 0; i < SECRETS; i++) pool.add(noise(i), 1, i);
  const said: string[] = [];
  const store = asked.count(pool.storeFor(() => [1]));
  for (const secret of unlabelled(secretsFor(capture))) pool.add(secret, 1, 2e9);
  const layer = open(store, 2e9, { data: (from) => said.push(from), unreadable: (_, reason) => said.push(reason) });
  layer.end(2e9);
  assert.ok(asked.trials < 20, `${asked.trials}`);
  assert.deepEqual(new Set(said), new Set(['client', 'server']));
});

test('a secret that names its connection is tried even when nothing is left to spend', () => {
  const pool = new SecretPool();
  const store = pool.storeFor(() => [1]);
  while (store.spendTrials(1)) {}
  for (const secret of secretsFor(capture)) pool.add(secret, 1, 0);
  const said: string[] = [];
  open(store, 0, { data: (from) => said.push(from), unreadable: (_, reason) => said.push(reason) }).end(0);
  assert.deepEqual(new Set(said), new Set(['client', 'server']));
});

test('who found nothing left to spend goes on when something has come back, and reads', () => {
  const pool = new SecretPool();
  const store = pool.storeFor(() => [1]);
  while (store.spendTrials(1)) {}
  for (const secret of unlabelled(secretsFor(capture))) pool.add(secret, 1, 0);
  const said: string[] = [];
  const layer = open(store, 0, { data: (from) => said.push(from), unreadable: (_, reason) => said.push(reason) });
  assert.deepEqual(said, []);
  pool.expire(1e9);
  layer.expire(1e9);
  layer.end(1e9);
  assert.deepEqual(new Set(said), new Set(['client', 'server']));
});
