// SPDX-License-Identifier: Apache-2.0

/**
 * Holds what agents sign against what they delivered. Where a log stands is read from the tables when its stream begins, so
 * it does not matter which collector had the agent before; what does not fit is stored with its proof, told as an alert, and
 * refused.
 */
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { createVerifier, formatVerifier, type NoteVerifier, parseVerifier } from '../../proto/log/note.ts';
import type { CheckpointRow, CheckpointVerdict, LogStore } from '../store/log-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { AgentLog, type Mark } from './agent-log.ts';
import { type ReadCheckpoint, readCheckpoint, readShown } from './checkpoint-reader.ts';
import { type CollectorKey, logNameOf } from './collector-key.ts';
import { type Incident, RULE_OF_VERDICT } from './incident.ts';
import { type OpenedTree, openTree } from './open-tree.ts';
import type { Publisher } from './publisher.ts';
import { SealRefusal } from './seal-refusal.ts';

const KEY_CHARACTERS_MAX = 1024;
/** What may be told of one agent in an hour: a broken or hostile one must not fill the record with itself. */
const INCIDENTS_MAX = 20;
const INCIDENTS_MS = 3_600_000;
const TOLD_AGENTS_MAX = 20_000;
const COMPARED_ROWS = 16_384;

export interface SealDeskOptions {
  readonly collectorId: string;
  readonly key: CollectorKey;
  readonly store: LogStore;
  readonly publisher: Publisher;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  /** Writes it into the collector's own record. */
  readonly report: (incident: Incident) => Promise<void>;
}

/** What an agent says of itself in its Hello. Numbers are whole. */
export interface SealHello {
  readonly agentId: string;
  readonly host: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly sealKey: string;
  readonly checkpoint: string;
  readonly treeSize: number;
  readonly treeSubtrees: readonly Uint8Array[];
}

type Who = Pick<SealHello, 'agentId' | 'host'>;

interface Finding {
  readonly verdict: Exclude<CheckpointVerdict, 'cosigned'>;
  readonly size: number;
  readonly root?: Buffer;
  readonly note: string;
  readonly reason: string;
  /** The note that it conflicts with. */
  readonly against?: string;
}

export class SealDesk {
  readonly #options: SealDeskOptions;
  readonly #told = new Map<string, { since: number; what: Set<string> }>();

  constructor(options: SealDeskOptions) {
    this.#options = options;
  }

  get keyLine(): string {
    return formatVerifier(this.#options.key.cosigner);
  }

  /** Make known by which keys this collector signs. */
  async start(): Promise<void> {
    const { store, key, collectorId } = this.#options;
    const known = new Set((await store.keys(collectorId)).map(({ verifier }) => verifier));
    const lines = [key.cosigner, key.signer].map(formatVerifier).filter((line) => !known.has(line));
    await store.appendKeys(
      lines.map((verifier) => ({ agentId: collectorId, verifier, origin: 'own', timeMs: Date.now() })),
    );
  }

  /**
   * Where an agent's log stands, at the beginning of its stream; undefined for one that seals nothing.
   *
   * storedSeq  the highest seq of the agent that is stored
   * Errors     SealRefusal, after it was recorded why; CollectorError when the store does not answer
   */
  async open(hello: SealHello, storedSeq: number): Promise<AgentLog | undefined> {
    const { agentId, host, lastSeq } = hello;
    if (lastSeq > 0 && lastSeq < storedSeq) {
      const reason = `the journal ends at ${lastSeq}, and ${storedSeq} activities of this agent are stored: it is not the journal they came from`;
      await this.#refuse(hello, { verdict: 'rolled_back', size: lastSeq, note: hello.checkpoint, reason });
    }
    const verifier = await this.#enrolled(hello);
    if (verifier === undefined) return undefined;
    const { store } = this.#options;
    const newest = await store.cosigned(agentId);
    const marks: Mark[] = [];
    const shown = readShown(hello, await this.#cosigners());
    if (shown !== undefined) marks.push(shown);
    if (newest !== undefined && newest.size > storedSeq) marks.push(markOf(newest));
    const lost = Math.max(0, ...marks.map(({ size }) => size));
    if (lost > storedSeq) {
      const summary = `${storedSeq} activities of ${agentId} are stored, and a collector had signed for ${lost}: the store was set back, or rows were taken out.`;
      await this.#report({ rule: 'store_rolled_back', agentId, host, seq: lost, summary }, '');
    }
    const base = newest !== undefined && newest.size > storedSeq ? await store.cosigned(agentId, storedSeq) : newest;
    const opened = await openTree(this.#options.publisher.reader, hello, storedSeq, base, marks);
    const tree = await this.#judgeOpened(hello, opened, base);
    return new AgentLog({
      agentId,
      host,
      verifier,
      tree,
      cosigned: base,
      marks: marks.filter(({ size }) => size > (tree?.size ?? storedSeq)),
      cameFromBehind: newest !== undefined && hello.treeSize < newest.size,
    });
  }

  async #judgeOpened(
    hello: SealHello,
    opened: OpenedTree,
    base: CheckpointRow | undefined,
  ): Promise<OpenedTree['tree']> {
    const { agentId, host } = hello;
    if (opened.doubled !== undefined) {
      const reason = `activity ${opened.doubled} is stored twice, with different leaves`;
      await this.#refuse(hello, { verdict: 'forked', size: opened.doubled, note: hello.checkpoint, reason });
    }
    if (opened.conflict !== undefined) {
      const { size, root, note } = opened.conflict;
      const what = note === '' ? "the agent's tree" : 'a cosigned checkpoint';
      const reason = `${what} of ${size} has another root than what is stored`;
      const against = base?.note ?? '';
      await this.#refuse(hello, { verdict: 'forked', size, root, note: note || hello.checkpoint, reason, against });
    }
    if (opened.adoptedBehind !== undefined) {
      const summary = `Activities of ${agentId} up to ${opened.adoptedBehind} are missing for good; its tree goes on at ${opened.tree?.size} with the hashes that it named itself.`;
      await this.#report({ rule: 'log_hole_adopted', agentId, host, seq: opened.adoptedBehind, summary }, '');
    }
    return opened.tree;
  }

  /**
   * Judge a checkpoint that came behind activities up to `lastSeq`, which may be on their way to the store yet. Resolves with
   * the cosigned note when it is stored; undefined when the stream ended before.
   *
   * Errors   as `open`
   */
  async judge(log: AgentLog, note: string, lastSeq: number): Promise<string | undefined> {
    const read = readCheckpoint(note, log.verifier);
    if (read.kind === 'malformed') throw new SealRefusal('malformed', read.reason);
    if (read.kind === 'bad_signature') {
      const reason = `the checkpoint is not signed by the key of ${log.agentId}: ${read.reason}`;
      return await this.#refuse(log, { verdict: 'bad_signature', size: 0, note, reason });
    }
    const { size, root } = read.checkpoint;
    const { cosigned } = log;
    if (cosigned !== undefined && size <= cosigned.size) return await this.#judgeAgain(log, read, note, cosigned);
    if (size > lastSeq) {
      throw new SealRefusal('malformed', `a checkpoint of ${size} came before its activities; ${lastSeq} have come`);
    }
    if (!log.isAnchored) {
      throw new SealRefusal(
        'gap',
        'rows of this log are missing; it goes on when the agent comes again with its tree',
        true,
      );
    }
    const point = (await log.at(size)) ?? (log.size > size ? await this.#pointAt(log.agentId, size) : undefined);
    if (point === undefined || log.isClosed) return undefined;
    if (!point.root.equals(root)) {
      const verdict = log.cameFromBehind ? 'forked' : 'wrong_root';
      const reason = `the checkpoint of ${size} has another root than what was delivered: ${point.root.toString('base64')}`;
      const against = log.cosigned?.note ?? '';
      return await this.#refuse(log, { verdict, size, root, note, reason, against });
    }
    const { key, publisher, metrics } = this.#options;
    const own = key.cosign(read.note.text, Math.floor(Date.now() / 1000));
    const { agentId } = log;
    const row = await publisher.publish({
      agentId,
      origin: logNameOf(agentId),
      text: read.note.text,
      ...point,
      signatures: [...read.signatures, own],
      oldSize: log.cosigned?.size ?? 0,
    });
    log.cosigned = row;
    metrics.agentCosignedTime.set(row.timeMs / 1000, { agent: agentId });
    return row.note;
  }

  async #judgeAgain(
    log: AgentLog,
    { checkpoint: { size, root } }: Extract<ReadCheckpoint, { kind: 'good' }>,
    note: string,
    cosigned: CheckpointRow,
  ): Promise<string | undefined> {
    const against = cosigned.note;
    if (size < cosigned.size) {
      const reason = `a checkpoint of ${size} came after one of ${cosigned.size}`;
      return await this.#refuse(log, { verdict: 'rolled_back', size, root, note, reason, against });
    }
    if (root.equals(cosigned.root)) return cosigned.note;
    const reason = `two checkpoints of ${size} have different roots`;
    return await this.#refuse(log, { verdict: 'forked', size, root, note, reason, against });
  }

  async #pointAt(agentId: string, size: number) {
    const tree = await this.#options.publisher.reader.treeAt(agentId, size);
    return tree && { size, root: tree.root(), subtrees: tree.subtrees };
  }

  /** The agent's stream took up rows. Errors: SealRefusal when they are others than were signed for. */
  async stored(log: AgentLog, firstSeq: number, leaves: Buffer): Promise<void> {
    const mark = log.append(firstSeq, leaves);
    if (mark === undefined) return;
    // At once: no checkpoint of this tree may be cosigned while it is written down why.
    log.close();
    const reason = `activities up to ${mark.size} came again, and are others than a collector had signed for`;
    await this.#refuse(log, { verdict: 'forked', size: mark.size, root: mark.root, note: mark.note, reason });
  }

  /** Activities that came again must be those that are stored. Errors: SealRefusal when one has another leaf. */
  async compare(who: Who, firstSeq: number, leaves: Buffer): Promise<void> {
    const count = leaves.length / HASH_BYTES;
    for (let from = firstSeq; from < firstSeq + count; from += COMPARED_ROWS) {
      const to = Math.min(from + COMPARED_ROWS, firstSeq + count) - 1;
      for (const { seq, leaf } of await this.#options.store.leaves(who.agentId, from, to, 2 * COMPARED_ROWS)) {
        const at = (seq - firstSeq) * HASH_BYTES;
        const came = leaves.subarray(at, at + HASH_BYTES);
        if (leaf.equals(came)) continue;
        const reason = `activity ${seq} came with leaf ${came.toString('hex')}, and is stored with ${leaf.toString('hex')}`;
        await this.#refuse(who, { verdict: 'forked', size: seq, note: '', reason });
      }
    }
  }

  /** The key that counts for an agent; undefined when it has none and needs none. */
  async #enrolled(hello: SealHello): Promise<NoteVerifier | undefined> {
    const { agentId, sealKey } = hello;
    const { store } = this.#options;
    const given = sealKey === '' ? undefined : readAgentKey(agentId, sealKey);
    const known = (await store.keys(agentId)).filter(({ origin }) => origin === 'first_seen' || origin === 'accepted');
    const enrolled = known.at(-1)?.verifier ?? '';
    const line = given === undefined ? '' : formatVerifier(given);
    if (enrolled !== '' && line !== enrolled) {
      const now = line === '' ? 'no key' : line;
      const reason = `the agent comes with ${now}, and ${enrolled} is enrolled`;
      await this.#refuse(hello, { verdict: 'key_changed', size: hello.treeSize, note: hello.checkpoint, reason });
    }
    if (enrolled === '' && line !== '') {
      await store.appendKeys([{ agentId, verifier: line, origin: 'first_seen', timeMs: Date.now() }]);
      this.#options.log.info({ agent: agentId, key: line }, 'the key of a log is enrolled');
    }
    return given;
  }

  /** Keys of all collectors that write to this store, as they cosign. */
  async #cosigners(): Promise<NoteVerifier[]> {
    const { store, key } = this.#options;
    const lines = (await store.collectorKeys()).map(({ verifier }) => verifier);
    const others = lines.map((line) => parseVerifier(line)).filter(({ kind }) => kind === 'cosignature');
    return [key.cosigner, ...others.filter(({ keyId }) => keyId !== key.cosigner.keyId)];
  }

  /** Record why, with the proof, and refuse. */
  async #refuse(who: Who, { verdict, size, root, note, reason, against = '' }: Finding): Promise<never> {
    const { agentId, host } = who;
    const rule = RULE_OF_VERDICT[verdict];
    this.#options.metrics.checkpoints.add(1, { verdict });
    await this.#report({ rule, agentId, host, seq: size, summary: `${agentId}: ${reason}` }, note, async () => {
      const row = { agentId, size, root: root ?? Buffer.alloc(HASH_BYTES), timeMs: Date.now(), verdict, note } as const;
      const why = against === '' ? reason : `${reason}\n\n${against}`;
      await this.#options.publisher.rows.write({ ...row, subtrees: [], reason: why });
    });
    const code = verdict === 'rolled_back' || verdict === 'key_changed' ? verdict : 'forked';
    throw new SealRefusal(code, reason);
  }

  async #report(incident: Incident, note: string, proof?: () => Promise<void>): Promise<void> {
    const what = `${incident.rule} ${incident.seq} ${incident.summary} ${note}`;
    const told = this.#toldOf(incident.agentId);
    if (told.has(what) || told.size >= INCIDENTS_MAX) {
      this.#options.metrics.incidentsSuppressed.add();
      return;
    }
    await proof?.();
    await this.#options.report(incident);
    told.add(what);
  }

  #toldOf(agentId: string): Set<string> {
    const found = this.#told.get(agentId);
    if (found !== undefined && Date.now() - found.since < INCIDENTS_MS) return found.what;
    if (this.#told.size >= TOLD_AGENTS_MAX) this.#told.clear();
    const what = new Set<string>();
    this.#told.set(agentId, { since: Date.now(), what });
    return what;
  }
}

/** Errors: SealRefusal `malformed`. */
function readAgentKey(agentId: string, line: string): NoteVerifier {
  try {
    if (line.length > KEY_CHARACTERS_MAX) throw new RangeError('the key of the log is too long');
    const verifier = parseVerifier(line);
    if (verifier.kind !== 'ed25519' || verifier.name !== logNameOf(agentId)) {
      throw new RangeError(`the key of a log signs, and has the name ${logNameOf(agentId)}`);
    }
    return createVerifier(verifier.name, verifier.publicKey);
  } catch (error) {
    throw new SealRefusal('malformed', (error as Error).message);
  }
}

function markOf({ size, root, note }: CheckpointRow): Mark {
  return { size, root: Buffer.from(root), note };
}
