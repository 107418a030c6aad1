// SPDX-License-Identifier: Apache-2.0

/**
 * Makes an activity part of the record: gives it its position, a salt and its leaf, carries the chain on, encodes it.
 * Knows nothing of files. One sealer per open journal; calls come in the order of seq.
 */
import { hash, randomFillSync } from 'node:crypto';
import { checkNumbers, LEAF_BYTES, leafInto, SALT_BYTES } from '../../proto/leaf.ts';
import { DETAILS } from '../../proto/leaf-fields.ts';
import { sworn } from '../../proto/record.ts';
import type { Activity, DetailKind } from '../model/activity.ts';
import { CHAIN_BYTES } from './segment-format.ts';

type Properties = sworn.v1.Activity.$Properties;
type Writer = ReturnType<typeof sworn.v1.Activity.encode>;

/** Fetching 16 random bytes costs 1.6 us, 4 KiB of them cost 0.02 us each time. */
const SALT_POOL_BYTES = 4096;

/** A buffer that one large activity made is not kept for ever. */
const WRITER_BYTES_MAX = 1024 * 1024;

/** Writes leaves and carries chains on as this file does, faster. */
export interface LeafWriter {
  /** Puts the leaf of the activity in the first so many bytes where they end; false for one that it leaves to others. */
  writeInto(bytes: Uint8Array, byteCount: number): boolean;
  /** Carries `chain` on by the leaf with which the first so many bytes end. */
  chain(chain: Uint8Array, bytes: Uint8Array, byteCount: number): void;
}

export class Sealer {
  readonly agentId: string;
  readonly host: string;
  /** chain after the last sealed activity · its leaf: side by side, as they are hashed. */
  readonly #chainAndLeaf = Buffer.alloc(CHAIN_BYTES + LEAF_BYTES);
  readonly #leaf = this.#chainAndLeaf.subarray(CHAIN_BYTES);
  readonly #chain = this.#chainAndLeaf.subarray(0, CHAIN_BYTES);
  readonly #leafWriter: LeafWriter | undefined;
  readonly #salts = Buffer.alloc(SALT_POOL_BYTES);
  #saltsUsed = SALT_POOL_BYTES;
  #writer: Writer = sworn.v1.Activity.encode({});
  /** Activities with text that was no Unicode and was repaired before it was sealed. */
  repairedTexts = 0;

  constructor(agentId: string, host: string, chain: Buffer, leafWriter?: LeafWriter) {
    this.#leafWriter = leafWriter;
    this.agentId = agentId;
    this.host = host;
    chain.copy(this.#chainAndLeaf, 0);
  }

  /** Chain after the last activity sealed. A view: copy it to keep it. */
  get chain(): Buffer {
    return this.#chain;
  }

  /**
   * Seals `activity` as number `seq` and encodes it. The size of the encoding is the result, `copyInto` gives its bytes.
   * The chain goes on only with `accept`, so that a caller who finds no room for it can leave it.
   *
   * Errors   RangeError when a number of the activity has no place in the record: a mistake of its builder
   */
  seal(activity: Activity, seq: number): number {
    const sealed = this.#withSeal(activity, seq);
    if (this.#leafWriter !== undefined) {
      checkNumbers(sealed);
      const bodyBytes = this.#encode(sealed);
      if (this.#leafWriter.writeInto(this.#writer.buf, bodyBytes)) return bodyBytes;
    }
    if (!leafInto(this.#chainAndLeaf, CHAIN_BYTES, sealed, this.agentId, this.host)) {
      this.repairedTexts += 1;
      const repaired = wellFormed(sealed) as Properties;
      leafInto(this.#chainAndLeaf, CHAIN_BYTES, repaired, this.agentId, this.host);
      return this.#encode(repaired);
    }
    return this.#encode(sealed);
  }

  copyInto(target: Buffer, at: number): void {
    this.#writer.finishInto(target, at);
  }

  accept(): void {
    if (this.#leafWriter !== undefined) this.#leafWriter.chain(this.#chain, this.#writer.buf, this.#writer.pos);
    else this.#chainAndLeaf.write(hash('sha256', this.#chainAndLeaf, 'latin1'), 0, 'latin1');
  }

  /**
   * The encoding of `activity` as number `seq` apart from the chain: for what stands in another one's place. With the same
   * `origin` (random bytes) it is the same each time: what is read again after a crash has the leaf that was delivered.
   */
  sealApart(activity: Activity, seq: number, host: string, origin: Uint8Array): Buffer {
    const sealed = this.#withSeal(activity, seq);
    const salt = hash('sha256', Buffer.concat([Buffer.from(`sworn apart ${seq} `), origin]), 'buffer');
    sealed.salt = salt.subarray(0, SALT_BYTES);
    sealed.leaf = Buffer.alloc(LEAF_BYTES);
    leafInto(sealed.leaf as Buffer, 0, sealed, this.agentId, host);
    return Buffer.from(sworn.v1.Activity.encode(sealed).finish());
  }

  #withSeal(activity: Activity, seq: number): Properties {
    // One shape for all kinds: what seals and encodes them stays fast.
    const details = activity as { readonly [K in DetailKind]?: unknown };
    return {
      seq,
      timeNs: activity.timeNs,
      endTimeNs: activity.endTimeNs,
      sessionId: activity.sessionId,
      workload: activity.workload,
      identityId: activity.identityId,
      identityName: activity.identityName,
      identityState: activity.identityState,
      identitySource: activity.identitySource,
      tokenId: activity.tokenId,
      identityTenant: activity.identityTenant,
      identityBlueprint: activity.identityBlueprint,
      onBehalfOfId: activity.onBehalfOfId,
      onBehalfOfName: activity.onBehalfOfName,
      tokenAudience: activity.tokenAudience,
      tokenScopes: activity.tokenScopes,
      tokenFingerprint: activity.tokenFingerprint,
      identityKind: activity.identityKind,
      pid: activity.pid,
      processId: activity.processId,
      exe: activity.exe,
      connectionId: activity.connectionId,
      command: details.command ?? null,
      process: details.process ?? null,
      connection: details.connection ?? null,
      token: details.token ?? null,
      loss: details.loss ?? null,
      session: details.session ?? null,
      recorder: details.recorder ?? null,
      alert: details.alert ?? null,
      finding: details.finding ?? null,
      terminal: details.terminal ?? null,
      salt: this.#nextSalt(),
      leaf: this.#leaf,
      // The model's halves stand for the generated code's class of 64-bit numbers; activity.test.ts checks the rest.
    } as unknown as Properties;
  }

  #encode(sealed: Properties): number {
    if (this.#writer.pos > WRITER_BYTES_MAX) this.#writer = sworn.v1.Activity.encode({});
    this.#writer.reset();
    try {
      sworn.v1.Activity.encode(sealed, this.#writer);
    } catch (cause) {
      // It may have stopped in the middle of a message.
      this.#writer = sworn.v1.Activity.encode({});
      throw cause;
    }
    return this.#writer.pos;
  }

  /** A view that is overwritten after 256 more; the encoding copies it at once. */
  #nextSalt(): Buffer {
    if (this.#saltsUsed === SALT_POOL_BYTES) {
      randomFillSync(this.#salts);
      this.#saltsUsed = 0;
    }
    const start = this.#saltsUsed;
    this.#saltsUsed += SALT_BYTES;
    return this.#salts.subarray(start, start + SALT_BYTES);
  }
}

/** `activity` without its payload, and how many bytes that took away. What it was about, and how it ended, stays. */
export function withoutPayload(activity: Activity): { readonly activity: Activity; readonly payloadBytes: number } {
  const { fields } = DETAILS.find(({ name }) => name === activity.detail)!;
  const kept: Record<string, unknown> = { ...(activity as unknown as Record<string, object>)[activity.detail] };
  let payloadBytes = 0;
  for (const { name, payload } of fields) {
    if (!payload) continue;
    const { size, empty } = measured(kept[name]);
    if (size === 0) continue;
    payloadBytes += size;
    kept[name] = empty;
  }
  if (payloadBytes > 0 && fields.some(({ name }) => name === 'truncated')) kept['truncated'] = true;
  return { activity: { ...activity, [activity.detail]: kept } as Activity, payloadBytes };
}

function measured(value: unknown): { readonly size: number; readonly empty: unknown } {
  if (typeof value === 'string') return { size: Buffer.byteLength(value), empty: '' };
  if (value instanceof Uint8Array) return { size: value.length, empty: new Uint8Array(0) };
  if (Array.isArray(value))
    return { size: value.reduce((sum, one: string) => sum + Buffer.byteLength(one), 0), empty: [] };
  if (value === null || value === undefined) return { size: 0, empty: value };
  const size = Object.entries(value).reduce((sum, [key, one]) => sum + Buffer.byteLength(key + String(one)), 0);
  return { size, empty: {} };
}

/** A copy in which every text is Unicode: U+FFFD stands for each lone surrogate. */
function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(wellFormed);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.toWellFormed(), wellFormed(one)]));
}
