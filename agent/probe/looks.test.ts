// SPDX-License-Identifier: Apache-2.0

/** What is remembered of files, and what becomes of it when the file, or what is remembered, is another one. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { OpenFile } from './file-reader.ts';
import { identityText } from './image-book.ts';
import { CACHE_ENTRIES_MAX, type CachedLook, ImageCache, inspectionOf } from './image-cache.ts';
import { type Inspection, inspectImage } from './inspect-image.ts';
import { LargeFiles } from './large-files.ts';
import { Looks } from './looks.ts';
import { emptyCounts, type ProbeCounts } from './probe-counts.ts';
import { hostLibcrypto, scratch } from './testing/real-files.ts';

const libcrypto = hostLibcrypto();
const skip = libcrypto === undefined && 'no libcrypto.so.3 on this host';

interface Stage {
  readonly folder: string;
  readonly cacheFile: string;
  readonly library: string;
}

function stage(): Stage {
  const folder = mkdtempSync(join(scratch(), 'looks-'));
  const library = join(folder, 'libcrypto.so.3');
  copyFileSync(libcrypto!, library);
  return { folder, cacheFile: join(folder, 'images.json'), library };
}

interface Seen {
  readonly inspections: readonly Inspection[];
  readonly counts: ProbeCounts;
}

/** An agent's life: it looks at these files, and remembers. Every file is large, and worth knowing. */
async function life(cacheFile: string, paths: readonly string[]): Promise<Seen> {
  const counts = emptyCounts();
  const cache = new ImageCache(cacheFile);
  if (cache.state === 'damaged') counts.cacheFailures++;
  const looks = new Looks(cache, counts, { largeBytes: 0, worthKnowingMs: 0 });
  const inspections: Inspection[] = [];
  for (const path of paths) {
    const file = new OpenFile(path);
    inspections.push(await looks.inspect(file, path, identityText(file.identity)));
    file.close();
  }
  await looks.learned();
  await looks.close();
  await cache.save();
  return { inspections, counts };
}

function said({ counts }: Seen): string {
  const { inspected, remembered, misremembered, cacheFailures } = counts;
  return `looked ${inspected}, remembered ${remembered}, wrongly ${misremembered}, failed ${cacheFailures}`;
}

/** Changes what is remembered as somebody would who knows the format. */
function rewrite(cacheFile: string, change: (look: CachedLook) => object): void {
  const before = new ImageCache(cacheFile);
  const [head] = readFileSync(cacheFile, 'utf8').split('\n');
  const entries = (JSON.parse(readFileSync(cacheFile, 'utf8').split('\n')[1]!) as CachedLook[]).map(change);
  assert.equal(before.state, 'used');
  const text = JSON.stringify(entries);
  const about = { ...(JSON.parse(head!) as object), sha256: createHash('sha256').update(text).digest('hex') };
  writeFileSync(cacheFile, `${JSON.stringify(about)}\n${text}\n`);
}

describe('a look that was taken before', { skip }, () => {
  test('is remembered by the next agent, as it was', async () => {
    const { cacheFile, library, folder } = stage();
    const plain = join(folder, 'plain');
    copyFileSync('/bin/true', plain);
    const first = await life(cacheFile, [library, plain]);
    assert.equal(said(first), 'looked 2, remembered 0, wrongly 0, failed 0');
    const second = await life(cacheFile, [library, plain]);
    assert.equal(said(second), 'looked 0, remembered 2, wrongly 0, failed 0');
    assert.deepEqual(second.inspections, first.inspections);
    assert.equal(first.inspections[0]?.image.probes.length, 1);
  });

  test('is known of a copy in another place', async () => {
    const { cacheFile, library, folder } = stage();
    const first = await life(cacheFile, [library]);
    const copy = join(folder, 'libcopy.so');
    copyFileSync(library, copy);
    const second = await life(cacheFile, [copy]);
    assert.equal(said(second), 'looked 0, remembered 1, wrongly 0, failed 0');
    assert.deepEqual(second.inspections[0]?.image, { ...first.inspections[0]!.image, path: copy });
    // From then on by what it is.
    assert.equal(said(await life(cacheFile, [copy])), 'looked 0, remembered 1, wrongly 0, failed 0');
  });

  test('is none of a file of the same size, build id and ends that differs in its middle', async () => {
    const { cacheFile, library, folder } = stage();
    await life(cacheFile, [library]);
    const other = join(folder, 'libother.so');
    const bytes = readFileSync(library);
    bytes[bytes.length >> 1]! ^= 0xff;
    writeFileSync(other, bytes);
    assert.equal(said(await life(cacheFile, [other])), 'looked 1, remembered 0, wrongly 0, failed 0');
  });

  test('does not count for a file that was written since', async () => {
    const { cacheFile, library } = stage();
    await life(cacheFile, [library]);
    appendFileSync(library, 'more');
    assert.equal(said(await life(cacheFile, [library])), 'looked 1, remembered 0, wrongly 0, failed 0');
  });

  test('never puts a probe where other instructions are', async () => {
    const { cacheFile, library } = stage();
    const first = await life(cacheFile, [library]);
    const [place] = first.inspections[0]!.image.probes;
    rewrite(cacheFile, (look) => ({
      ...look,
      probes: look.probes.map((probe) => ({ ...probe, fileOffset: probe.fileOffset + 1 })),
    }));
    const second = await life(cacheFile, [library]);
    assert.equal(said(second), 'looked 1, remembered 0, wrongly 1, failed 0');
    assert.deepEqual(second.inspections[0]?.image.probes, [place]);
    // What was wrong is forgotten.
    assert.equal(said(await life(cacheFile, [library])), 'looked 0, remembered 1, wrongly 0, failed 0');
  });
});

describe('a file of earlier looks', { skip }, () => {
  test('that is damaged is not used, and counted', async () => {
    const { cacheFile, library } = stage();
    await life(cacheFile, [library]);
    const whole = readFileSync(cacheFile);
    const flipped = Buffer.from(whole);
    // A digit becomes another one: only the checksum can tell.
    flipped[flipped.indexOf('"fileOffset":') + '"fileOffset":'.length]! ^= 1;
    const damages = [flipped, whole.subarray(0, whole.length >> 1), Buffer.alloc(0), Buffer.from('null\nnull\n')];
    for (const damaged of damages) {
      writeFileSync(cacheFile, damaged);
      const { state } = new ImageCache(cacheFile);
      assert.notEqual(state, 'used');
      const again = await life(cacheFile, [library]);
      assert.equal(again.counts.inspected, 1);
      assert.equal(again.counts.cacheFailures, state === 'damaged' ? 1 : 0);
    }
    truncateSync(cacheFile, 64 * 1024 * 1024);
    assert.equal(new ImageCache(cacheFile).state, 'damaged');
  });

  test('whose entries are none is not used, whoever wrote it', async () => {
    const { cacheFile, library } = stage();
    await life(cacheFile, [library]);
    const whole = readFileSync(cacheFile);
    const wrong: ((look: CachedLook) => object)[] = [
      (look) => ({ ...look, probes: [{ kind: 'toString', fileOffset: 0, code: '00' }] }),
      (look) => ({ ...look, probes: [{ ...look.probes[0], fileOffset: -1 }] }),
      (look) => ({ ...look, probes: [{ ...look.probes[0], code: '' }] }),
      (look) => ({ ...look, probes: null }),
      (look) => ({ ...look, needed: [1] }),
      (look) => ({ ...look, exercise: 'sh' }),
      () => [],
    ];
    for (const change of wrong) {
      writeFileSync(cacheFile, whole);
      rewrite(cacheFile, change);
      assert.equal(new ImageCache(cacheFile).state, 'damaged', change.toString());
    }
  });

  test('of another finder is not used', async () => {
    const { cacheFile, library } = stage();
    await life(cacheFile, [library]);
    assert.equal(new ImageCache(cacheFile, 'a newer one').state, 'outdated');
    assert.equal(new ImageCache(cacheFile).state, 'used');
  });

  test('has a bound: what was not met for longest goes', async () => {
    const { cacheFile, library } = stage();
    await life(cacheFile, [library]);
    const cache = new ImageCache(cacheFile);
    const [look] = cache.ofSize(readFileSync(library).length);
    for (let number = 0; number < CACHE_ENTRIES_MAX; number++) {
      cache.ofIdentity(look!.identity);
      cache.keep({ ...look!, identity: `other ${number}` });
    }
    assert.equal(cache.size, CACHE_ENTRIES_MAX);
    assert.ok(cache.ofIdentity(look!.identity) !== undefined);
    assert.equal(cache.ofIdentity('other 0'), undefined);
    await Promise.all([cache.save(), cache.keep({ ...look!, identity: 'one more' }), cache.save()]);
    assert.equal(new ImageCache(cacheFile).size, CACHE_ENTRIES_MAX);
  });

  test('that cannot be written leaves what was there', async () => {
    const { cacheFile, library, folder } = stage();
    await life(cacheFile, [library]);
    const cache = new ImageCache(join(folder, 'no-such-folder/images.json'));
    const file = new OpenFile(library);
    const [look] = new ImageCache(cacheFile).ofSize(file.sizeBytes);
    assert.deepEqual(inspectionOf(look!, file, library)?.image, inspectImage(file, library));
    file.close();
    cache.keep(look!);
    await assert.rejects(cache.save(), { code: 'ENOENT' });
  });
});

describe('the thread for large files', { skip }, () => {
  test('finds what is found without it', async () => {
    const files = new LargeFiles();
    for (const path of [libcrypto!, process.execPath, '/bin/true']) {
      const file = new OpenFile(path);
      assert.deepEqual((await files.inspect(file, path)).image, inspectImage(file, path));
      file.close();
    }
    await files.close();
  });

  test('that ends over a file is another one for the next', async () => {
    const files = new LargeFiles();
    const file = new OpenFile(libcrypto!);
    const looked = assert.rejects(files.inspect(file, libcrypto!), { code: 'ERR_LOOK_ENDED' });
    await files.close();
    await looked;
    assert.equal((await files.inspect(file, libcrypto!)).image.probes.length, 1);
    await files.close();
    file.close();
  });

  test('tells errors of the file with their code', async () => {
    const files = new LargeFiles();
    const folder = { descriptor: openSync('/', 'r'), sizeBytes: 4096, path: '/' };
    await assert.rejects(files.inspect(folder, '/'), { code: 'EISDIR' });
    closeSync(folder.descriptor);
    await files.close();
  });
});
