// SPDX-License-Identifier: Apache-2.0

/**
 * Bodies of 10 MiB both ways, and bodies around the bounds: what is kept is kept byte for byte, what is cut is counted
 * exactly, and its digest is that of the whole body as the server sent or received it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import {
  assertAsLogged,
  assertSameBytes,
  type Bounds,
  DEFAULT_BOUNDS,
  type Expectation,
  type Matched,
} from './compare.ts';
import { CODING_NAMES } from './content-codings.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import { seededBytes, seededText } from './seeded-bytes.ts';
import type { ServerLog } from './server-log.ts';

const MIB = 1024 * 1024;
const WAIT_MS_MAX = 120_000;
const IDENTITY = 'large-agent';
const skip = whyNoRecording();

describe('large bodies against the log of the server', { skip }, () => {
  let files: string;

  before(() => {
    files = mkdtempSync(join(tmpdir(), 'sworn-large-'));
    writeFileSync(join(files, 'large.bin'), seededBytes('upload', 10 * MIB));
    for (const count of [1999, 2000, 2001]) writeFileSync(join(files, `${count}.txt`), seededText('small', count));
  });

  after(() => rmSync(files, { recursive: true, force: true }));

  const curl = (...args: string[]) => [
    'curl',
    '--silent',
    '--show-error',
    '--max-time',
    '120',
    '-o',
    '/dev/null',
    ...args,
  ];
  const upload = (...args: string[]) => curl('--upload-file', join(files, 'large.bin'), ...args);

  test('10 MiB both ways, within the bounds, are kept byte for byte', async () => {
    const bounds = { requestBytesMax: 16 * MIB, responseBytesMax: 16 * MIB };
    const pairs = await compared(bounds, (url) => [
      upload('--header', 'Expect: 100-continue', `${url}/up?bytes=10`),
      curl(`${url}/down?kind=binary&bytes=${10 * MIB}`),
      upload('--header', 'Expect:', '--header', 'Transfer-Encoding: chunked', `${url}/up?bytes=10`),
      curl(`${url}/down?kind=binary&bytes=${10 * MIB}&framing=chunked&parts=100`),
      curl(`${url}/down?kind=binary&bytes=${10 * MIB}&framing=until-close`),
      [node, join(import.meta.dirname, 'drivers/large-bodies.ts'), url],
      curl('--compressed', `${url}/down?kind=text&bytes=${10 * MIB}&coding=zstd`),
    ]);
    for (const { recorded } of pairs) assert.equal(recorded.truncated, false);
    assert.equal(pairs.filter(({ recorded }) => recorded.request.length === 10 * MIB).length, 2);
    assert.equal(pairs.filter(({ recorded }) => recorded.response.length === 10 * MIB).length, 4);
  });

  test('10 MiB beyond the usual bound of replies are cut, with the digest of the whole', async () => {
    const pairs = await compared(DEFAULT_BOUNDS, (url) => [
      upload(`${url}/both?kind=binary&bytes=${10 * MIB}&framing=chunked&parts=40`),
      curl(`${url}/exactly?kind=binary&bytes=${MIB}`, `${url}/one-more?kind=binary&bytes=${MIB + 1}`),
      ...CODING_NAMES.map((coding) => curl(`${url}/coded?bytes=${10 * MIB}&coding=${coding}`)),
    ]);
    assert.deepEqual(truncated(pairs), [true, false, true, ...CODING_NAMES.map(() => true)]);
  });

  test('small bounds cut both sides, with the digests of the whole', async () => {
    const pairs = await compared({ requestBytesMax: 2000, responseBytesMax: 1000 }, (url) => [
      curl('--data-binary', `@${join(files, '1999.txt')}`, `${url}/under?bytes=999`),
      curl('--data-binary', `@${join(files, '2000.txt')}`, `${url}/at?bytes=1000`),
      curl('--data-binary', `@${join(files, '2001.txt')}`, `${url}/over?bytes=1001`, `${url}/again?bytes=1001`),
      curl(
        '--data-binary',
        `@${join(files, '2001.txt')}`,
        '-H',
        'Transfer-Encoding: chunked',
        `${url}/chunks?kind=echo`,
      ),
      ...CODING_NAMES.map((coding) =>
        curl(
          `${url}/coded?bytes=900&coding=${coding}`,
          // Less than the bound on the wire, and more than it without the coding.
          `${url}/coded?bytes=2000&coding=${coding}&framing=chunked&parts=9`,
          `${url}/coded?bytes=300000&coding=${coding}`,
          `${url}/coded?kind=binary&bytes=30000&coding=${coding}&framing=chunked&parts=9`,
        ),
      ),
    ]);
    const coded = [false, true, true, true];
    assert.deepEqual(truncated(pairs), [false, false, true, true, true, ...CODING_NAMES.flatMap(() => coded)]);
  });

  test('a bound of nothing keeps no reply, and its digest', async () => {
    const pairs = await compared({ requestBytesMax: 1024, responseBytesMax: 0 }, (url) => [
      curl(`${url}/some?bytes=1`, `${url}/none?bytes=0`, `${url}/coded?bytes=500&coding=gzip`),
    ]);
    assert.deepEqual(truncated(pairs), [true, false, true]);
  });
});

/** Runs `commands` one after another under these bounds, and proves the record; answers in the order of the requests. */
async function compared(bounds: Bounds, commands: (url: string) => readonly string[][]): Promise<Matched[]> {
  const expected: Expectation = { role: 'client', identity: IDENTITY, bounds };
  let server: HttpServer | undefined;
  let recording: Recording | undefined;
  try {
    server = await startHttpServer();
    recording = await startRecording({
      identities: [IDENTITY],
      config: () => ({
        record: { request_bytes_max: bounds.requestBytesMax, response_bytes_max: bounds.responseBytesMax },
      }),
    });
    for (const command of commands(server.url)) {
      await recording.run(IDENTITY, command);
      await untilWritten(recording);
    }
    const record: RunRecord = await recording.finish();
    const log: ServerLog = await server.finish();
    const pairs = assertAsLogged(record, log, expected);
    assertWhole(record);
    assertSameBytes(record, log, expected);
    assertUnderstood(record, 'http');
    return pairs.sort((one, other) => one.recorded.seq - other.recorded.seq);
  } finally {
    await recording?.stop();
    await server?.stop();
  }
}

/** The journal keeps payloads out when too much waits for the disk; so large ones come one at a time. */
async function untilWritten(recording: Recording): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const { source, journal, connections } = await recording.status();
    const { pending_bytes: pendingBytes } = journal as { pending_bytes: number };
    if (source.ringWaitingBytes === 0 && pendingBytes === 0 && connections === 0) return;
    if (Date.now() > until) throw new Error('the agent does not come to rest');
    await sleep(20);
  }
}

function truncated(pairs: readonly Matched[]): boolean[] {
  return pairs.map(({ recorded }) => recorded.truncated);
}
