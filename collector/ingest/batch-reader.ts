// SPDX-License-Identifier: Apache-2.0

/**
 * A batch from the wire as rows for the store, with the alerts that it raises. Bytes are hostile: sizes are bounded before
 * and while inflating, every activity is checked, and a fault anywhere refuses the whole batch with a reason.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { constants, zstdDecompress } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';
import { LEAF_BYTES } from '../../proto/leaf.ts';
import { sworn } from '../../proto/record.ts';
import type { Activity, SeenActivity, Sender } from '../model/activity.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import type { RowBatch } from '../store/event-store.ts';
import { checkActivity } from './activity-check.ts';
import { alertFor, type OwnActivity } from './own-record.ts';
import { type RecorderWord, recorderWordOf } from './presence.ts';
import { Refusal } from './service.ts';

const inflate = promisify(zstdDecompress);

/** 32 MiB of window: more than any compression level of the agent asks for; bounds what one frame makes us hold. */
const WINDOW_LOG_MAX = 25;
/** Other streams, queries and health checks get a turn at least this often. */
const TURN_MS = 5;
const ACTIVITIES_PER_CLOCK_LOOK = 128;
/** An activity takes more than this: a count that promises more of them is a lie. */
const ACTIVITY_BYTES_MIN = 2;

export interface ReadBatch {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly rows: RowBatch;
  /** Of these rows, 32 bytes each; zeros for one that has none. */
  readonly leaves: Buffer;
  /** Of those that were passed over: the leaves of seq `firstSeq` and on. */
  readonly again: { readonly firstSeq: number; readonly leaves: Buffer };
  readonly own: readonly OwnActivity[];
  /** The activities themselves, when somebody watches. */
  readonly seen: readonly SeenActivity[] | undefined;
  /** The last in it that the recorder says of whether it runs. */
  readonly word: RecorderWord | undefined;
}

export interface BatchContext {
  readonly sender: Sender;
  readonly rules: RuleSet;
  readonly newRows: () => RowBatch;
  readonly watched: () => boolean;
}

/** A batch's place in its agent's record. */
export interface BatchSpan {
  readonly firstSeq: number;
  readonly count: number;
}

export function spanOf(batch: sworn.v1.Batch.$Properties): BatchSpan {
  const firstSeq = Number(batch.firstSeq ?? 0);
  const count = batch.count ?? 0;
  if (!Number.isSafeInteger(firstSeq) || firstSeq < 1 || count < 1 || !Number.isSafeInteger(firstSeq + count)) {
    throw new Refusal('malformed', `a batch of ${count} activities from ${firstSeq} on`);
  }
  return { firstSeq, count };
}

/**
 * Errors   Refusal `too_large` or `malformed`
 */
export async function inflateBatch(batch: sworn.v1.Batch.$Properties, bytesMax: number): Promise<Buffer> {
  const size = batch.uncompressedBytes ?? 0;
  const compressed = batch.activitiesZstd ?? new Uint8Array();
  if (size > bytesMax || compressed.length > bytesMax) {
    throw new Refusal(
      'too_large',
      `a batch of ${Math.max(size, compressed.length)} bytes; at most ${bytesMax} are taken`,
    );
  }
  let bytes: Buffer;
  try {
    bytes = await inflate(compressed, {
      maxOutputLength: Math.max(size, 1),
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    });
  } catch (error) {
    throw new Refusal('malformed', 'the activities are not zstd of the size that the batch says', { cause: error });
  }
  if (bytes.length !== size) {
    throw new Refusal('malformed', `the batch says ${size} bytes and has ${bytes.length}`);
  }
  return bytes;
}

/**
 * Decode, check, match and encode. Activities up to `storedSeq` have been stored before and are passed over.
 *
 * Errors   Refusal `malformed`
 */
export async function readBatch(
  bytes: Buffer,
  span: BatchSpan,
  storedSeq: number,
  context: BatchContext,
): Promise<ReadBatch> {
  const reader = protobuf.Reader.create(bytes);
  const rows = context.newRows();
  if (span.count * ACTIVITY_BYTES_MIN > bytes.length)
    throw new Refusal('malformed', `${bytes.length} bytes where the batch says ${span.count} activities`);
  const leaves = Buffer.alloc(span.count * LEAF_BYTES);
  const own: OwnActivity[] = [];
  const seen: SeenActivity[] | undefined = context.watched() ? [] : undefined;
  let said: RecorderWord | undefined;
  let turnStartedAt = performance.now();
  let seq = span.firstSeq;
  for (; reader.pos < reader.len; seq++) {
    if (seq >= span.firstSeq + span.count)
      throw new Refusal('malformed', `more activities than the ${span.count} it says`);
    const activity = decodeNext(reader, seq);
    const checked = checkActivity(activity, seq);
    if ('fault' in checked) throw new Refusal('malformed', checked.fault);
    leaves.set(activity.leaf, (seq - span.firstSeq) * LEAF_BYTES);
    if (seq > storedSeq) {
      const { kind } = checked;
      rows.add(kind, activity, context.sender);
      if (kind === 'recorder') said = recorderWordOf(activity) ?? said;
      for (const rule of context.rules.matches(kind, activity, context.sender)) {
        own.push(alertFor(rule, activity, context.sender, seq));
      }
      seen?.push({ kind, activity, sender: context.sender });
    }
    if (seq % ACTIVITIES_PER_CLOCK_LOOK === 0 && performance.now() - turnStartedAt > TURN_MS) {
      await nextTurn();
      turnStartedAt = performance.now();
    }
  }
  const count = seq - span.firstSeq;
  if (count !== span.count) throw new Refusal('malformed', `${count} activities where the batch says ${span.count}`);
  const firstSeq = Math.max(span.firstSeq, storedSeq + 1);
  const split = Math.min(firstSeq - span.firstSeq, count) * LEAF_BYTES;
  return {
    firstSeq,
    lastSeq: seq - 1,
    rows,
    leaves: leaves.subarray(split),
    again: { firstSeq: span.firstSeq, leaves: leaves.subarray(0, split) },
    own,
    seen,
    word: said,
  };
}

function decodeNext(reader: protobuf.Reader, seq: number): Activity {
  try {
    const length = reader.uint32();
    // Checked here, because the generated code would read on into the next activity.
    if (length > reader.len - reader.pos) throw new RangeError('an activity that ends beyond the batch');
    return sworn.v1.Activity.decode(reader, length);
  } catch (error) {
    throw new Refusal('malformed', `activity ${seq} cannot be decoded`, { cause: error });
  }
}
