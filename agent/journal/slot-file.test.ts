// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from './memory-disk.ts';
import { SlotFile } from './slot-file.ts';

const PATH = '/state/file';
const open = (disk: MemoryDisk) => SlotFile.open(disk, PATH, 4096);

async function foundIn(disk: MemoryDisk): Promise<string> {
  const { found } = await open(disk);
  return found.kind === 'content' ? found.content.toString() : found.kind;
}

test('holds what was written last, and nothing at first', async () => {
  const disk = new MemoryDisk();
  assert.equal(await foundIn(disk), 'none');
  const file = await open(disk);
  for (const text of ['one', 'two, which is longer', 'three']) {
    await file.write(Buffer.from(text));
    assert.equal(await foundIn(disk), text);
  }
  assert.throws(() => file.write(Buffer.alloc(4096)), RangeError);
});

test('needs no room once it is there', async () => {
  const disk = new MemoryDisk();
  const file = await open(disk);
  const { length } = disk.contentOf(PATH);
  await file.write(Buffer.alloc(file.contentBytesMax, 1));
  await file.write(Buffer.alloc(file.contentBytesMax, 2));
  assert.equal(disk.contentOf(PATH).length, length);
});

test('300 losses of power: what was written, or what was being written', async () => {
  const disk = new MemoryDisk();
  let known = 'none';
  for (let round = 0; round < 300; round += 1) {
    const file = await open(disk);
    const { found } = file;
    const now = found.kind === 'content' ? found.content.toString() : found.kind;
    assert.ok(now === known || now.startsWith(`next ${round - 1} `), `${round}: ${now.slice(0, 20)}, not ${known}`);
    for (let write = 0; write < 3; write += 1) {
      known = `${round} ${write} ${'x'.repeat(Math.floor(Math.random() * 3000))}`;
      await file.write(Buffer.from(known));
    }
    disk.fault = { code: 'EIO', on: Math.random() < 0.5 ? 'sync' : 'write' };
    await assert.rejects(file.write(Buffer.from(`next ${round} ${'y'.repeat(2500)}`)));
    disk.fault = undefined;
    if (Math.random() < 0.3) {
      known = `${round} again`;
      await file.write(Buffer.from(known));
    }
    disk.losePower(Math.random);
  }
});

test('says when there is something and none of it is whole', async () => {
  const disk = new MemoryDisk();
  const file = await open(disk);
  await file.write(Buffer.from('one'));
  await file.write(Buffer.from('two'));
  const bytes = disk.contentOf(PATH);
  // The newest is gone: the one before holds.
  bytes[16]! ^= 1;
  assert.equal(await foundIn(disk), 'one');
  bytes[4096 + 16]! ^= 1;
  assert.equal(await foundIn(disk), 'damaged');
});
