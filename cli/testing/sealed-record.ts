// SPDX-License-Identifier: Apache-2.0

/** A store with sealed logs of several agents, and a collector in front of it that answers questions. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Activity, kindOf } from '../../collector/model/activity.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { asReceived } from '../../collector/testing/full-activities.ts';
import type { TestStore } from '../../collector/testing/test-store.ts';
import { type ActivityProperties, leafOf } from '../../proto/leaf.ts';
import { formatCheckpoint } from '../../proto/log/checkpoint.ts';
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import { createVerifier, formatNote, formatVerifier, signText } from '../../proto/log/note.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import type { ChangedRows } from './changed-rows.ts';

export const COLLECTOR = 'collector-1';
const HOST = 'höst';
const TIME_S = 1_790_000_000;

const keyPair = () => generateKeyPairSync('ed25519');

interface SealedLog {
  readonly tree: MerkleFrontier;
  readonly leaves: Buffer[];
  readonly keys: { publicKey: KeyObject; privateKey: KeyObject };
}

/** Signs as agents and the collector do, and writes what the collector would. */
export class SealedRecord {
  readonly #store: TestStore;
  readonly #change: ChangedRows;
  readonly #logs = new Map<string, SealedLog>();
  #collector = keyPair();

  constructor(store: TestStore, change: ChangedRows) {
    this.#store = store;
    this.#change = change;
  }

  /** One that goes on from here with the same keys, by itself; for tables that are put back to where they are now. */
  again(): SealedRecord {
    const other = new SealedRecord(this.#store, this.#change);
    other.#collector = this.#collector;
    for (const [agentId, { tree, leaves, keys }] of this.#logs)
      other.#logs.set(agentId, { tree: MerkleFrontier.at(tree.size, tree.subtrees), leaves: [...leaves], keys });
    return other;
  }

  /** The key by which the collector cosigns. */
  get collectorKey(): string {
    return formatVerifier(createVerifier(`sworn/${COLLECTOR}`, this.#collector.publicKey, 'cosignature'));
  }

  async start(): Promise<void> {
    const own = formatVerifier(createVerifier(`sworn/${COLLECTOR}`, this.#collector.publicKey));
    await this.#key(COLLECTOR, own, 'own');
    await this.#key(COLLECTOR, this.collectorKey, 'own');
  }

  async #key(agentId: string, line: string, origin: string): Promise<void> {
    await this.#change.run(
      `INSERT INTO sworn.log_keys (agent_id, verifier, origin, time) SELECT '${agentId}', '${line}', '${origin}', now64(3)`,
    );
  }

  async #log(agentId: string): Promise<SealedLog> {
    let log = this.#logs.get(agentId);
    if (log === undefined) {
      const keys = agentId === COLLECTOR ? this.#collector : keyPair();
      log = { tree: new MerkleFrontier(), leaves: [], keys };
      this.#logs.set(agentId, log);
      const line = formatVerifier(createVerifier(`sworn/${agentId}`, keys.publicKey));
      if (agentId !== COLLECTOR) await this.#key(agentId, line, 'first_seen');
    }
    return log;
  }

  /** Stored as delivered, with the next numbers. */
  async add(agentId: string, activities: readonly ActivityProperties[]): Promise<Activity[]> {
    const { tree, leaves } = await this.#log(agentId);
    const batch = this.#store.store.newBatch();
    const stored = activities.map((given) => {
      const activity = asReceived({ ...given, seq: tree.size + 1 });
      const leaf = leafOf(activity, agentId, HOST);
      activity.leaf = leaf;
      tree.append(leaf);
      leaves.push(leaf);
      batch.add(kindOf(activity)!, activity, { agentId, host: HOST });
      return activity;
    });
    await this.#store.store.append([batch]);
    return stored;
  }

  async addMade(agentId: string, count: number): Promise<void> {
    const { tree } = await this.#log(agentId);
    await this.add(
      agentId,
      Array.from({ length: count }, (_, at) => makeActivity(tree.size + at + 1)),
    );
  }

  /** Leaves of rows that were stored once and are not there any more. */
  async addGone(agentId: string, count: number): Promise<void> {
    const { tree, leaves } = await this.#log(agentId);
    for (let at = 0; at < count; at++) {
      const leaf = createHash('sha256').update(`${agentId} ${tree.size}`).digest();
      tree.append(leaf);
      leaves.push(leaf);
    }
  }

  /** The note of a checkpoint over all that was added, signed and cosigned. */
  async note(agentId: string, tree?: MerkleFrontier): Promise<string> {
    const log = await this.#log(agentId);
    const { size } = tree ?? log.tree;
    const origin = `sworn/${agentId}`;
    const text = formatCheckpoint({ origin, size, root: (tree ?? log.tree).root(), extensions: [] });
    const signatures = [signText(text, origin, log.keys.privateKey)];
    if (agentId !== COLLECTOR)
      signatures.push(signText(text, `sworn/${COLLECTOR}`, this.#collector.privateKey, TIME_S));
    return formatNote({ text, signatures });
  }

  /** Writes a checkpoint over all that was added. `day`: when it was judged. */
  async seal(agentId: string, { day = '', verdict = 'cosigned' } = {}): Promise<string> {
    const { tree } = await this.#log(agentId);
    const note = await this.note(agentId);
    const subtrees = tree.subtrees.map((one) => `unhex('${one.toString('hex')}')`).join(', ');
    const time = day === '' ? 'now64(3)' : `toDateTime64('${day} 12:00:00', 3, 'UTC')`;
    await this.#change.run(
      `INSERT INTO sworn.checkpoints (agent_id, size, root_bytes, time, verdict, note, subtrees, reason)
       SELECT '${agentId}', ${tree.size}, unhex('${tree.root().toString('hex')}'), ${time}, '${verdict}',
         unhex('${Buffer.from(note).toString('hex')}'), [${subtrees}], ''`,
    );
    return note;
  }

  /** Writes a tile of level 0 or 1 over what was added, as whole as that goes. */
  async tile(agentId: string, level: 0 | 1, index: number, leafEnd = Number.POSITIVE_INFINITY): Promise<void> {
    const { leaves } = await this.#log(agentId);
    const width = TILE_WIDTH ** level;
    const hashes: Buffer[] = [];
    for (let at = index * TILE_WIDTH; at < (index + 1) * TILE_WIDTH; at++) {
      if ((at + 1) * width > Math.min(leaves.length, leafEnd)) break;
      const tree = new MerkleFrontier();
      for (const leaf of leaves.slice(at * width, (at + 1) * width)) tree.append(leaf);
      hashes.push(tree.root());
    }
    await this.#change.run(
      `INSERT INTO sworn.log_tiles (agent_id, level, index, hashes, time)
       SELECT '${agentId}', ${level}, ${index}, unhex('${Buffer.concat(hashes).toString('hex')}'), now64(3)`,
    );
  }
}
