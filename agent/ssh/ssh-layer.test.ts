// SPDX-License-Identifier: Apache-2.0

/** What goes in as packets comes out as messages, with every cipher, however it is cut, and with keys that come late. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DirectionAlgorithms } from '../protocol/ssh/kex-init.ts';
import { message } from './testing/packet-writer.ts';
import { SIDES, Talk, WatchedLayer } from './testing/talk.ts';

const CIPHERS: readonly DirectionAlgorithms[] = [
  ['aes128-ctr', 'hmac-sha2-256-etm@openssh.com'],
  ['aes192-ctr', 'hmac-sha1'],
  ['aes256-ctr', 'umac-64@openssh.com'],
  ['aes256-ctr', 'hmac-sha2-512'],
  ['aes128-gcm@openssh.com', ''],
  ['aes256-gcm@openssh.com', ''],
  ['chacha20-poly1305@openssh.com', ''],
  ['aes128-cbc', 'hmac-sha1-96'],
  ['aes256-cbc', 'umac-128-etm@openssh.com'],
  ['3des-cbc', 'hmac-md5'],
].map(([cipher = '', mac = '']) => ({ cipher, mac, compression: 'none' }));
const [CTR_ETM, , CTR] = CIPHERS as [DirectionAlgorithms, DirectionAlgorithms, DirectionAlgorithms];
const GCM = CIPHERS[5] as DirectionAlgorithms;
const CHACHA = CIPHERS[6] as DirectionAlgorithms;

/** A login, a command and what it says; in the middle new keys. */
function session(algorithms: DirectionAlgorithms, strict = true, rekeys = true): Talk {
  const talk = new Talk(strict).exchangeKeys(algorithms);
  talk.say('client', message(5, 'ssh-userauth')).say('server', message(6, 'ssh-userauth'));
  talk.say('client', message(50, 'root', 'ssh-connection', 'password', false, 'secret'));
  talk.say('server', message(52));
  if (algorithms.compression === 'zlib@openssh.com') for (const side of SIDES) talk.writers[side].compress();
  talk.say('client', message(90, 'session', 0, 1000, 1000)).say('server', message(91, 0, 7, 1000, 1000));
  talk.say('client', message(98, 7, 'exec', true, 'ls -l')).say('server', message(94, 0, 'x'.repeat(3000)));
  if (rekeys) talk.exchangeKeys(algorithms);
  talk.say('server', message(94, 0, 'x'.repeat(3000))).say('client', message(93, 7, 4096));
  talk.say('server', message(97, 0)).say('client', message(97, 7));
  return talk;
}

function assertRead(watched: WatchedLayer, talk: Talk): void {
  assert.deepEqual(watched.unreadable, {});
  for (const side of SIDES) {
    const wanted = talk.said.filter(({ from }) => from === side).map(({ payload }) => payload.toString('hex'));
    assert.deepEqual(
      watched.out[side].map((bytes) => bytes.toString('hex')),
      wanted,
    );
  }
  assert.equal(watched.pool.size, 0, 'keys that were taken are not kept');
}

for (const algorithms of CIPHERS) {
  describe(`${algorithms.cipher} ${algorithms.mac}`, () => {
    test('is read, new keys in the middle included, in the order of the wire', () => {
      const talk = session(algorithms);
      const watched = new WatchedLayer(talk.keys);
      for (const { from, wire } of talk.said) watched.push(from, wire);
      watched.end();
      assertRead(watched, talk);
      assert.deepEqual(
        watched.order,
        talk.said.map(({ from }) => from),
      );
    });

    test('is read byte by byte, among keys of others', () => {
      const talk = session(algorithms, false, false);
      const watched = new WatchedLayer();
      const other = (bytes: number) =>
        ({ cipher: 'unknown', key: randomBytes(bytes), iv: randomBytes(16), encrypts: true }) as const;
      for (const key of talk.keys) {
        for (const bytes of [16, 24, 32, 64]) watched.add(other(bytes));
        watched.add(key);
      }
      for (const { from, wire } of talk.said) for (const byte of wire) watched.push(from, Uint8Array.of(byte));
      watched.end();
      watched.pool.drop();
      assertRead(watched, talk);
    });

    test('waits for keys that come late, and is unreadable with a reason when none come', () => {
      const talk = session(algorithms, true, false);
      const waiting = new WatchedLayer();
      for (const { from, wire } of talk.said) waiting.push(from, wire);
      assert.equal(waiting.layer.waitingSince, 1);
      for (const key of talk.keys) waiting.add(key);
      waiting.layer.secretsChanged(2);
      waiting.end();
      assertRead(waiting, talk);

      const never = new WatchedLayer();
      for (const { from, wire } of talk.said) never.push(from, wire);
      never.layer.expire(1 + 5e9);
      assert.equal(never.layer.waitingSince, 1);
      never.layer.expire(2 + 5e9);
      never.end();
      assert.deepEqual(Object.keys(never.unreadable).sort(), ['client ssh_no_key', 'server ssh_no_key']);
    });
  });
}

for (const compression of ['zlib', 'zlib@openssh.com']) {
  for (const algorithms of [CTR, CTR_ETM, GCM]) {
    test(`${compression} over ${algorithms.cipher} is inflated as one stream`, () => {
      const talk = session({ ...algorithms, compression }, true, false);
      const watched = new WatchedLayer(talk.keys);
      for (const { from, wire } of talk.said) watched.push(from, wire);
      watched.end();
      assertRead(watched, talk);
    });
  }
}

test('two keys of 32 bytes, given apart, are the one of chacha20-poly1305', () => {
  const talk = session(CHACHA, true, false);
  const watched = new WatchedLayer();
  for (const { key, ...rest } of talk.keys) {
    watched.add({ ...rest, key: key.subarray(0, 32) });
    watched.add({ ...rest, key: key.subarray(32) });
  }
  for (const { from, wire } of talk.said) watched.push(from, wire);
  watched.end();
  assertRead(watched, talk);
});

test('GCM is read without a nonce, and on behind lost bytes', () => {
  const talk = session(GCM, true, false);
  const watched = new WatchedLayer();
  for (const key of talk.keys) watched.add({ ...key, iv: Buffer.alloc(0) });
  const big = talk.said.findIndex(({ payload }) => payload.length > 3000);
  for (const [index, { from, wire }] of talk.said.entries()) {
    if (index !== big) {
      watched.push(from, wire);
      continue;
    }
    watched.push(from, wire.subarray(0, 100));
    watched.layer.gap(from, 1000, 1);
    watched.push(from, wire.subarray(1100));
  }
  watched.end();
  assert.deepEqual(Object.keys(watched.unreadable).sort(), ['server ssh_after_gap', 'server ssh_packet_incomplete']);
  assert.equal(watched.out.server.length, talk.said.filter(({ from }) => from === 'server').length - 1);
  assert.equal(watched.gaps.server, talk.said[big]?.wire.length);
});

const COUNTING = CIPHERS.filter(({ cipher }) => /ctr|chacha/.test(cipher));

/** Says much, with all kinds of messages in between, and loses what stands between two bytes of the server's. */
function withGap(algorithms: DirectionAlgorithms, from: number, bytes: number): { watched: WatchedLayer; talk: Talk } {
  const talk = session(algorithms, true, false);
  for (let i = 0; i < 60; i++) {
    talk.say('server', message(94, 0, 'y'.repeat((i * 331) % 5000)));
    if (i % 7 === 0) talk.say('server', message(93, 0, 1 << 20));
    if (i % 11 === 0) talk.say('server', message(98, 0, 'keepalive@openssh.com', true));
    if (i % 13 === 0) talk.say('server', message(96, 0));
  }
  const watched = new WatchedLayer(talk.keys);
  let before = 0;
  for (const { from: side, wire } of talk.said) {
    if (side === 'client') {
      watched.push(side, wire);
      continue;
    }
    const [start, end] = [Math.max(0, from - before), Math.min(wire.length, from + bytes - before)];
    before += wire.length;
    if (start >= end) {
      watched.push(side, wire);
      continue;
    }
    if (start > 0) watched.push(side, wire.subarray(0, start));
    watched.layer.gap(side, end - start, 1);
    if (end < wire.length) watched.push(side, wire.subarray(end));
    assert.ok(watched.layer.heldBytes < 2 ** 21);
  }
  watched.end();
  return { watched, talk };
}

for (const algorithms of COUNTING) {
  test(`${algorithms.cipher} ${algorithms.mac} is read on behind gaps of every kind`, () => {
    const talk = session(algorithms, true, false);
    const start = talk.said
      .slice(0, talk.said.findIndex(({ from, payload }) => from === 'server' && payload[0] === 52) + 1)
      .reduce((sum, { from, wire }) => sum + (from === 'server' ? wire.length : 0), 0);
    for (const [from, bytes] of [
      // In one packet, in its length, over many, a byte; each from a few places.
      ...[0, 1, 7, 40, 300].flatMap((at) => [1, 3, 16, 100, 3000, 20_000, 90_000].map((size) => [at, size] as const)),
    ]) {
      const { watched, talk: said } = withGap(algorithms, start + from, bytes);
      const all = said.said.filter(({ from: side }) => side === 'server').map(({ payload }) => payload.toString('hex'));
      const out = watched.out.server.map((payload) => payload.toString('hex'));
      const behind = out.length - all.findIndex((payload, i) => payload !== out[i]);
      const what = `${bytes} bytes at ${from}`;
      // All but what was hit, and up to the first message by which it could be told.
      assert.deepEqual(out.slice(-behind), all.slice(-behind), what);
      assert.ok(behind > 10, `${what}: ${behind} behind it`);
      assert.ok((watched.unreadable['server ssh_after_gap'] ?? 0) < 25_000, what);
    }
  });
}

test('two gaps, one before the other is made good', () => {
  for (const algorithms of COUNTING) {
    const talk = session(algorithms, true, false);
    for (let i = 0; i < 20; i++) talk.say('server', message(94, 0, 'z'.repeat(500 + i)));
    const watched = new WatchedLayer(talk.keys);
    const last = talk.said.length - 1;
    for (const [index, { from, wire }] of talk.said.entries()) {
      const hit = last - index;
      if (hit !== 15 && hit !== 14) watched.push(from, wire);
      else {
        watched.push(from, wire.subarray(0, 50));
        watched.layer.gap(from, 100, 1);
        watched.push(from, wire.subarray(150));
      }
    }
    watched.end();
    const all = talk.said.filter(({ from }) => from === 'server').length;
    assert.equal(watched.out.server.length, all - 2, algorithms.cipher);
    assert.equal(
      watched.gaps.server,
      (talk.said[last - 15]?.wire.length ?? 0) + (talk.said[last - 14]?.wire.length ?? 0),
    );
  }
});

test('what cannot be read behind lost bytes says so: chains, compression, and gaps that are too long', () => {
  const CBC = CIPHERS[7] as DirectionAlgorithms;
  for (const algorithms of [CBC, { ...CTR, compression: 'zlib' }]) {
    const { watched } = withGap(algorithms, 2000, 10);
    assert.ok((watched.unreadable['server ssh_after_gap'] ?? 0) > 500);
  }
  for (const algorithms of COUNTING) {
    const talk = session(algorithms, true, false);
    const watched = new WatchedLayer(talk.keys);
    for (const { from, wire } of talk.said) watched.push(from, wire);
    watched.layer.gap('server', 5 * 1024 * 1024, 1);
    const behind = talk.writers.server.packet(message(94, 0, 'lost'));
    watched.push('server', behind);
    watched.end();
    assert.deepEqual(watched.unreadable, { 'server ssh_after_gap': behind.length });
  }
});

test('noise behind a gap is never taken for packets, and is given up', () => {
  for (const algorithms of COUNTING) {
    const talk = session(algorithms, true, false);
    const watched = new WatchedLayer(talk.keys);
    for (const { from, wire } of talk.said) watched.push(from, wire);
    const before = watched.out.server.length;
    watched.layer.gap('server', 100_000, 1);
    for (let i = 0; i < 100; i++) watched.push('server', randomBytes(8192));
    assert.ok(watched.layer.heldBytes < 1000);
    watched.end();
    assert.equal(watched.out.server.length, before);
    assert.deepEqual(watched.unreadable, { 'server ssh_after_gap': 100 * 8192 });
  }
});

test('what waits is bounded, and what joined late or is no SSH is told', () => {
  const talk = session(CTR);
  const full = new WatchedLayer();
  for (const { from, wire } of talk.said) full.push(from, wire);
  for (let i = 0; i < 100; i++) {
    full.push('server', Buffer.alloc(4096));
    assert.ok(full.layer.heldBytes < 128 * 1024);
  }
  full.end();
  assert.ok((full.unreadable['server ssh_memory_bound'] ?? 0) > 300_000);

  const late = new WatchedLayer([], true);
  late.push('client', Buffer.alloc(100));
  late.end();
  assert.deepEqual(late.unreadable, { 'client ssh_joined_late': 100 });

  const other = new WatchedLayer();
  other.push('client', Buffer.alloc(100_000, 65));
  other.end();
  assert.deepEqual(other.unreadable, { 'client not_ssh': 100_000 });
});

test('damaged connections: nothing throws, memory is bounded, bytes add up', () => {
  const talks = [CTR, CTR_ETM, GCM, CHACHA, { ...CTR, compression: 'zlib' }].map((one) => session(one));
  const damage = fc.record({
    talk: fc.nat({ max: talks.length - 1 }),
    at: fc.array(fc.record({ step: fc.nat({ max: 40 }), place: fc.nat({ max: 4000 }), byte: fc.nat({ max: 255 }) }), {
      maxLength: 4,
    }),
    gapAt: fc.option(fc.nat({ max: 40 })),
    swap: fc.option(fc.nat({ max: 40 })),
  });
  fc.assert(
    fc.property(damage, ({ talk: index, at, gapAt, swap }) => {
      const talk = talks[index] as Talk;
      const watched = new WatchedLayer(talk.keys);
      for (const [step, { from, wire }] of talk.said.entries()) {
        const bytes = Buffer.from(wire);
        for (const one of at) if (one.step === step) bytes[one.place % bytes.length] = one.byte;
        if (gapAt === step) watched.layer.gap(from, 33, 1);
        watched.push(swap === step ? (from === 'client' ? 'server' : 'client') : from, bytes);
        assert.ok(watched.layer.heldBytes < 1024 * 1024);
      }
      watched.layer.expire(1e10);
      watched.end();
    }),
    { numRuns: 150 },
  );
});
