// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets on their way from a probe to the agent: what is taken for one, what is not, and that each that does not come is
 * counted. A program of ours stands in for the library, so that it can do what no library does.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TlsSecret } from '../../agent/model/tls-secret.ts';
import { type Capture, type CaptureOptions, loadAddon, table } from '../../agent/source/ebpf/addon.ts';
import { EventReader, type ReadEvent } from '../../agent/source/ebpf/event-reader.ts';
import { counter, probeKind, secret } from '../../agent/source/ebpf/layout.generated.ts';
import { takeSecretFrom } from '../../agent/source/ebpf/secret-record.ts';
import { unless } from './bpf-host.ts';
import { startGated } from './gated-program.ts';
import { offsetOf } from './key-log.ts';
import { trigger } from './trigger.ts';

const SECRETS_MAX = 4096;
const SELECTION = 1;
const pattern = Buffer.from(Array.from({ length: 64 }, (_, i) => 0xa0 ^ i));

describe('secrets from a probe', unless('bpf', 'gcc'), () => {
  let capture: Capture;

  afterEach(() => capture?.close());

  /** Runs the program to its end as a workload; nobody reads the ring meanwhile. */
  async function derive(cases: readonly string[], options: CaptureOptions = {}): Promise<void> {
    capture = new (loadAddon().Capture)(options);
    capture.attachProbe(probeKind.opensslKdf, trigger('kdf'), offsetOf(trigger('kdf'), 'EVP_KDF_derive'));
    const program = startGated(trigger('kdf'), cases);
    capture.watch(program.pid, SELECTION, 1n);
    program.open();
    assert.equal((await program.ended).code, 0);
    while (capture.rows(table.processes).length > 0) await sleep(10);
  }

  const counted = (index: number): number => capture.counters()[index * 2] as number;

  function drain(): Buffer {
    const parts: Buffer[] = [];
    for (let part = capture.drain(); part.length > 0; part = capture.drain()) parts.push(part);
    return Buffer.concat(parts);
  }

  function told(ring = drain()): TlsSecret[] {
    const events: ReadEvent[] = [];
    const reader = new EventReader((id) => capture.takeSecret(id));
    reader.read(ring, events);
    assert.deepEqual([reader.unknownEvents, reader.missingSecrets], [0, 0]);
    return events.filter((event) => event.type === 'secret-derived').map((event) => event.secret);
  }

  const hit = (): { runs: number; hits: number }[] => capture.probes().map(({ runs, hits }) => ({ runs, hits }));

  test('a traffic secret, and a master secret with both randoms', async () => {
    await derive(['tls13', 'tls13-384', 'tls12']);
    assert.deepEqual(told(), [
      { kind: 'traffic', label: undefined, clientRandom: undefined, secret: pattern.subarray(0, 32) },
      { kind: 'traffic', label: undefined, clientRandom: undefined, secret: pattern.subarray(0, 48) },
      {
        kind: 'master',
        clientRandom: Buffer.alloc(32, 0xcc),
        serverRandom: Buffer.alloc(32, 0x55),
        secret: pattern.subarray(0, 48),
      },
    ]);
    assert.deepEqual(hit(), [{ runs: 3, hits: 3 }]);
    assert.equal(counted(counter.secretUnreadable), 0);
  });

  test('other derivations, and what no library asks for, give nothing', async () => {
    await derive(['other-labels', 'wrong-sizes', 'endless']);
    assert.deepEqual(told(), []);
    assert.deepEqual(hit(), [{ runs: 11, hits: 0 }]);
    assert.equal(counted(counter.secretUnreadable), 0);
  });

  test('a page that is not in memory is waited for', async () => {
    await derive(['untouched']);
    assert.equal(told().length, 1);
  });

  test('what cannot be read is counted', async () => {
    await derive(['unreadable']);
    assert.deepEqual(told(), []);
    assert.equal(counted(counter.secretUnreadable), 3);
  });

  test('the ring is full: what has no event leaves nothing behind, and is counted', async () => {
    // More than the table holds: what stayed in it would show.
    const times = SECRETS_MAX + 2000;
    await derive(['many', String(times)], { ringBytes: 65_536 });
    const secrets = told();
    const ringFull = counted(counter.secretRingFull);
    assert.ok(ringFull > 0 && secrets.length > 0);
    assert.equal(secrets.length + ringFull, times);
    assert.equal(counted(counter.secretMapFull), 0);
    assertFirst(secrets);
  });

  test('the table is full: what has no room is counted', async () => {
    const times = SECRETS_MAX + 1000;
    await derive(['many', String(times)]);
    const secrets = told();
    assert.equal(secrets.length, SECRETS_MAX);
    assert.equal(counted(counter.secretMapFull), times - SECRETS_MAX);
    assertFirst(secrets);
  });

  test('the bytes of a secret are not in the ring', async () => {
    await derive(['tls13', 'tls12', 'many', '1000']);
    const ring = drain();
    for (let at = 8; at + 8 <= 32; at += 8) assert.equal(ring.indexOf(pattern.subarray(at, at + 8)), -1);
    assert.equal(told(ring).length, 1002);
  });

  test('a secret is given once', async () => {
    await derive(['tls13']);
    const ring = drain();
    assert.equal(told(ring).length, 1);
    const reader = new EventReader((id) => capture.takeSecret(id));
    reader.read(ring, []);
    assert.equal(reader.missingSecrets, 1);
  });

  /** Those that came are the first, in order. */
  function assertFirst(secrets: readonly TlsSecret[]): void {
    for (const [index, one] of secrets.entries()) assert.equal(one.secret.readUInt32LE(0), index);
  }
});

describe('a secret of the kernel side as bytes', () => {
  const row = (kind: number, has: number, bytes: number): Buffer => {
    const made = Buffer.alloc(secret.structBytes, 7);
    made.writeUInt16LE(kind, secret.kind);
    made.writeUInt16LE(4, secret.label);
    made.writeUInt16LE(has, secret.has);
    made.writeUInt16LE(bytes, secret.secretBytes);
    return made;
  };

  test('is copied, and then filled with zeros', () => {
    const made = row(1, 1, 32);
    const taken = takeSecretFrom(made)?.tls;
    assert.ok(taken?.kind === 'traffic');
    assert.equal(taken.label, 'client-application');
    assert.deepEqual(taken.clientRandom, Buffer.alloc(32, 7));
    assert.deepEqual(taken.secret, Buffer.alloc(32, 7));
    assert.ok(made.every((byte) => byte === 0));
  });

  test('of another kind, another length or without the random that names it, it is none', () => {
    for (const made of [row(4, 3, 48), row(0, 3, 48), row(1, 3, 0), row(1, 3, 49), row(2, 2, 48), row(3, 4, 48)]) {
      assert.equal(takeSecretFrom(made), undefined);
      assert.ok(made.every((byte) => byte === 0));
    }
  });
});
