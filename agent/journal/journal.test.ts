// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Activity } from '../model/activity.ts';
import { Journal, type JournalOptions } from './journal.ts';
import { JournalError } from './journal-error.ts';
import { decodeBatch, readBack } from './reading-back.ts';
import { commandIndex, sampleCommand, sampleFinding } from './sample-activities.ts';

type Some = Partial<JournalOptions>;

/** A journal in a folder of its own, both gone when the test ends. */
function scratch(t: TestContext): (options?: Some) => Promise<Journal> {
  const folder = join(mkdtempSync(join(tmpdir(), 'sworn-journal-')), 'journal');
  const open: Journal[] = [];
  t.after(async () => {
    await Promise.allSettled(open.map((journal) => journal.close()));
    rmSync(join(folder, '..'), { recursive: true });
  });
  return async (options = {}) => {
    const journal = await Journal.open({ folder, agentId: 'agent-1', host: 'host-1', flushDelayMs: 1, ...options });
    open.push(journal);
    return journal;
  };
}

function appendMany(journal: Journal, from: number, count: number): void {
  for (let index = from; index < from + count; index += 1) journal.append(sampleCommand(index));
}

const code = (expected: string) => (error: unknown) => error instanceof JournalError && error.code === expected;

describe('journal', () => {
  test('numbers activities 1, 2, 3 and gives them back as they came, each with its leaf', async (t) => {
    const journal = await scratch(t)();
    assert.deepEqual(
      [0, 1, 2].map((index) => journal.append(sampleCommand(index))),
      [1, 2, 3],
    );
    await journal.flushed(3);
    const read = await readBack(journal);
    assert.deepEqual(read.map(commandIndex), [0, 1, 2]);
    assert.equal(read[1]!.command!.statement, sampleCommand(1).command.statement);
    assert.equal(new Set(read.map(({ salt }) => Buffer.from(salt).toString('hex'))).size, 3);
  });

  test('goes on numbering and chaining after it was closed and opened', async (t) => {
    const open = scratch(t);
    for (let round = 0; round < 4; round += 1) {
      const journal = await open();
      assert.equal(journal.state.lastSeq, round * 50);
      assert.equal(journal.report.tornBytes, 0);
      assert.deepEqual(journal.report.altered, []);
      appendMany(journal, round * 50, 50);
      await journal.close();
    }
    const journal = await open();
    assert.deepEqual((await readBack(journal)).map(commandIndex), [...Array(200).keys()]);
    assert.equal(journal.state.segments, 1);
    assert.equal(journal.state.losses.size, 0);
  });

  test('begins a new segment at the bound, and finds any entry in any of them', async (t) => {
    const journal = await scratch(t)({ segmentBytesMax: 20_000, groupBytesMax: 4096 });
    appendMany(journal, 0, 500);
    await journal.flush();
    assert.ok(journal.state.segments > 10, `${journal.state.segments}`);
    for (const from of [1, 2, 33, 34, 35, 250, 499, 500]) {
      const read = await readBack(journal, from);
      assert.deepEqual(
        read.map(commandIndex),
        [...Array(501 - from).keys()].map((index) => index + from - 1),
      );
    }
  });

  test('keeps files from everyone else', async (t) => {
    const journal = await scratch(t)();
    journal.append(sampleCommand(0));
    await journal.flush();
    journal.forget(1);
    await journal.close();
    const folder = journal.folder;
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  });

  test('writes after the delay without being asked', async (t) => {
    const journal = await scratch(t)({ flushDelayMs: 30 });
    const before = performance.now();
    await journal.flushed(journal.append(sampleCommand(0)));
    assert.ok(performance.now() - before >= 29);
    assert.equal(journal.pendingBytes, 0);
  });

  test('refuses a second writer and names the first', async (t) => {
    const open = scratch(t);
    const journal = await open();
    await assert.rejects(open(), (error: unknown) => {
      assert.ok(error instanceof JournalError);
      assert.equal(error.code, 'journal_locked');
      assert.equal(error.retryable, true);
      assert.match(error.message, new RegExp(`Process ${process.pid} `));
      return true;
    });
    await journal.close();
    await (await open()).close();
  });

  test('refuses the folder of another agent', async (t) => {
    const open = scratch(t);
    const journal = await open();
    journal.append(sampleCommand(0));
    await journal.close();
    await assert.rejects(open({ agentId: 'agent-2' }), code('journal_wrong_agent'));
  });

  test('keeps the host that an activity was sealed for, and never mixes two in a batch', async (t) => {
    const open = scratch(t);
    for (const host of ['old-name', 'new-name']) {
      const journal = await open({ host });
      appendMany(journal, 0, 3);
      await journal.close();
    }
    const journal = await open({ host: 'new-name' });
    assert.deepEqual([journal.hostOf(3), journal.hostOf(4), journal.hostOf(99)], ['old-name', 'new-name', 'new-name']);
    assert.equal((await readBack(journal)).length, 6);
    const hosts: string[] = [];
    const options = { bytesMax: 1e6, lingerMs: 0, signal: new AbortController().signal };
    for await (const batch of journal.readBatches(1, options)) {
      hosts.push(batch.host);
      if (hosts.length === 2) break;
    }
    assert.deepEqual(hosts, ['old-name', 'new-name']);
  });

  test('takes nothing after it was closed', async (t) => {
    const journal = await scratch(t)();
    await journal.close();
    assert.throws(() => journal.append(sampleCommand(0)), code('journal_closed'));
    await assert.rejects(journal.flushed(1), code('journal_closed'));
  });

  test('takes no activity that has no place in the record, and goes on', async (t) => {
    const journal = await scratch(t)();
    journal.append(sampleCommand(0));
    assert.throws(() => journal.append({ ...sampleCommand(1), pid: -1 }), RangeError);
    const { command: _, ...headOnly } = sampleCommand(1);
    assert.throws(() => journal.append(headOnly as unknown as Activity), /no detail/);
    assert.equal(journal.append(sampleCommand(2)), 2);
    await journal.flush();
    assert.deepEqual((await readBack(journal)).map(commandIndex), [0, 2]);
  });

  test('writes text that is no Unicode so that its leaf still holds', async (t) => {
    const journal = await scratch(t)();
    const attributes = { '\udc00': 'a', '\ud800': 'b', ok: 'cut \ud83d' };
    journal.append({ ...sampleCommand(0, { statement: 'x\ud83d', attributes }), exe: '/bin/\udfff' });
    await journal.flush();
    const [activity] = await readBack(journal);
    assert.equal(activity!.command!.statement, 'x\ufffd');
    assert.equal(activity!.exe, '/bin/\ufffd');
    assert.equal(journal.state.repairedTexts, 1);
  });

  test('keeps an activity that is larger than a group, and one beyond the bound without its payload', async (t) => {
    const open = scratch(t);
    const journal = await open({ groupBytesMax: 8192, entryBytesMax: 1_000_000 });
    journal.append(sampleCommand(0));
    journal.append(sampleCommand(1, { response: new Uint8Array(900_000).fill(7) }));
    journal.append(sampleCommand(2, { response: new Uint8Array(1_100_000), attributes: { user: 'app' } }));
    journal.append(sampleCommand(3));
    await journal.flush();
    await journal.close();
    const { losses } = journal.state;
    assert.equal(losses.get('too_large')!.events, 1);
    assert.ok(losses.get('too_large')!.bytes > 1_100_000);
    const read = await readBack(await open());
    assert.equal(read[1]!.command!.response!.length, 900_000);
    assert.equal(read[2]!.command!.response!.length, 0);
    assert.equal(read[2]!.command!.truncated, true);
    assert.equal(read[2]!.command!.operation, 'SELECT');
    assert.equal(commandIndex(read[3]!), 3);
    assert.deepEqual([read[4]!.loss!.where, read[4]!.loss!.reason, read.length], ['journal', 'too_large', 5]);
  });

  test('keeps a finding whole, and what it is about when there is no room for more', async (t) => {
    const journal = await scratch(t)({ entryBytesMax: 1_000_000 });
    journal.append(sampleFinding());
    journal.append(sampleFinding({ attributes: { reason: 'x'.repeat(1_100_000) } }));
    await journal.flushed(2);
    const [whole, cut] = await readBack(journal);
    assert.deepEqual(whole!.finding!.attributes, sampleFinding().finding.attributes);
    const { kind, subject, events, bytes, message, attributes } = cut!.finding!;
    assert.deepEqual([kind, subject, Number(events), Number(bytes)], ['tls_unreadable', '/usr/bin/tool', 3, 70_000]);
    assert.deepEqual([message, attributes], ['', {}]);
  });

  test('gives an entry that the receiver would not take without its payload', async (t) => {
    const journal = await scratch(t)();
    journal.append(sampleCommand(0, { response: new Uint8Array(50_000) }));
    await journal.flush();
    const [shed] = await readBack(journal, 1, { entryBytesMax: 10_000 });
    assert.equal(shed!.command!.response!.length, 0);
    assert.equal(shed!.command!.truncated, true);
    assert.equal(Number(shed!.command!.rows), 3);
    await readBack(journal, 1, { entryBytesMax: 10_000 });
    assert.equal(journal.state.losses.get('too_large')!.events, 1);
  });
});

describe('reading batches', () => {
  test('waits at the end and goes on when more is durable', async (t) => {
    const journal = await scratch(t)();
    const stop = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const batch of journal.readBatches(1, { bytesMax: 1e6, lingerMs: 0, signal: stop.signal })) {
        seen.push(...decodeBatch(batch, 'agent-1').map(commandIndex));
        if (seen.length === 30) stop.abort();
      }
    })();
    for (let index = 0; index < 30; index += 1) {
      await journal.flushed(journal.append(sampleCommand(index)));
      if (index % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await reading;
    assert.deepEqual(seen, [...Array(30).keys()]);
  });

  test('gathers what comes within the time it may wait, no longer', async (t) => {
    const journal = await scratch(t)();
    const stop = new AbortController();
    const batches = journal.readBatches(1, { bytesMax: 1e6, lingerMs: 300, signal: stop.signal });
    const first = batches.next();
    const before = performance.now();
    for (let index = 0; index < 3; index += 1) await journal.flushed(journal.append(sampleCommand(index)));
    const { value } = await first;
    const tookMs = performance.now() - before;
    assert.equal(value!.count, 3);
    assert.ok(tookMs >= 290 && tookMs < 3000, `${tookMs} ms`);
    stop.abort();
    assert.equal((await batches.next()).done, true);
  });

  test('keeps to the bytes of a batch', async (t) => {
    const journal = await scratch(t)();
    appendMany(journal, 0, 100);
    await journal.flush();
    let count = 0;
    for await (const batch of journal.readBatches(1, {
      bytesMax: 3000,
      lingerMs: 0,
      signal: AbortSignal.timeout(5000),
    })) {
      assert.ok(batch.bytes.length <= 3000);
      count += batch.count;
      if (count === 100) break;
    }
  });

  test('never gives what is not on stable storage', async (t) => {
    const journal = await scratch(t)({ flushDelayMs: 100_000 });
    appendMany(journal, 0, 10);
    assert.equal(journal.durableSeq, 0);
    assert.deepEqual(await readBack(journal), []);
    await journal.flush();
    assert.equal((await readBack(journal)).length, 10);
  });

  test('ends when the journal is closed', async (t) => {
    const journal = await scratch(t)();
    appendMany(journal, 0, 3);
    const counts: number[] = [];
    const reading = (async () => {
      const options = { bytesMax: 1e6, lingerMs: 100_000, signal: new AbortController().signal };
      for await (const batch of journal.readBatches(1, options)) counts.push(batch.count);
    })();
    await journal.close();
    await reading;
    assert.deepEqual(counts, [3]);
  });
});

describe('forgetting', () => {
  test('deletes segments that are delivered whole, and remembers how far that is', async (t) => {
    const open = scratch(t);
    const options = { segmentBytesMax: 20_000, groupBytesMax: 4096 };
    const journal = await open(options);
    appendMany(journal, 0, 500);
    await journal.flush();
    const before = journal.state;
    journal.forget(300);
    const { firstSeq, folderBytes, deliveredSeq } = journal.state;
    assert.ok(firstSeq > 250 && firstSeq <= 301, `${firstSeq}`);
    assert.ok(folderBytes < before.folderBytes / 2);
    assert.equal(deliveredSeq, 300);
    assert.deepEqual(
      (await readBack(journal, 301)).map(commandIndex),
      [...Array(200).keys()].map((index) => index + 300),
    );
    await journal.close();
    const again = await open(options);
    assert.equal(again.state.deliveredSeq, 300);
    assert.equal(again.state.firstSeq, firstSeq);
  });

  test('keeps the newest segment, so that numbers go on', async (t) => {
    const open = scratch(t);
    const journal = await open({ segmentBytesMax: 20_000, groupBytesMax: 4096 });
    appendMany(journal, 0, 100);
    await journal.flush();
    journal.forget(100);
    assert.equal(journal.state.segments, 1);
    await journal.close();
    assert.equal((await open()).append(sampleCommand(0)), 101);
  });

  test('forgets no further than the collector has now, and nothing that is needed yet', async (t) => {
    const journal = await scratch(t)({ segmentBytesMax: 20_000, groupBytesMax: 4096 });
    appendMany(journal, 0, 100);
    await journal.flush();
    journal.forget(100, 60);
    assert.ok(journal.firstSeq > 1 && journal.firstSeq <= 61, `${journal.firstSeq}`);
    const kept = journal.firstSeq;
    // Restored from a backup: what it had once is to be sent again.
    journal.forget(kept, 100);
    assert.equal(journal.firstSeq, kept);
    journal.forget(100, 100);
    assert.ok(journal.firstSeq > 61);
  });

  test('forgets nothing beyond what is durable', async (t) => {
    const journal = await scratch(t)();
    appendMany(journal, 0, 3);
    await journal.flush();
    journal.forget(1000);
    assert.equal(journal.state.deliveredSeq, 3);
  });

  test('puts a loss at each number that a collector asks for and that is no longer held', async (t) => {
    const journal = await scratch(t)({ segmentBytesMax: 20_000, groupBytesMax: 4096 });
    appendMany(journal, 0, 200);
    await journal.flush();
    journal.forget(100);
    const { firstSeq } = journal.state;
    const read = await readBack(journal, 50);
    assert.equal(read.length, 151);
    const lost = read.filter(({ loss }) => loss?.reason === 'not_held');
    assert.equal(lost.length, firstSeq - 50);
    assert.deepEqual(
      read.slice(firstSeq - 50).map(commandIndex),
      [...Array(201 - firstSeq).keys()].map((index) => index + firstSeq - 1),
    );
    assert.equal(journal.state.losses.get('not_held')!.events, firstSeq - 50);
  });
});
