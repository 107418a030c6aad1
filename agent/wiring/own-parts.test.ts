// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { FindingReport } from '../model/finding.ts';
import { type OwnFile, OwnParts } from './own-parts.ts';

describe('what the agent stands on', () => {
  function stage(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-own-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, '1.segment');
    const next = join(folder, '2.segment');
    writeFileSync(path, 'twelve bytes');
    writeFileSync(next, 'x');
    const files: OwnFile[] = [
      { path, bytes: 12, isComplete: true },
      { path: next, bytes: 1, isComplete: false },
    ];
    const programs = [
      { name: 'packet_sent', attached: true },
      { name: 'image_mapped', attached: false },
    ];
    const found: FindingReport[] = [];
    const parts = new OwnParts({
      programs: () => programs,
      files: () => files,
      onFinding: (finding) => found.push(finding),
      now: () => 1,
    });
    /** What is found, in words; told once each. */
    const look = async (): Promise<string[]> => {
      await parts.look();
      return found.splice(0).map(({ kind, attributes }) => `${kind} ${attributes['change'] ?? ''}`.trim());
    };
    return { path, next, files, programs, look, found, parts };
  }

  it('says nothing while it is there, and while the journal grows and is forgotten in order', async (t) => {
    const { path, next, files, look } = stage(t);
    assert.deepEqual(await look(), []);
    appendFileSync(next, 'more');
    files[1] = { path: next, bytes: 5, isComplete: true };
    assert.deepEqual(await look(), []);
    files.shift();
    rmSync(path);
    assert.deepEqual(await look(), []);
  });

  it('tells a program that was taken off its hook, each time', async (t) => {
    const { programs, look, parts, found } = stage(t);
    await look();
    programs[0] = { name: 'packet_sent', attached: false };
    await parts.look();
    assert.deepEqual(
      found.map(({ kind, subject }) => [kind, subject]),
      [['probe_detached', 'packet_sent']],
    );
    found.length = 0;
    assert.deepEqual(await look(), []);
    programs[0] = { name: 'packet_sent', attached: true };
    assert.deepEqual(await look(), []);
    programs[0] = { name: 'packet_sent', attached: false };
    assert.deepEqual(await look(), ['probe_detached']);
  });

  const acts: readonly [string, (path: string) => void][] = [
    ['removed', (path) => rmSync(path)],
    ['truncated', (path) => truncateSync(path, 3)],
    [
      'replaced',
      (path) => {
        writeFileSync(`${path}.copy`, 'twelve bytes');
        renameSync(`${path}.copy`, path);
      },
    ],
    [
      'changed',
      (path) => {
        writeFileSync(path, 'TWELVE BYTES', { flag: 'r+' });
        utimesSync(path, 1, 1);
      },
    ],
  ];
  for (const [change, act] of acts) {
    it(`tells a file of the journal that was ${change}, once`, async (t) => {
      const { path, look } = stage(t);
      assert.deepEqual(await look(), []);
      act(path);
      assert.deepEqual(await look(), [`journal_file_changed ${change}`]);
      assert.deepEqual(await look(), []);
    });
  }

  it('tells the newest file when it is gone or cut', async (t) => {
    const { next, look } = stage(t);
    await look();
    truncateSync(next, 0);
    assert.deepEqual(await look(), ['journal_file_changed truncated']);
  });

  it('tells the newest file when it was cut and is written on', async (t) => {
    const { path, next, files, look } = stage(t);
    writeFileSync(next, 'what was written before');
    files[1] = { path: next, bytes: 23, isComplete: false };
    assert.deepEqual(await look(), []);
    truncateSync(next, 4);
    const file = openSync(next, 'r+');
    writeSync(file, 'and after', 23);
    closeSync(file);
    files.splice(0, 2, { path, bytes: 12, isComplete: true }, { path: next, bytes: 32, isComplete: false });
    assert.deepEqual(await look(), ['journal_file_changed changed']);
    assert.deepEqual(await look(), []);
  });

  it('tells a file that was gone before the first look', async (t) => {
    const { path, look } = stage(t);
    rmSync(path);
    assert.deepEqual(await look(), ['journal_file_changed removed']);
    assert.deepEqual(await look(), []);
  });
});
