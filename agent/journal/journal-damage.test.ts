// SPDX-License-Identifier: Apache-2.0

/** What a crash or a bad disk can leave: a file cut anywhere, any bit turned, entries taken out, put in, changed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { leafOf } from '../../proto/leaf.ts';
import { sworn } from '../../proto/record.ts';
import { bigintFromUint64, type Uint64 } from '../model/activity.ts';
import { Journal, type JournalOptions } from './journal.ts';
import { MemoryDisk } from './memory-disk.ts';
import { type Decoded, readBack } from './reading-back.ts';
import { commandIndex, sampleCommand } from './sample-activities.ts';
import {
  checksumSeed,
  FRAME_HEAD_BYTES,
  FRAMES_START,
  MARK_BYTES,
  readFrame,
  readHeader,
  SEGMENT_VERSION,
  sealEntryFrame,
} from './segment-format.ts';

const FOLDER = '/journal';
const NAME = '0000000000000001.segment';
const PATH = `${FOLDER}/${NAME}`;

function open(disk: MemoryDisk, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return Journal.open({ folder: FOLDER, agentId: 'agent-1', host: 'host-1', flushDelayMs: 1, disk, ...options });
}

/** A disk with a closed journal of `groups` groups of `each` activities in one segment. */
async function written(groups: number, each: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const journal = await open(disk);
  for (let index = 0; index < groups * each; index += 1) {
    journal.append(sampleCommand(index));
    if (index % each === each - 1) await journal.flush();
  }
  await journal.close();
  return disk;
}

function nanoseconds(time: Decoded['timeNs']): bigint {
  return bigintFromUint64(time as unknown as Uint64);
}

interface Frame {
  readonly kind: 'entry' | 'mark';
  readonly seq: number;
  readonly start: number;
  readonly end: number;
}

function framesOf(bytes: Buffer): Frame[] {
  const read = readHeader(bytes);
  assert.equal(read.kind, 'header');
  const { segmentId } = (read as Extract<typeof read, { kind: 'header' }>).header;
  const frames: Frame[] = [];
  for (let at = FRAMES_START; at < bytes.length; ) {
    const frame = readFrame(bytes, at, 0, segmentId, checksumSeed(segmentId));
    if (frame.kind !== 'entry' && frame.kind !== 'mark') break;
    frames.push({
      kind: frame.kind,
      seq: frame.kind === 'entry' ? frame.seq : frame.lastSeq,
      start: at,
      end: frame.end,
    });
    at = frame.end;
  }
  return frames;
}

/** Every number once; each the activity that was written there, or a loss of the journal's. Numbers of the losses. */
function lostOf(read: readonly Decoded[], written: number): number[] {
  const lost: number[] = [];
  for (const [index, activity] of read.entries()) {
    if (index >= written || commandIndex(activity) === index) continue;
    assert.equal(activity.loss?.where, 'journal', `activity ${index + 1}`);
    lost.push(index + 1);
  }
  return lost;
}

describe('a file that was cut', () => {
  test('anywhere: what is before is kept, the torn rest is cut off and told', async () => {
    const disk = await written(3, 4);
    const whole = Buffer.from(disk.contentOf(PATH));
    const frames = framesOf(whole);
    const secondMark = frames.findLast(({ kind, seq }) => kind === 'mark' && seq === 8)!;
    // The last group byte by byte, what is before it in larger steps.
    const cuts = [...Array(whole.length - secondMark.end).keys()].map((index) => secondMark.end + index);
    for (let at = 0; at < secondMark.end; at += 61) cuts.push(at);
    for (const cut of cuts) {
      const kept = frames.filter(({ end }) => end <= cut);
      const keptSeq = kept.findLast(({ kind }) => kind === 'entry')?.seq ?? 0;
      const goodEnd = cut < FRAMES_START ? 0 : (kept.at(-1)?.end ?? FRAMES_START);
      const copy = new MemoryDisk();
      copy.replace(PATH, whole.subarray(0, cut));
      const journal = await open(copy);
      assert.equal(journal.report.lastSeq, keptSeq, `cut at ${cut}`);
      assert.equal(journal.report.tornBytes, cut - goodEnd, `cut at ${cut}`);
      assert.equal(journal.report.damagedEntries, 0);
      const tellsLoss = cut > goodEnd ? 1 : 0;
      assert.equal(journal.append(sampleCommand(keptSeq + tellsLoss)), keptSeq + tellsLoss + 1, `cut at ${cut}`);
      await journal.flush();
      const read = await readBack(journal);
      assert.equal(read.length, keptSeq + tellsLoss + 1);
      assert.deepEqual(lostOf(read, read.length), tellsLoss === 1 ? [keptSeq + 1] : [], `cut at ${cut}`);
      if (tellsLoss === 1) {
        const { loss, timeNs, endTimeNs } = read[keptSeq]!;
        assert.equal(loss!.reason, 'torn_tail');
        // What was cut off happened after the last entry that is left, and before now.
        const lastNs = keptSeq === 0 ? nanoseconds(timeNs) : nanoseconds(read[keptSeq - 1]!.endTimeNs);
        assert.equal(nanoseconds(timeNs), lastNs, `cut at ${cut}`);
        assert.ok(nanoseconds(endTimeNs) > lastNs || keptSeq === 0, `cut at ${cut}`);
        assert.equal(Number(loss!.bytes), cut - goodEnd);
      }
      await journal.close();
      const again = await open(copy);
      assert.equal(again.report.tornBytes, 0);
      assert.deepEqual(again.report.altered, [], `chain after a cut at ${cut}`);
      await again.close();
    }
  });

  test('while it is open: the entries that are gone are told at their numbers', async () => {
    const disk = await written(2, 5);
    const journal = await open(disk);
    const [, third] = framesOf(disk.contentOf(PATH)).filter(({ kind }) => kind === 'entry');
    disk.replace(PATH, disk.contentOf(PATH).subarray(0, third!.end + 3));
    const read = await readBack(journal);
    assert.deepEqual(lostOf(read, 10), [3, 4, 5, 6, 7, 8, 9, 10]);
    await journal.close();
  });
});

describe('a bit that turned', () => {
  test('anywhere: every entry is still itself or told as lost, few are lost, nothing throws', async () => {
    const disk = await written(3, 3);
    const whole = Buffer.from(disk.contentOf(PATH));
    const frames = framesOf(whole);
    const copyBytes = FRAMES_START / 2;
    // Of a copy of the header all that the checksum leaves out, and samples of the rest.
    const isSampled = (at: number) => at < FRAMES_START && at % copyBytes >= 16;
    for (let at = 0; at < whole.length; at += isSampled(at) ? Math.min(37, copyBytes - (at % copyBytes)) : 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = damaged[at]! ^ (1 << (at % 8));
      const copy = new MemoryDisk();
      copy.replace(PATH, damaged);
      const journal = await open(copy);
      const hit = frames.find(({ start, end }) => at >= start && at < end);
      const read = await readBack(journal);
      const lost = lostOf(read, 9);
      if (hit === undefined) assert.deepEqual(lost, [], `header byte ${at}`);
      else if (hit.kind === 'entry') {
        assert.equal(read.length, 9, `byte ${at}`);
        const isLength = at < hit.start + FRAME_HEAD_BYTES && at >= hit.start + 4;
        // Without its length the rest of the group, up to its mark, cannot be found.
        assert.ok(lost.includes(hit.seq), `byte ${at}: ${lost}`);
        assert.ok(lost.length <= (isLength ? 3 : 1), `byte ${at}: ${lost}`);
      } else if (hit.seq === 9) assert.equal(journal.report.tornBytes, MARK_BYTES, `byte ${at} of the last mark`);
      else assert.deepEqual(lost, [], `byte ${at} of a mark`);
      // Numbers go on, none is used twice.
      assert.ok(journal.append(sampleCommand(100)) >= 10);
      await journal.flush();
      await journal.close();
      const again = await open(copy);
      assert.deepEqual(lostOf(await readBack(again), 9), lost, `byte ${at}, read again`);
      await again.close();
    }
  });

  test('in a journal that is being delivered is found by the reader', async () => {
    const disk = await written(4, 25);
    const journal = await open(disk);
    const bytes = disk.contentOf(PATH);
    const [hit] = framesOf(bytes).filter(({ kind, seq }) => kind === 'entry' && seq === 42);
    bytes[hit!.start + 100]! ^= 4;
    const read = await readBack(journal);
    assert.deepEqual(lostOf(read, 100), [42]);
    assert.equal(read[41]!.loss!.reason, 'damaged');
    assert.equal(journal.state.losses.get('damaged')!.events, 1);
    // Reading again, after a reconnect, counts nothing twice.
    await readBack(journal);
    assert.equal(journal.state.losses.get('damaged')!.events, 1);
    await journal.close();
  });
});

describe('entries that somebody changed', () => {
  test('taken out: told at their numbers', async () => {
    const disk = await written(2, 5);
    const bytes = disk.contentOf(PATH);
    const [gone] = framesOf(bytes).filter(({ kind, seq }) => kind === 'entry' && seq === 3);
    disk.replace(PATH, Buffer.concat([bytes.subarray(0, gone!.start), bytes.subarray(gone!.end)]));
    const journal = await open(disk);
    assert.equal(journal.report.damagedEntries > 0, true);
    const read = await readBack(journal);
    // Marks are no longer where they say they are, so nothing after the change is believed without doubt; nothing is silent.
    assert.ok(lostOf(read, read.length).includes(3));
    await journal.close();
  });

  test('changed, with all checksums right: the chain tells', async () => {
    const disk = await written(2, 5);
    const bytes = disk.contentOf(PATH);
    const [entry] = framesOf(bytes).filter(({ kind, seq }) => kind === 'entry' && seq === 3);
    const { header } = readHeader(bytes) as { header: { segmentId: Buffer } };
    const body = bytes.subarray(entry!.start + FRAME_HEAD_BYTES, entry!.end);
    const activity = sworn.v1.Activity.decode(Buffer.from(body));
    activity.command!.statement = activity.command!.statement!.replace('orders', 'ORDERS');
    activity.leaf = leafOf(activity, 'agent-1', 'host-1');
    Buffer.from(sworn.v1.Activity.encode(activity).finish()).copy(body);
    sealEntryFrame(bytes, entry!.start, body.length, checksumSeed(header.segmentId));
    const journal = await open(disk);
    assert.deepEqual(journal.report.altered, [{ fromSeq: 1, toSeq: 5 }]);
    assert.equal(journal.state.losses.get('altered')!.events, 5);
    const read = await readBack(journal);
    assert.equal(read[2]!.command!.statement!.includes('ORDERS'), true);
    await journal.close();
    const [loss] = (await readBack(await open(disk), 11)).map((one) => one.loss);
    assert.deepEqual([loss!.where, loss!.reason], ['journal', 'altered']);
  });

  test('copied from another segment: not believed', async () => {
    const disk = await written(1, 5);
    const other = await written(1, 5);
    const bytes = disk.contentOf(PATH);
    const [from] = framesOf(other.contentOf(PATH)).filter(({ kind, seq }) => kind === 'entry' && seq === 2);
    const [to] = framesOf(bytes).filter(({ kind, seq }) => kind === 'entry' && seq === 2);
    other.contentOf(PATH).copy(bytes, to!.start, from!.start, from!.end);
    const journal = await open(disk);
    assert.deepEqual(lostOf(await readBack(journal), 5), [2]);
    await journal.close();
  });

  test('pretended inside a payload: what looks like a frame there is never taken for one', async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);
    first.append(sampleCommand(0));
    await first.close();
    const frames = Buffer.from(disk.contentOf(PATH).subarray(FRAMES_START));
    const second = await open(disk);
    second.append(sampleCommand(1, { response: frames }));
    second.append(sampleCommand(2));
    await second.close();
    const bytes = disk.contentOf(PATH);
    const [hit] = framesOf(bytes).filter(({ kind, seq }) => kind === 'entry' && seq === 2);
    // Its length is gone, so the reader looks for the next mark, through the payload.
    bytes[hit!.start + 5]! ^= 0x10;
    const journal = await open(disk);
    assert.deepEqual(lostOf(await readBack(journal), 3), [2, 3]);
    await journal.close();
  });
});

describe('whole segments', () => {
  async function manySegments(): Promise<MemoryDisk> {
    const disk = new MemoryDisk();
    const journal = await open(disk, { segmentBytesMax: 8000, groupBytesMax: 4096 });
    for (let index = 0; index < 60; index += 1) journal.append(sampleCommand(index));
    await journal.close();
    return disk;
  }

  const names = async (disk: MemoryDisk) =>
    (await disk.list(FOLDER)).filter((name) => name.endsWith('.segment')).sort();

  test('that are gone from the middle are told, and the rest is read', async () => {
    const disk = await manySegments();
    const all = await names(disk);
    await disk.remove(`${FOLDER}/${all[1]}`);
    const journal = await open(disk);
    const read = await readBack(journal);
    const from = Number(all[1]!.slice(0, 16));
    const to = Number(all[2]!.slice(0, 16)) - 1;
    assert.deepEqual(
      lostOf(read, 60),
      [...Array(to - from + 1).keys()].map((index) => from + index),
    );
    assert.equal(read[from - 1]!.loss!.reason, 'missing');
    await journal.close();
  });

  test('whose header cannot be read are told; their numbers are not used again', async () => {
    const disk = await manySegments();
    const all = await names(disk);
    for (const name of [all[1]!, all.at(-1)!]) disk.contentOf(`${FOLDER}/${name}`).fill(0, 0, FRAMES_START);
    const journal = await open(disk);
    assert.deepEqual(journal.report.unreadableSegments, [all[1], all.at(-1)]);
    assert.ok(journal.append(sampleCommand(0)) > 60);
    await journal.flush();
    const read = await readBack(journal);
    assert.equal(read.at(-1)!.command !== undefined && commandIndex(read.at(-1)!), 0);
    assert.ok(lostOf(read.slice(0, 60), 60).length >= 2);
    await journal.close();
  });

  test('of a newer version are not touched: both copies of the header say so', async () => {
    const disk = await written(3, 3);
    const bytes = disk.contentOf(PATH);
    for (const copy of [0, FRAMES_START / 2]) bytes.writeUInt32LE(SEGMENT_VERSION + 1, copy + 8);
    await assert.rejects(open(disk), { code: 'journal_version' });
  });

  test('of which the first is one: losses stand at its numbers, so that the record begins where it began', async () => {
    const disk = await manySegments();
    const [first, second] = await names(disk);
    disk.contentOf(`${FOLDER}/${first}`).fill(0, 0, FRAMES_START);
    const journal = await open(disk);
    assert.equal(journal.firstSeq, 1);
    const read = await readBack(journal);
    const lost = Number(second!.slice(0, 16)) - 1;
    assert.deepEqual(
      lostOf(read, 60),
      [...Array(lost).keys()].map((index) => index + 1),
    );
    assert.equal(read[0]!.loss!.reason, 'missing');
    // Once its numbers are delivered it is no concern any more.
    journal.forget(lost);
    assert.equal(journal.firstSeq, lost + 1);
    await journal.close();
  });

  test('that were only begun are removed', async () => {
    for (const size of [0, 100, FRAMES_START - 1, FRAMES_START]) {
      const disk = await manySegments();
      disk.replace(`${FOLDER}/0000000000000061.segment`, Buffer.alloc(size));
      const journal = await open(disk);
      assert.equal(journal.report.lastSeq, 60);
      assert.equal(journal.report.unreadableSegments.length, 0);
      assert.deepEqual(lostOf((await readBack(journal)).slice(0, 60), 60), []);
      await journal.close();
    }
  });

  test('of an image from before: a number that was delivered is not used again', async () => {
    const disk = await written(2, 5);
    const old = Buffer.from(disk.contentOf(PATH));
    const journal = await open(disk);
    for (let index = 10; index < 30; index += 1) journal.append(sampleCommand(index));
    await journal.flush();
    journal.forget(25);
    await journal.close();
    disk.replace(PATH, old);
    const restored = await open(disk);
    assert.equal(restored.append(sampleCommand(99)), 26);
    await restored.flush();
    const read = await readBack(restored);
    assert.equal(read.length, 26);
    assert.ok(read.slice(10, 25).every(({ loss }) => loss?.reason === 'missing'));
    await restored.close();
  });
});
