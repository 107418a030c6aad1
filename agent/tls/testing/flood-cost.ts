// SPDX-License-Identifier: Apache-2.0

/**
 * What do secrets cost that are nobody's? `bin/node agent/tls/testing/flood-cost.ts` prints the CPU seconds of 200
 * connections that wait while their session has 4096 secrets without names: those that are there already, and those that
 * come one by one, each told to all connections.
 */
import { randomBytes } from 'node:crypto';
import { readTlsCaptures } from '../capture/tls-capture.ts';
import { SecretPool } from '../secret-pool.ts';
import { TlsLayer } from '../tls-layer.ts';

const CONNECTIONS = 200;
const SECRETS = 4096;
const BURST_NS = 1e9;
const SILENT = { data() {}, gap() {}, unreadable() {} };

const capture = readTlsCaptures().find(({ name }) => name === 'node-1.3-aes_128_gcm_sha256')!;

function add(pool: SecretPool, atNs: number): void {
  pool.add({ kind: 'traffic', label: undefined, clientRandom: undefined, secret: randomBytes(32) }, 1, atNs);
}

function open(pool: SecretPool, atNs: number): TlsLayer {
  const store = pool.storeFor(() => [1]);
  const layer = new TlsLayer(SILENT, store, { late: false });
  for (const step of capture.script) if (step.kind === 'bytes') layer.push(step.from, step.bytes, atNs);
  return layer;
}

/** Each second until nothing waits any longer. */
function sweep(pool: SecretPool, layers: readonly TlsLayer[]): void {
  for (let atNs = 2 * BURST_NS; atNs < 10e9; atNs += 1e9) {
    pool.expire(atNs);
    for (const layer of layers) layer.expire(atNs);
  }
}

measure('secrets that are there when the connections begin', (pool) => {
  for (let i = 0; i < SECRETS; i++) add(pool, 0);
  sweep(
    pool,
    Array.from({ length: CONNECTIONS }, () => open(pool, BURST_NS / 2)),
  );
});

measure('secrets that come while the connections wait', (pool) => {
  const layers = Array.from({ length: CONNECTIONS }, () => open(pool, 0));
  for (let i = 0; i < SECRETS; i++) {
    const atNs = (i * BURST_NS) / SECRETS;
    add(pool, atNs);
    for (const layer of layers) layer.secretsChanged(atNs);
  }
  sweep(pool, layers);
});

function measure(what: string, work: (pool: SecretPool) => void): void {
  const before = process.cpuUsage();
  work(new SecretPool());
  const { user, system } = process.cpuUsage(before);
  console.log(`${what}: ${((user + system) / 1e6).toFixed(1)} s`);
}
