// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Journal, type JournalOptions } from '../../journal/journal.ts';
import { MemoryDisk } from '../../journal/memory-disk.ts';
import { commandIndex, sampleCommand } from '../../journal/sample-activities.ts';
import type { SinkState } from '../activity-sink.ts';
import { CollectorStandIn } from './collector-stand-in.ts';
import { CuttableLink } from './cuttable-link.ts';
import { GrpcSink, type GrpcSinkOptions } from './grpc-sink.ts';
import { type Authority, type Identity, makeAuthority } from './test-certificates.ts';

const AGENT = 'agent-1';

class Scene {
  readonly collector = new CollectorStandIn();
  readonly disk = new MemoryDisk();
  readonly states: SinkState[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), 'sworn-delivery-'));
  readonly files = {
    caFile: join(this.folder, 'ca.pem'),
    certFile: join(this.folder, 'agent.pem'),
    keyFile: join(this.folder, 'agent.key'),
  };
  authority!: Authority;
  serverIdentity!: Identity;
  port = 0;
  journal!: Journal;
  next = 0;
  readonly #ends: (() => Promise<unknown> | unknown)[] = [];

  static async open(t: TestContext, options: Partial<JournalOptions> = {}): Promise<Scene> {
    const scene = new Scene();
    t.after(() => scene.close());
    scene.authority = await makeAuthority('authority');
    scene.serverIdentity = await scene.authority.issue('collector');
    scene.port = await scene.collector.listen(scene.serverIdentity, scene.authority);
    scene.writeTrust(await scene.authority.issue(AGENT));
    await scene.openJournal(options);
    return scene;
  }

  async openJournal(options: Partial<JournalOptions> = {}): Promise<void> {
    const { disk } = this;
    const usual = { agentId: AGENT, host: 'host-1', flushDelayMs: 1, groupBytesMax: 16_384, segmentBytesMax: 100_000 };
    const journal = await Journal.open({ folder: '/journal', disk, diskFreeBytesMin: 0, ...usual, ...options });
    this.journal = journal;
    this.#ends.push(() => journal.close());
  }

  writeTrust(agent: Identity, ca = this.authority.cert): void {
    writeFileSync(this.files.caFile, ca);
    writeFileSync(this.files.certFile, agent.cert);
    writeFileSync(this.files.keyFile, agent.key);
  }

  sink(options: Partial<GrpcSinkOptions> = {}): GrpcSink {
    const sink = new GrpcSink(this.journal, {
      ...this.files,
      collector: `localhost:${this.port}`,
      version: '0.0.0',
      bootId: 'boot',
      kernel: 'kernel',
      batchBytesMax: 8000,
      batchAgeMs: 5,
      backoffFirstMs: 5,
      backoffMostMs: 40,
      onState: (state) => this.states.push(state),
      ...options,
    });
    this.#ends.push(() => sink.stop());
    sink.start();
    return sink;
  }

  async link(): Promise<CuttableLink> {
    const link = await CuttableLink.to(this.port);
    this.#ends.push(() => link.close());
    return link;
  }

  append(count: number): void {
    for (let rest = count; rest > 0; rest -= 1) {
      this.journal.append(sampleCommand(this.next));
      this.next += 1;
    }
  }

  /** Waits until the collector has all that was appended, and proves that it is each once and in order. */
  async allDelivered(): Promise<void> {
    await until(() => this.collector.of(AGENT).length >= this.next, `${this.next} entries`);
    assert.deepEqual(this.collector.of(AGENT).map(commandIndex), [...Array(this.next).keys()]);
  }

  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    this.collector.die();
    rmSync(this.folder, { recursive: true });
  }
}

async function until(condition: () => boolean, what = 'it', withinMs = 20_000): Promise<void> {
  const before = performance.now();
  while (!condition()) {
    assert.ok(performance.now() - before < withinMs, `waited in vain for ${what}`);
    await sleep(2);
  }
}

describe('delivery', () => {
  test('brings what is there and what comes, and lets the journal forget it', async (t) => {
    const scene = await Scene.open(t);
    scene.append(500);
    const sink = scene.sink();
    await scene.allDelivered();
    for (let round = 0; round < 20; round += 1) {
      scene.append(3);
      await sleep(3);
    }
    await scene.allDelivered();
    await until(() => sink.state.storedSeq === 560);
    assert.equal(scene.journal.state.deliveredSeq, 560);
    assert.ok(scene.journal.state.segments <= 2);
    const { phase, error, counts, inFlightBatches, inFlightBytes } = sink.state;
    assert.deepEqual([phase, error, inFlightBatches, inFlightBytes], ['delivering', null, 0, 0]);
    assert.equal(counts.activities, 560);
    assert.equal(counts.acknowledged, 560);
    assert.ok(counts.compressedBytes < counts.bytes / 3);
    const [hello] = scene.collector.hellos;
    assert.deepEqual([hello!.agentId, hello!.host, hello!.version, hello!.bootId], [AGENT, 'host-1', '0.0.0', 'boot']);
    assert.equal(Number(hello!.firstSeq), 1);
    assert.equal(scene.collector.repeated, 0);
  });

  test('sends a live entry within the age of a batch', async (t) => {
    const scene = await Scene.open(t);
    const sink = scene.sink({ batchAgeMs: 100, batchBytesMax: 1 << 20 });
    await until(() => sink.state.phase === 'delivering');
    for (let round = 0; round < 3; round += 1) {
      // Without the age it would wait for a megabyte, and not come.
      scene.append(1);
      await scene.allDelivered();
    }
  });

  test('goes on where the collector is, after a restart of the agent', async (t) => {
    const scene = await Scene.open(t);
    scene.append(200);
    const first = scene.sink();
    await scene.allDelivered();
    await first.stop();
    scene.append(100);
    await scene.journal.close();
    await scene.openJournal();
    scene.sink();
    await scene.allDelivered();
    assert.equal(scene.collector.repeated, 0);
  });

  test('waits for a last acknowledgement when it is stopped and asked to', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.receiptDelayMs = 50;
    const sink = scene.sink();
    await until(() => sink.state.phase === 'delivering');
    scene.append(100);
    await scene.journal.flush();
    await sink.stop(5000);
    assert.equal(sink.state.storedSeq, 100);
    assert.equal(sink.state.phase, 'stopped');
  });

  test('says the host that entries were sealed for, with a stream for each', async (t) => {
    const scene = await Scene.open(t);
    scene.append(50);
    await scene.journal.close();
    await scene.openJournal({ host: 'host-2' });
    scene.append(50);
    scene.sink();
    await scene.allDelivered();
    scene.append(5);
    await scene.allDelivered();
    assert.deepEqual(
      scene.collector.hellos.map(({ host }) => host),
      ['host-1', 'host-2'],
    );
  });
});

describe('back-pressure', () => {
  test('a slow collector holds up delivery at the bound, and the journal goes on', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.storeDelayMs = 30;
    const sink = scene.sink({ inFlightBytesMax: 30_000, inFlightBatchesMax: 100 });
    scene.append(2000);
    await scene.journal.flush();
    let most = 0;
    for (let look = 0; look < 50; look += 1) {
      most = Math.max(most, sink.state.inFlightBytes);
      await sleep(5);
    }
    assert.ok(most > 15_000 && most <= 30_000, `${most}`);
    assert.ok(scene.collector.unacknowledgedMost <= 30_000);
    scene.collector.behaviour.storeDelayMs = 0;
    await scene.allDelivered();
  });

  test('batches in flight are bounded in number too', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.receiptDelayMs = 20;
    const sink = scene.sink({ inFlightBatchesMax: 2 });
    scene.append(500);
    for (let look = 0; look < 40; look += 1) {
      assert.ok(sink.state.inFlightBatches <= 2);
      await sleep(2);
    }
    scene.collector.behaviour.receiptDelayMs = 0;
    await scene.allDelivered();
  });

  test("keeps to the collector's bound, and sends what is larger without its payload", async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.batchBytesMax = 3000;
    scene.append(20);
    scene.journal.append(sampleCommand(20, { response: new Uint8Array(10_000) }));
    scene.next += 1;
    scene.append(20);
    scene.sink();
    // The journal's own loss about it comes after them.
    await until(() => scene.collector.of(AGENT).some(({ loss }) => loss?.reason === 'too_large'));
    const stored = scene.collector.of(AGENT);
    assert.equal(stored[20]!.command!.response!.length, 0);
    assert.equal(stored[20]!.command!.truncated, true);
    assert.equal(commandIndex(stored[21]!), 21);
  });
});

describe('a connection that breaks', () => {
  test('at 110 random points: each entry reaches the store once, in order', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.receiptDelayMs = 1;
    const link = await scene.link();
    const sink = scene.sink({ collector: `localhost:${link.port}` });
    while (sink.state.counts.failures < 110) {
      scene.append(Math.floor(Math.random() * 60));
      await sleep(Math.random() * 25);
      link.cut();
    }
    await scene.allDelivered();
    t.diagnostic(
      `${scene.next} entries, ${link.connections} connections, ${scene.collector.repeated} batches sent again`,
    );
    await until(() => sink.state.error === null);
  });

  test('because the collector is killed, with batches in flight: nothing is lost or doubled', async (t) => {
    const scene = await Scene.open(t);
    const link = await scene.link();
    scene.sink({ collector: `localhost:${link.port}` });
    for (let death = 0; death < 15; death += 1) {
      scene.append(100);
      await sleep(Math.random() * 30);
      scene.collector.die();
      // Sockets that were not yet connections of the server go with the process, too.
      link.cut();
      await sleep(Math.random() * 10);
      await scene.collector.listen(scene.serverIdentity, scene.authority);
    }
    await scene.allDelivered();
  });

  test('without a word is noticed by keepalive', async (t) => {
    const scene = await Scene.open(t);
    const link = await scene.link();
    const sink = scene.sink({ collector: `localhost:${link.port}`, keepaliveMs: 100, keepaliveTimeoutMs: 100 });
    scene.append(10);
    await scene.allDelivered();
    link.goDead();
    await until(() => sink.state.phase !== 'delivering', 'the dead link to be noticed');
    assert.equal(scene.states.at(-1)!.error!.code, 'delivery_connection_lost');
    link.revive();
    scene.append(10);
    await scene.allDelivered();
  });

  test('comes back later each time, and at once after it worked', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.die();
    const waits: number[] = [];
    const sink = scene.sink({
      backoffFirstMs: 4,
      backoffMostMs: 64,
      chance: () => 1,
      onState: ({ phase, retryAtMs, sinceMs }) => {
        if (phase === 'waiting') waits.push(Math.round(retryAtMs! - sinceMs));
      },
    });
    await until(() => waits.length >= 7);
    assert.deepEqual(waits.slice(0, 7), [4, 8, 16, 32, 64, 64, 64]);
    await scene.collector.listen(scene.serverIdentity, scene.authority);
    scene.append(1);
    await scene.allDelivered();
    await until(() => sink.state.storedSeq === 1);
    const before = waits.length;
    scene.collector.die();
    await until(() => waits.length > before);
    assert.equal(waits[before], 4);
  });
});

describe('what the collector answers', () => {
  test('a collector that has more than the journal: told loudly, nothing is sent', async (t) => {
    const scene = await Scene.open(t);
    scene.append(50);
    const first = scene.sink();
    await scene.allDelivered();
    await first.stop();
    // The machine comes back from an image of before.
    await scene.journal.close();
    for (const name of await scene.disk.list('/journal')) await scene.disk.remove(`/journal/${name}`);
    await scene.openJournal();
    scene.append(10);
    const sink = scene.sink();
    await until(() => sink.state.phase === 'refused');
    assert.equal(sink.state.error!.code, 'delivery_rolled_back');
    assert.equal(sink.state.error!.retryable, false);
    assert.match(sink.state.error!.message, /up to 50, the journal ends at 10/);
    assert.ok(sink.state.retryAtMs! - Date.now() > 60_000);
    assert.equal(scene.collector.of(AGENT).length, 50);
    assert.equal(scene.journal.state.deliveredSeq, 0);
  });

  test('a collector that lost entries which the journal forgot: losses stand at their numbers', async (t) => {
    const scene = await Scene.open(t);
    scene.append(600);
    const first = scene.sink();
    await scene.allDelivered();
    await until(() => scene.journal.state.deliveredSeq === 600);
    await first.stop();
    const { firstSeq } = scene.journal;
    assert.ok(firstSeq > 100);
    scene.collector.of(AGENT).length = 40;
    scene.sink();
    await until(() => scene.collector.of(AGENT).length === 600);
    const stored = scene.collector.of(AGENT);
    for (let seq = 41; seq <= 600; seq += 1) {
      const { loss } = stored[seq - 1]!;
      if (seq < firstSeq)
        assert.deepEqual([loss!.where, loss!.reason, Number(loss!.events)], ['journal', 'not_held', 1]);
      else assert.equal(commandIndex(stored[seq - 1]!), seq - 1);
    }
    assert.equal(scene.journal.state.losses.get('not_held')!.events, firstSeq - 41);
  });

  for (const [code, expected] of [
    ['store_unavailable', 'delivery_store_unavailable'],
    ['gap', 'delivery_gap'],
    ['something_new', 'delivery_refused'],
  ] as const) {
    test(`refused for "${code}", which may pass: it comes again, and nothing is lost`, async (t) => {
      const scene = await Scene.open(t);
      scene.collector.behaviour.refusal = { code, message: 'for now', retry: true };
      scene.append(100);
      scene.sink();
      await scene.allDelivered();
      assert.equal(scene.states.find(({ phase }) => phase === 'waiting')!.error!.code, expected);
    });
  }

  for (const code of ['wrong_agent', 'malformed', 'too_large', 'something_new'] as const) {
    test(`refused for "${code}", which does not pass: it says so and comes again much later`, async (t) => {
      const scene = await Scene.open(t);
      scene.collector.behaviour.helloRefusal = { code, message: 'no\nnever', retry: false };
      scene.append(10);
      const sink = scene.sink({ refusedRetryMs: 150 });
      await until(() => sink.state.phase === 'refused');
      const { error } = sink.state;
      assert.equal(error!.code, code === 'something_new' ? 'delivery_refused' : `delivery_${code}`);
      assert.equal(error!.message.includes('\n'), false);
      scene.collector.behaviour.helloRefusal = undefined;
      await scene.allDelivered();
    });
  }

  test('nothing to Hello: given up after a while', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.ignoresHello = true;
    const sink = scene.sink({ answerTimeoutMs: 60 });
    await until(() => sink.state.error?.code === 'delivery_no_answer');
    scene.collector.behaviour.ignoresHello = false;
    scene.append(5);
    await scene.allDelivered();
  });

  test('no receipt for a batch: the stream is begun anew, and it is not stored twice', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.receiptDelayMs = 300;
    const sink = scene.sink({ storedTimeoutMs: 80 });
    scene.append(30);
    await until(() => sink.state.error?.code === 'delivery_no_answer');
    scene.collector.behaviour.receiptDelayMs = 0;
    scene.append(30);
    await scene.allDelivered();
  });
});

describe('certificates', () => {
  async function errorOf(scene: Scene, options: Partial<GrpcSinkOptions> = {}): Promise<string> {
    const sink = scene.sink(options);
    await until(() => sink.state.error !== null);
    const { code } = sink.state.error!;
    await sink.stop();
    return code;
  }

  test('of another authority are refused by the collector, and named so', async (t) => {
    const scene = await Scene.open(t);
    const stranger = await makeAuthority('stranger');
    scene.writeTrust(await stranger.issue(AGENT));
    assert.equal(await errorOf(scene), 'delivery_certificate_refused');
  });

  test('of a collector from another authority are not trusted', async (t) => {
    const scene = await Scene.open(t);
    const stranger = await makeAuthority('stranger');
    scene.writeTrust(await scene.authority.issue(AGENT), stranger.cert);
    assert.equal(await errorOf(scene), 'delivery_server_untrusted');
  });

  test('of a collector for another name are not accepted', async (t) => {
    const scene = await Scene.open(t);
    assert.equal(await errorOf(scene, { serverName: 'elsewhere.example' }), 'delivery_server_name');
    scene.collector.die();
    scene.serverIdentity = await scene.authority.issue('collector', undefined, ['collector.example']);
    await scene.collector.listen(scene.serverIdentity, scene.authority);
    assert.equal(await errorOf(scene), 'delivery_server_name');
    scene.append(3);
    scene.sink({ serverName: 'collector.example' });
    await scene.allDelivered();
  });

  test('are checked for an address too', async (t) => {
    const scene = await Scene.open(t);
    scene.append(3);
    const sink = scene.sink({ collector: `127.0.0.1:${scene.port}` });
    await scene.allDelivered();
    await sink.stop();
    scene.collector.die();
    scene.serverIdentity = await scene.authority.issue('collector', undefined, ['localhost', '127.0.0.2']);
    await scene.collector.listen(scene.serverIdentity, scene.authority);
    assert.equal(await errorOf(scene, { collector: `127.0.0.1:${scene.port}` }), 'delivery_server_name');
  });

  test('of another agent, expired, not yet valid, missing, torn or with the wrong key are named before connecting', async (t) => {
    const scene = await Scene.open(t);
    const now = Date.now();
    scene.writeTrust(await scene.authority.issue('agent-2'));
    assert.equal(await errorOf(scene), 'delivery_certificate_name');
    scene.writeTrust(await scene.authority.issue(AGENT, { fromMs: now - 2e6, toMs: now - 1e6 }));
    assert.equal(await errorOf(scene), 'delivery_certificate_expired');
    scene.writeTrust(await scene.authority.issue(AGENT, { fromMs: now + 1e6, toMs: now + 2e6 }));
    assert.equal(await errorOf(scene), 'delivery_certificate_expired');
    const [one, other] = await Promise.all([scene.authority.issue(AGENT), scene.authority.issue(AGENT)]);
    scene.writeTrust({ cert: one!.cert, key: other!.key });
    assert.equal(await errorOf(scene), 'delivery_files');
    scene.writeTrust({ cert: one!.cert.slice(0, 100), key: one!.key });
    assert.equal(await errorOf(scene), 'delivery_files');
    rmSync(scene.files.keyFile);
    assert.equal(await errorOf(scene), 'delivery_files');
    assert.equal(scene.collector.hellos.length, 0);
  });

  test('that were renewed on disk are used at the next connection', async (t) => {
    const scene = await Scene.open(t);
    const sink = scene.sink();
    scene.append(10);
    await scene.allDelivered();
    // The authority was replaced too: with the old files no connection can come about.
    scene.collector.die();
    scene.authority = await makeAuthority('new authority');
    scene.serverIdentity = await scene.authority.issue('collector');
    await scene.collector.listen(scene.serverIdentity, scene.authority);
    await until(() => sink.state.error?.code === 'delivery_server_untrusted');
    scene.writeTrust(await scene.authority.issue(AGENT));
    scene.append(10);
    await scene.allDelivered();
  });
});

describe('a collector that is not there', () => {
  async function errorOf(scene: Scene, collector: string): Promise<string> {
    const sink = scene.sink({ collector });
    await until(() => sink.state.error !== null);
    await sink.stop();
    return sink.state.error!.code;
  }

  test('is named by what stands in the way', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.die();
    assert.equal(await errorOf(scene, `localhost:${scene.port}`), 'delivery_unreachable');
    assert.equal(await errorOf(scene, 'collector.invalid:4317'), 'delivery_host_unknown');
    assert.equal(await errorOf(scene, 'no-port'), 'delivery_host_unknown');
    const plain = createServer((socket) => socket.end('220 mail.example ESMTP\r\n')).listen(0, '127.0.0.1');
    t.after(() => plain.close());
    await until(() => plain.address() !== null);
    const { port } = plain.address() as { port: number };
    assert.equal(await errorOf(scene, `localhost:${port}`), 'delivery_not_a_collector');
  });
});
