// SPDX-License-Identifier: Apache-2.0

/** Both ends of a connection are recorded, and share the secrets of one session, whoever handed them over and how often. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TrafficSecret } from '../model/tls-secret.ts';
import type { Side } from '../protocol/decoder.ts';
import type { Step } from '../protocol/testing/script.ts';
import { readTlsCaptures, type TlsCapture } from './capture/tls-capture.ts';
import { SecretPool } from './secret-pool.ts';
import { plaintextOf, secretsFor, unlabelled } from './testing/run-layer.ts';
import { TlsLayer } from './tls-layer.ts';

/** Not those of refused early data: what is unreadable by nature. */
const captures = readTlsCaptures().filter(({ name }) => !name.includes('early-data-re'));
const isZero = ({ secret }: { secret: Buffer }): boolean => secret.every((byte) => byte === 0);

class RecordedEnd {
  readonly said: Record<Side, Buffer[]> = { client: [], server: [] };
  readonly layer: TlsLayer;
  readonly #steps: Step[];
  #at = 0;

  constructor(pool: SecretPool, capture: TlsCapture, pid: number) {
    this.#steps = capture.script.filter((step) => step.kind === 'bytes');
    this.layer = new TlsLayer(
      { data: (from, bytes) => this.said[from].push(Buffer.from(bytes)), gap() {}, unreadable() {} },
      pool.storeFor(() => [pid]),
      { late: false },
    );
  }

  push(): void {
    const step = this.#steps[this.#at++];
    if (step?.kind === 'bytes') this.layer.push(step.from, step.bytes, this.#at);
  }

  get isDone(): boolean {
    return this.#at >= this.#steps.length;
  }
}

test('each end is read, whether each secret was handed over once or by both, early or late, with its name or without', () => {
  const given = fc.record({ copies: fc.integer({ min: 1, max: 2 }), after: fc.nat(12) });
  const property = fc.property(
    fc.constantFrom(...captures),
    fc.array(given, { minLength: 8, maxLength: 8 }),
    fc.array(fc.nat(1), { maxLength: 60 }),
    fc.boolean(),
    fc.boolean(),
    (capture, handing, turns, isNamed, endsEarly) => {
      const pool = new SecretPool();
      const ends = [new RecordedEnd(pool, capture, 1), new RecordedEnd(pool, capture, 2)] as const;
      const fresh = () => (isNamed ? secretsFor(capture) : unlabelled(secretsFor(capture)));
      const coming = fresh().flatMap((secret, i) => {
        const { copies, after } = handing[i % handing.length]!;
        const others = Array.from({ length: copies - 1 }, () => fresh()[i]!);
        return [secret, ...others].map((one, n) => ({ one, after: after + 3 * n, pid: 1 + n }));
      });
      const handOver = (until: number): void => {
        for (const { one, pid } of coming.filter(({ after }) => after === until)) {
          pool.add(one, pid, until);
          for (const { layer } of ends) layer.secretsChanged(until);
        }
      };
      // The ClientHello reaches both before anything is encrypted; who is seen first from there on is open.
      for (const end of ends) end.push();
      for (let turn = 0; turn < 200; turn++) {
        handOver(turn);
        ends[turns[turn] ?? turn % 2]!.push();
        if (endsEarly && ends[0].isDone && pool.counts.added > 0 && turn > 20) ends[0].layer.end(turn);
      }
      for (const { layer } of ends) layer.expire(300);
      const plain = plaintextOf(capture);
      for (const { said, layer } of ends) {
        for (const side of ['client', 'server'] as const) assert.ok(Buffer.concat(said[side]).equals(plain[side]));
        layer.end(300);
      }
      const { added, taken, dropped } = pool.counts;
      assert.equal(pool.size, added - taken - dropped);
      assert.equal(pool.size, coming.filter(({ one }) => !isZero(one)).length, 'only what came for nobody is left');
      pool.drop();
      assert.ok(coming.every(({ one }) => isZero(one)));
    },
  );
  fc.assert(property, { numRuns: 300 });
});

function traffic(n: number, clientRandom?: Buffer): TrafficSecret {
  return { kind: 'traffic', label: undefined, clientRandom, secret: Buffer.alloc(32, n) };
}

const RANDOM = Buffer.alloc(32, 9);
const QUERY = { clientRandom: RANDOM, afterArrival: 0, sinceNs: 0 };

test('a copy is kept for the other end only, and is zeros when that end is over', () => {
  const pool = new SecretPool();
  const [one, other, stranger] = [1, 2, 3].map((pid) => pool.storeFor(() => [pid]));
  one!.begin(RANDOM);
  other!.begin(RANDOM);
  stranger!.begin(Buffer.alloc(32, 1));
  const secret = traffic(1);
  pool.add(secret, 1, 0);
  one!.take(secret, RANDOM);
  assert.deepEqual([[...one!.traffic(QUERY)], [...stranger!.traffic(QUERY)]], [[], []]);
  const [copy] = [...other!.traffic(QUERY)] as [TrafficSecret];
  assert.notEqual(copy.secret, secret.secret);
  assert.deepEqual(copy.secret, secret.secret);
  secret.secret.fill(0);
  one!.end(RANDOM);
  assert.ok(!isZero(copy));
  other!.end(RANDOM);
  assert.ok(isZero(copy));
  assert.deepEqual([pool.size, pool.counts], [0, { added: 2, taken: 1, expired: 0, dropped: 1 }]);
});

test('a copy that nobody takes is zeros when its time has passed, and when the end’s own library hands the secret over', () => {
  for (const leaves of [(pool: SecretPool) => pool.expire(61e9), (pool: SecretPool) => pool.add(traffic(1), 2, 1)]) {
    const pool = new SecretPool();
    const [one, other] = [1, 2].map((pid) => pool.storeFor(() => [pid]));
    one!.begin(RANDOM);
    other!.begin(RANDOM);
    const secret = traffic(1);
    pool.add(secret, 1, 0);
    one!.take(secret, RANDOM);
    const [copy] = [...other!.traffic(QUERY)] as [TrafficSecret];
    leaves(pool);
    assert.ok(isZero(copy));
  }
});

test('of a connection that is recorded at one end nothing is kept', () => {
  const pool = new SecretPool();
  const [one, stranger] = [1, 2].map((pid) => pool.storeFor(() => [pid]));
  one!.begin(RANDOM);
  stranger!.begin(Buffer.alloc(32, 1));
  const secret = traffic(1);
  pool.add(secret, 1, 0);
  one!.take(secret, RANDOM);
  assert.deepEqual([pool.size, pool.counts.added], [0, 1]);
});
