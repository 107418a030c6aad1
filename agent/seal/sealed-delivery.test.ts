// SPDX-License-Identifier: Apache-2.0

/** The seal in a real delivery: over gRPC, through cut connections, restarts, lost power and collectors that forget. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { parseCheckpoint } from '../../proto/log/checkpoint.ts';
import { openNote, parseNote, parseVerifier } from '../../proto/log/note.ts';
import { CollectorStandIn } from '../delivery/grpc/collector-stand-in.ts';
import { CuttableLink } from '../delivery/grpc/cuttable-link.ts';
import { GrpcSink } from '../delivery/grpc/grpc-sink.ts';
import { type Authority, makeAuthority } from '../delivery/grpc/test-certificates.ts';
import { Journal } from '../journal/journal.ts';
import { MemoryDisk } from '../journal/memory-disk.ts';
import { sampleCommand } from '../journal/sample-activities.ts';
import { Seal, type SealOptions, type SealReport } from './seal.ts';
import { SealStateFile } from './seal-state.ts';

const AGENT = 'agent-1';
const STATE = '/state/seal.state';

class Scene {
  readonly collector = new CollectorStandIn();
  readonly disk = new MemoryDisk();
  /** Apart, so that one can fail while the other works. */
  readonly stateDisk = new MemoryDisk();
  readonly folder = mkdtempSync(join(tmpdir(), 'sworn-seal-'));
  readonly reports: SealReport[] = [];
  key: KeyObject = generateKeyPairSync('ed25519').privateKey;
  link!: CuttableLink;
  journal!: Journal;
  seal!: Seal;
  sink!: GrpcSink;
  appended = 0;

  static async open(t: TestContext): Promise<Scene> {
    const scene = new Scene();
    scene.collector.behaviour.cosignsAs = 'collector-1';
    const authority: Authority = await makeAuthority('authority');
    const port = await scene.collector.listen(await authority.issue('collector'), authority);
    scene.link = await CuttableLink.to(port);
    const agent = await authority.issue(AGENT);
    writeFileSync(join(scene.folder, 'ca.pem'), authority.cert);
    writeFileSync(join(scene.folder, 'agent.pem'), agent.cert);
    writeFileSync(join(scene.folder, 'agent.key'), agent.key);
    t.after(async () => {
      await scene.sink?.stop();
      await scene.link.close();
      scene.collector.die();
      rmSync(scene.folder, { recursive: true });
    });
    return scene;
  }

  /** The agent starts: what it knows is what is on its disk. */
  async start(options: Partial<SealOptions> = {}): Promise<void> {
    const { disk } = this;
    const file = await SealStateFile.open(this.stateDisk, STATE, AGENT);
    const usual = { agentId: AGENT, host: 'host-1', flushDelayMs: 1, groupBytesMax: 8192, segmentBytesMax: 30_000 };
    const usedSeq = file.found.kind === 'found' ? file.found.state.tree.size : 0;
    this.journal = await Journal.open({ folder: '/journal', disk, diskFreeBytesMin: 0, usedSeq, ...usual });
    this.seal = new Seal({
      agentId: AGENT,
      privateKey: this.key,
      file,
      journal: this.journal,
      checkpointMs: 5,
      checkpointActivities: 50,
      tell: (report) => this.reports.push(report),
      ...options,
    });
    this.sink = new GrpcSink(this.journal, {
      collector: `localhost:${this.link.port}`,
      caFile: join(this.folder, 'ca.pem'),
      certFile: join(this.folder, 'agent.pem'),
      keyFile: join(this.folder, 'agent.key'),
      version: '0.0.0',
      bootId: 'boot',
      kernel: 'kernel',
      batchBytesMax: 6000,
      batchAgeMs: 2,
      backoffFirstMs: 2,
      backoffMostMs: 20,
      refusedRetryMs: 20,
      seal: this.seal,
    });
    this.sink.start();
  }

  append(count: number): void {
    for (let rest = count; rest > 0; rest -= 1) this.journal.append(sampleCommand(this.appended++));
  }

  /** As `sworn agent` stops. */
  async stop(whenDelivering = true): Promise<void> {
    await this.journal.flush();
    // A stop waits for what is on its way, and not for a connection.
    const { sink } = this;
    if (whenDelivering) await until(() => ['delivering', 'refused'].includes(sink.state.phase), 'a connection');
    // Nor for a cosignature that never comes.
    await this.sink.stop(this.collector.behaviour.cosigning === 'never' ? 200 : 10_000);
    await this.seal.close();
    await this.journal.close();
  }

  /** As a process that is killed, or a machine whose power goes. */
  async crash(how: 'kill' | 'power', chance: () => number): Promise<void> {
    for (const disk of [this.disk, this.stateDisk]) {
      if (how === 'kill') disk.kill();
      else disk.losePower(chance);
    }
    // Of the process that is gone nothing reaches the disk any more.
    await this.sink.stop();
    await this.journal.close().catch(() => {});
  }

  get stored(): number {
    return this.collector.of(AGENT).length;
  }

  /** For a failure. */
  get told(): string {
    const { phase, error } = this.sink.state;
    return `${phase}, ${error?.message}`;
  }

  get storedTree(): Buffer {
    return this.collector.rootAt(AGENT, this.stored);
  }

  get cosigned(): number {
    return this.collector.cosigned.at(-1) ?? 0;
  }
}

async function until(condition: () => boolean, what: string | (() => string)): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 4000, `${typeof what === 'string' ? what : what()} did not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Numbers from 0 to 1 that a seed brings back. */
function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('delivery with a seal', () => {
  test('has checkpoints cosigned while there is something new, and one of everything when it stops', async (t) => {
    const scene = await Scene.open(t);
    await scene.start({ checkpointMs: 3_600_000 });
    scene.append(30);
    await until(() => scene.cosigned > 0, 'the first checkpoint');
    scene.append(400);
    await scene.stop();
    assert.equal(scene.stored, 430);
    assert.equal(scene.cosigned, 430);
    // The first at once, more for each 50, none in between.
    assert.ok(scene.collector.cosigned.length >= 3 && scene.collector.cosigned.length <= 11);
    const { tree_size, cosigned, trouble } = scene.seal.status;
    assert.deepEqual([tree_size, cosigned?.size, cosigned?.witnesses, trouble], [430, 430, [], null]);
  });

  test('signs what came without more to follow once it is time', async (t) => {
    const scene = await Scene.open(t);
    await scene.start({ checkpointMs: 40 });
    for (let round = 1; round <= 3; round += 1) {
      scene.append(3);
      await until(() => scene.cosigned === 3 * round, `checkpoint ${round}`);
    }
  });

  test('sends no other checkpoint before the last is answered: a slow collector must not hold up the record', async (t) => {
    const scene = await Scene.open(t);
    const { behaviour, held } = scene.collector;
    behaviour.cosigning = 'later';
    await scene.start({ checkpointMs: 0, checkpointActivities: 1 });
    for (let stored = 20; stored <= 200; stored += 20) {
      scene.append(20);
      await until(() => scene.stored === stored, `activity ${stored}`);
    }
    assert.equal(held.length, 1);
    behaviour.cosigning = 'well';
    held[0]!();
    // One for all that came meanwhile.
    await until(() => scene.cosigned === 200, 'the checkpoint of everything');
    assert.equal(scene.collector.cosigned.length, 2);
  });

  test('shows in Hello how far its tree goes, and the last checkpoint with both signatures', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(100);
    await scene.stop();
    await scene.start();
    await until(() => scene.collector.hellos.length === 2, 'the second Hello');
    const { sealKey, checkpoint, treeSize, treeSubtrees } = scene.collector.hellos[1]!;
    assert.equal(Number(treeSize), 100);
    assert.equal(treeSubtrees.length, 3);
    const note = parseNote(checkpoint);
    assert.equal(openNote(note, [parseVerifier(sealKey), parseVerifier(scene.collector.sealKey)]).length, 2);
    assert.deepEqual(parseCheckpoint(note.text).root, scene.storedTree);
  });

  test('delivers to a collector without a seal, and has the tree when it gets one', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.cosignsAs = undefined;
    await scene.start();
    scene.append(60);
    await scene.stop();
    assert.deepEqual([scene.stored, scene.cosigned], [60, 0]);
    scene.collector.behaviour.cosignsAs = 'collector-1';
    await scene.start();
    await until(() => scene.cosigned === 60, 'the checkpoint of what was delivered before');
    await scene.stop();
  });

  test('waits at its stop for no cosignature of a collector that gives none', { timeout: 60_000 }, async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.cosignsAs = undefined;
    await scene.start();
    scene.append(30);
    await scene.journal.flush();
    await until(() => scene.sink.state.phase === 'delivering', 'a connection');
    // As long as it takes: only what is on its way is waited for.
    await scene.sink.stop(2 ** 31 - 1);
    assert.equal(scene.stored, 30);
    await scene.stop(false);
  });

  test('refuses a collector with another key, until the operator names it', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(10);
    await scene.stop();
    const known = scene.collector.sealKey;
    scene.collector.key = generateKeyPairSync('ed25519').privateKey;
    await scene.start();
    scene.append(10);
    await until(() => scene.sink.state.error !== null, 'the refusal');
    assert.equal(scene.sink.state.error?.code, 'delivery_collector_key');
    assert.ok(scene.sink.state.error?.message.includes(known));
    assert.equal(scene.stored, 10);
    await scene.stop();
    await scene.start({ collectorKey: scene.collector.sealKey });
    await until(() => scene.cosigned === 20, 'the checkpoint for the new key');
    await scene.stop();
    // It is known now.
    await scene.start();
    scene.append(1);
    await until(() => scene.cosigned === 21, 'the next one');
  });

  test('does not take a cosignature of what it did not send', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.cosigning = 'wrongly';
    await scene.start();
    scene.append(10);
    await until(() => scene.sink.state.error !== null, 'the error');
    assert.equal(scene.sink.state.error?.code, 'delivery_cosignature');
    assert.equal(scene.seal.status.cosigned, null);
    scene.collector.behaviour.cosigning = 'well';
    await until(() => scene.seal.status.cosigned?.size === 10, 'the right one');
  });

  test('says what the collector refuses: a fork, another key', async (t) => {
    for (const code of ['forked', 'key_changed']) {
      const scene = await Scene.open(t);
      scene.collector.behaviour.helloRefusal = { code, message: 'no', retry: false };
      await scene.start();
      await until(() => scene.sink.state.phase === 'refused', code);
      assert.equal(scene.sink.state.error?.code, `delivery_${code}`);
      await scene.sink.stop();
    }
  });

  test('a copy of the host that goes on by itself is a fork', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(20);
    await scene.stop();
    const files: readonly (readonly [MemoryDisk, string])[] = [
      [scene.disk, '/journal/0000000000000001.segment'],
      [scene.disk, '/journal/delivered'],
      [scene.stateDisk, STATE],
    ];
    const image = files.map(([disk, path]) => [disk, path, Buffer.from(disk.contentOf(path))] as const);
    await scene.start();
    scene.append(20);
    await scene.stop();
    for (const [disk, path, bytes] of image) disk.replace(path, bytes);
    await scene.start();
    // As many as were recorded by the other: nothing but the tree tells them apart.
    scene.append(30);
    await until(() => scene.sink.state.error?.code === 'delivery_forked', 'the fork');
    assert.equal(scene.collector.forks > 0, true);
  });

  test('without its state, and with the whole journal, it makes the tree anew', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(40);
    await scene.stop();
    await scene.stateDisk.remove(STATE);
    await scene.start();
    scene.append(5);
    await until(() => scene.cosigned === 45, 'the checkpoint');
    await scene.stop();
    scene.stateDisk.contentOf(STATE).fill(7);
    await scene.start();
    scene.append(5);
    await until(() => scene.cosigned === 50, 'the checkpoint');
    assert.deepEqual(
      scene.reports.map(({ kind, attributes }) => [kind, attributes['state']]),
      [['seal_state_lost', 'damaged']],
    );
  });

  test('without its state, and with earlier activities forgotten, it says so and delivers without checkpoints', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(300);
    await scene.stop();
    await scene.stateDisk.remove(STATE);
    const { cosigned } = scene;
    await scene.start();
    assert.ok(scene.journal.firstSeq > 1, 'segments were forgotten');
    scene.append(50);
    await until(() => scene.stored === 350, 'the rest');
    await scene.stop();
    assert.equal(scene.cosigned, cosigned);
    assert.deepEqual([scene.seal.status.tree_size, scene.seal.status.trouble], [null, 'seal_state_lost']);
    assert.equal(scene.reports.at(-1)?.kind, 'seal_state_lost');
  });

  test('goes on from the tree of the collector when its own is lost, and says what it does not vouch for', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(300);
    await scene.stop();
    await scene.stateDisk.remove(STATE);
    scene.collector.behaviour.showsTree = true;
    await scene.start();
    scene.append(50);
    await until(() => scene.cosigned === 350, 'the checkpoint');
    await scene.stop();
    const told = scene.reports.map(({ kind, attributes }) => [kind, attributes['tree_size']]);
    assert.deepEqual(told, [
      ['seal_state_lost', undefined],
      ['seal_adopted', '300'],
    ]);
    // From here on it is its own.
    scene.collector.behaviour.showsTree = false;
    await scene.start();
    scene.append(1);
    await until(() => scene.cosigned === 351, 'the next one');
    assert.equal(scene.reports.length, 2);
  });

  test('does not go on from a tree that is none of that size', async (t) => {
    const scene = await Scene.open(t);
    await scene.start();
    scene.append(300);
    await scene.stop();
    await scene.stateDisk.remove(STATE);
    await scene.start();
    await until(() => scene.sink.state.phase === 'delivering', 'the stream');
    for (const subtrees of [[], [Buffer.alloc(32)], Array(4).fill(Buffer.alloc(31))]) {
      scene.seal.hello();
      assert.equal(scene.seal.begin(300, scene.collector.sealKey, subtrees), 301);
      assert.equal(scene.seal.status.tree_size, null);
    }
  });

  test('entries that rot before they are delivered are leaves as the losses that stand for them', async (t) => {
    const scene = await Scene.open(t);
    scene.collector.behaviour.helloRefusal = { code: 'store_unavailable', message: 'later', retry: true };
    await scene.start();
    scene.append(200);
    await scene.stop(false);
    // A whole segment, and a place in another one.
    scene.disk.contentOf('/journal/0000000000000001.segment').fill(0, 0, 1024);
    const other = (await scene.disk.list('/journal')).filter((name) => name.endsWith('.segment'))[2]!;
    scene.disk.contentOf(`/journal/${other}`).fill(0, 3000, 3100);
    scene.collector.behaviour.helloRefusal = undefined;
    await scene.start();
    scene.append(1);
    await until(() => scene.cosigned >= 201, 'the checkpoint');
    await scene.stop();
    const losses = scene.collector.of(AGENT).filter(({ loss }) => loss !== null);
    assert.ok(losses.length > 10, `${losses.length}`);
    assert.equal(scene.collector.forks, 0);
    assert.equal(scene.cosigned, scene.stored);
  });

  test('a state that cannot be written keeps segments, is told, and is written when it can be', async (t) => {
    const scene = await Scene.open(t);
    const troubles: boolean[] = [];
    await scene.start({ onTrouble: (trouble) => troubles.push(trouble !== null) });
    scene.append(100);
    await until(() => scene.cosigned === 100, 'the checkpoint');
    scene.stateDisk.fault = { code: 'EIO', on: 'sync' };
    await until(() => {
      scene.append(1);
      return scene.seal.status.trouble === 'seal_write';
    }, 'the trouble');
    scene.stateDisk.fault = undefined;
    scene.append(500);
    await until(() => scene.cosigned >= 600 && scene.seal.status.trouble === null, 'the end of it');
    assert.deepEqual(troubles, [true, false]);
    await scene.stop();
    assert.ok(scene.journal.firstSeq > 500, `${scene.journal.firstSeq}`);
  });
});

const SEEDS = Number(process.env['SWORN_TEST_SEEDS'] ?? 12);
/** Each waits for its own timers and connections most of the time. */
const AT_ONCE = 4;
test(`${SEEDS} histories of cuts, restarts, crashes and lost receipts: the tree is that over what is stored`, {
  concurrency: AT_ONCE,
}, async (t) => {
  const first = Math.floor(Math.random() * 2 ** 30);
  const histories = Array.from({ length: SEEDS }, (_, at) => {
    const seed = first + at;
    return t.test(`seed ${seed}`, async (t) => {
      const chance = chanceOf(seed);
      const scene = await Scene.open(t);
      const { behaviour } = scene.collector;
      await scene.start();
      for (let step = 0; step < 25; step += 1) {
        scene.append(Math.floor(chance() ** 2 * 120));
        behaviour.receiptDelayMs = chance() < 0.3 ? 5 : 0;
        behaviour.storeDelayMs = chance() < 0.2 ? 3 : 0;
        behaviour.cosigning = chance() < 0.2 ? 'never' : 'well';
        await new Promise((resolve) => setTimeout(resolve, chance() * 15));
        const turn = chance();
        if (turn < 0.4) scene.link.cut();
        else if (turn < 0.5) {
          await scene.stop();
          await scene.start();
        } else if (turn < 0.65) {
          await scene.crash(chance() < 0.5 ? 'kill' : 'power', chance);
          await scene.start();
        } else if (turn < 0.7) {
          await scene.stop();
          // Restored from a backup, from when the journal still held what followed.
          const known = scene.collector.of(AGENT);
          known.length = Math.max(0, scene.journal.firstSeq - 1, known.length - Math.floor(chance() * 60));
          await scene.start();
        }
      }
      behaviour.cosigning = 'well';
      scene.append(1);
      await scene.journal.flush();
      const told = () => `seed ${seed}: all of it (${scene.stored} of ${scene.journal.durableSeq}, ${scene.told})`;
      await until(() => scene.stored === scene.journal.durableSeq, told);
      await scene.stop();
      assert.equal(scene.collector.forks, 0, `seed ${seed}`);
      assert.equal(scene.stored, scene.journal.durableSeq, `seed ${seed}`);
      assert.equal(scene.seal.status.tree_size, scene.stored, `seed ${seed}`);
      assert.equal(scene.cosigned, scene.stored, `seed ${seed}`);
    });
  });
  await Promise.all(histories);
});
