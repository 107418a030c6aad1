// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFileDigests, DIGEST_BYTES_MAX, type FileDigest } from './file-digest.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-digest-'));
});
after(() => rmSync(folder, { recursive: true }));

const oracle = (path: string): string => execFileSync('sha256sum', ['-b', path], { encoding: 'utf8' }).slice(0, 64);

/** A file as it is, with what happens before each read of it. */
function watched(file: FileHandle, beforeRead: () => void): FileHandle {
  return new Proxy(file, {
    get(target, name) {
      if (name === 'read') beforeRead();
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function digestOf(path: string, digests = createFileDigests(), beforeRead = (): void => {}): Promise<FileDigest> {
  const file = await open(path);
  try {
    return await digests.read(watched(file, beforeRead), await file.stat({ bigint: true }));
  } finally {
    await file.close();
  }
}

function fileOf(name: string, bytes: number): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.alloc(bytes, name));
  return path;
}

describe('the digest of a file', () => {
  test('is what sha256sum says, at the bounds of a piece too', async () => {
    for (const bytes of [0, 1, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3_000_001]) {
      const path = fileOf(`f${bytes}`, bytes);
      assert.deepEqual(await digestOf(path), { kind: 'sha256', sha256: oracle(path) }, `${bytes} bytes`);
    }
  });

  test('is made once for as long as nothing about the file changes', async () => {
    const digests = createFileDigests();
    const path = fileOf('once', 300_000);
    let reads = 0;
    const count = (): void => {
      reads += 1;
    };
    await digestOf(path, digests, count);
    const firstReads = reads;
    assert.ok(firstReads > 0);
    await digestOf(path, digests, count);
    assert.equal(reads, firstReads);
    // Same bytes, same size, an old time of change: the file is another version all the same.
    utimesSync(path, 1, 1);
    await digestOf(path, digests, count);
    assert.equal(reads, 2 * firstReads);
  });

  test('is made anew for other bytes of the same length whose time of change was set back', async () => {
    const digests = createFileDigests();
    const path = fileOf('set-back', 1000);
    utimesSync(path, 7, 7);
    await digestOf(path, digests);
    writeFileSync(path, Buffer.alloc(1000, 'other'));
    utimesSync(path, 7, 7);
    assert.deepEqual(await digestOf(path, digests), { kind: 'sha256', sha256: oracle(path) });
  });

  test('is made once for all who ask at the same time', async () => {
    const digests = createFileDigests();
    const path = fileOf('together', 900_000);
    const readers = new Set<number>();
    const asked = [1, 2, 3, 4].map((who) => digestOf(path, digests, () => readers.add(who)));
    for (const digest of await Promise.all(asked)) assert.deepEqual(digest, { kind: 'sha256', sha256: oracle(path) });
    assert.equal(readers.size, 1);
  });

  test('of a file that changes while it is read is none, and is not remembered', async () => {
    const digests = createFileDigests();
    for (const change of [
      (path: string) => appendFileSync(path, 'more'),
      (path: string) => truncateSync(path, 300_000),
      (path: string) => utimesSync(path, 5, 5),
    ]) {
      const path = fileOf('changing', 600_000);
      let reads = 0;
      const changing = await digestOf(path, digests, () => {
        reads += 1;
        if (reads === 2) change(path);
      });
      assert.deepEqual(changing, { kind: 'none', reason: 'changed' });
      assert.deepEqual(await digestOf(path, digests), { kind: 'sha256', sha256: oracle(path) });
    }
  });

  test('is none for a file above the bound, which is not read at all, nor for what is no file', async () => {
    const path = join(folder, 'large');
    writeFileSync(path, '');
    truncateSync(path, DIGEST_BYTES_MAX + 1);
    const answer = await digestOf(path, createFileDigests(), () => assert.fail('it was read'));
    assert.deepEqual(answer, { kind: 'none', reason: 'too-large' });
    assert.deepEqual(await digestOf('/dev/null'), { kind: 'none', reason: 'unreadable' });
  });

  test('is not made by asking whether it is known', async () => {
    const digests = createFileDigests();
    const path = fileOf('known', 10);
    const file = await open(path);
    const stats = await file.stat({ bigint: true });
    assert.deepEqual(digests.known(stats), { kind: 'none', reason: 'not-asked' });
    await digests.read(file, stats);
    assert.deepEqual(digests.known(stats), { kind: 'sha256', sha256: oracle(path) });
    await file.close();
  });
});
