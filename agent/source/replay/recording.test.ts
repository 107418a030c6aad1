// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { KernelEvent } from '../../model/kernel-event.ts';
import type { EventHandler, KernelEventSource } from '../kernel-event-source.ts';
import { eventToLine, lineToEvent } from './recording.ts';
import { RecordedSource } from './recording-writer.ts';
import { ReplaySource } from './replay-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'sworn-recording-'));
after(() => rmSync(folder, { recursive: true }));

const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
const EVENTS: readonly KernelEvent[] = [
  {
    type: 'process-forked',
    atNs: 9007199254740991,
    process: { pid: 2, startNs: 2n ** 64n - 1n },
    parent: { pid: 1, startNs: 0n },
    scope: { selectionId: 1, sessionKey: 2n ** 63n },
  },
  { type: 'bytes-moved', atNs: 5, connectionKey: -7, direction: 'sent', offset: 3, bytes: everyByte, pid: 2 },
  { type: 'bytes-missing', atNs: 6, connectionKey: 7, direction: 'received', offset: 0, bytes: 9, reason: 'skipped' },
  { type: 'missed', atNs: 9, sinceNs: 8, where: 'w', reason: 'r', events: 1, bytes: 2 },
];

class GivenSource implements KernelEventSource {
  readonly clock = {
    toUnixNs: (atNs: number) => BigInt(atNs) + 1_000_000n,
    fromUnixNs: (unixNs: bigint) => Number(unixNs - 1_000_000n),
    now: () => 9,
  };
  stopped = false;

  async start(handler: EventHandler): Promise<void> {
    await handler(EVENTS.slice(0, 2));
    await handler(EVENTS.slice(2));
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

async function record(name: string): Promise<string> {
  const file = join(folder, name);
  const given = new GivenSource();
  const recorded = new RecordedSource(given, file, 'a test');
  const seen: KernelEvent[] = [];
  await recorded.start((events) => void seen.push(...events));
  await recorded.stop();
  assert.deepEqual(seen, EVENTS, 'whoever listens gets the events as they were');
  assert.ok(given.stopped);
  return file;
}

async function replay(file: string): Promise<{ source: ReplaySource; events: KernelEvent[] }> {
  const source = await ReplaySource.open(file);
  const events: KernelEvent[] = [];
  await source.start((batch) => void events.push(...batch));
  await source.ended;
  return { source, events };
}

/** Buffers and plain arrays of bytes are the same bytes. */
function plain(events: readonly KernelEvent[]): KernelEvent[] {
  return events.map((event) =>
    event.type === 'bytes-moved' ? { ...event, bytes: new Uint8Array(event.bytes) } : event,
  );
}

test('what was recorded is replayed: every byte, every bit of numbers, and the time', async () => {
  const { source, events } = await replay(await record('whole.jsonl'));
  assert.deepEqual(plain(events), plain(EVENTS));
  assert.equal(source.note, 'a test');
  assert.equal(source.clock.toUnixNs(5), 1_000_005n);
  assert.equal(source.clock.fromUnixNs(1_000_005n), 5);
  assert.equal(source.clock.now(), 9007199254740991);
});

test('an event is one line, whatever its bytes are', () => {
  for (const event of EVENTS) {
    const line = eventToLine(event);
    assert.ok(!line.includes('\n'));
    assert.deepEqual(plain([lineToEvent(line)]), plain([event]));
  }
});

test('only its owner may read a recording: nothing in it is redacted', async () => {
  writeFileSync(join(folder, 'mode.jsonl'), 'older', { mode: 0o644 });
  assert.equal(statSync(await record('mode.jsonl')).mode & 0o777, 0o600);
});

test('a recording that broke off says so', async () => {
  const file = await record('torn.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20));
  const { events } = await replay(file);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['process-forked', 'bytes-moved', 'bytes-missing', 'missed'],
  );
  assert.equal((events.at(-1) as { reason: string }).reason, 'recording_torn');
});

test('a recording that is damaged in the middle is refused where it is damaged', async () => {
  const file = await record('damaged.jsonl');
  const lines = readFileSync(file, 'utf8').split('\n');
  for (const wrong of ['{"atNs":', '7', 'null', '{}']) {
    writeFileSync(file, [...lines.slice(0, 2), wrong, ...lines.slice(3)].join('\n'));
    await assert.rejects(replay(file), /line 3 of the recording is no event/);
  }
});

test('what is no recording is refused', async () => {
  const file = join(folder, 'other');
  for (const text of ['', 'hello', '{}', '{"recording":2,"epochUnixNs":"1"}']) {
    writeFileSync(file, text);
    await assert.rejects(ReplaySource.open(file));
  }
  await assert.rejects(ReplaySource.open(join(folder, 'missing')), /ENOENT/);
});

test('a replay that is stopped gives nothing more', async () => {
  const source = await ReplaySource.open(new URL('fixture.jsonl', import.meta.url));
  let events = 0;
  await source.start((batch) => {
    events += batch.length;
  });
  await source.stop();
  const before = events;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(events, before);
});
