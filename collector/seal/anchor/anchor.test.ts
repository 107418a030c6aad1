// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { formatNote } from '../../../proto/log/note.ts';
import { parseNoteFile } from '../../../proto/log/note-file.ts';
import { TestLog } from '../../../witness/testing/test-log.ts';
import { createCollectorMetrics } from '../../telemetry/collector-metrics.ts';
import { createLog } from '../../telemetry/log.ts';
import { AnchorFile, AnchorFolder, type AnchorPlace, escapedOrigin } from './anchor-place.ts';
import { AnchorQueue } from './anchor-queue.ts';

const log = createLog('silent');
const checkpoints = new TestLog('sworn/web-1');
const noteOf = (size: number): string => checkpoints.grow(size).note;

describe('anchors', () => {
  let folder: string;
  let metrics: ReturnType<typeof createCollectorMetrics>;
  const queueOf = (place: AnchorPlace, waitingMax = 100): AnchorQueue =>
    new AnchorQueue({ place, metrics, log, pauseMsFirst: 1, waitingMax });
  const counted = (outcome: string, anchor: string): number => metrics.anchorWrites.value({ anchor, outcome });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-anchor-'));
    metrics = createCollectorMetrics();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are a file that grows', async () => {
    const path = join(folder, 'checkpoints');
    const notes = [1, 2, 3].map(noteOf);
    await queueOf(new AnchorFile(path)).put(notes[0] as string);
    const queue = queueOf(new AnchorFile(path));
    await Promise.all([queue.put(notes[1] as string), queue.put(notes[2] as string)]);
    const { notes: read, torn } = parseNoteFile(readFileSync(path, 'utf8'));
    assert.deepEqual([read.map(formatNote), torn], [notes, 0]);
    assert.equal(counted('kept', path), 3);
  });

  it('go on behind what a crash tore', async () => {
    const path = join(folder, 'checkpoints');
    await queueOf(new AnchorFile(path)).put(noteOf(4));
    appendFileSync(path, noteOf(5).slice(0, 70));
    await queueOf(new AnchorFile(path)).put(noteOf(6));
    const { notes, torn } = parseNoteFile(readFileSync(path, 'utf8'));
    assert.deepEqual([notes.map(({ text }) => text.split('\n')[1]), torn], [['4', '6'], 1]);
  });

  it('are a folder with a file for each, none of which is ever changed', async () => {
    const queue = queueOf(new AnchorFolder(folder));
    const here = join(folder, 'sworn%2Fweb-1');
    const [first, second] = [noteOf(7), noteOf(8)];
    await queue.put(first);
    await queue.put(second);
    await queue.put(first);
    assert.deepEqual(readdirSync(here).sort(), ['7', '8']);
    assert.equal(readFileSync(join(here, '7'), 'utf8'), first);

    // Another root at the same size is what an anchor is for; and what is torn is left as it is.
    const fork = new TestLog('sworn/web-1').grow(8, 'other').note;
    await queue.put(fork);
    assert.equal(readFileSync(join(here, '8.2'), 'utf8'), fork);
    assert.equal(readFileSync(join(here, '8'), 'utf8'), second);
    writeFileSync(join(here, '9'), noteOf(9).slice(0, 40));
    await queue.put(noteOf(9));
    assert.equal(readFileSync(join(here, '9.2'), 'utf8'), noteOf(9));
    assert.equal(counted('failed', folder), 0);
    for (const origin of ['..', '../../x', '/etc', 'a/b']) assert.match(escapedOrigin(origin), /^[^./][^/]*$/);
  });

  it('wait while their place is away, and are kept when it is back', async () => {
    const away = join(folder, 'mount');
    const queue = queueOf(new AnchorFolder(away));
    for (const size of [10, 11, 12]) await queue.put(noteOf(size));
    assert.ok(counted('failed', away) > 0);
    assert.equal(metrics.anchorQueue.value({ anchor: away }), 3);
    mkdirSync(away);
    while (metrics.anchorQueue.value({ anchor: away }) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(readdirSync(join(away, 'sworn%2Fweb-1')), ['10', '11', '12']);
  });

  it('forget the oldest when too many wait, and count them; what still waits at the end is counted too', async () => {
    const path = join(folder, 'missing/checkpoints');
    const queue = queueOf(new AnchorFile(path), 3);
    for (const size of [13, 14, 15, 16, 17]) await queue.put(noteOf(size));
    assert.equal(metrics.anchorsDropped.value({ anchor: path }), 2);
    assert.equal(metrics.anchorQueue.value({ anchor: path }), 3);
    await queue.stop();
    assert.equal(metrics.anchorsDropped.value({ anchor: path }), 5);
    mkdirSync(join(folder, 'missing'));
    const other = queueOf(new AnchorFile(path));
    await other.put(noteOf(18));
    await other.stop();
    assert.equal(parseNoteFile(readFileSync(path, 'utf8')).notes.length, 1);
  });
});
