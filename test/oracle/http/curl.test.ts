// SPDX-License-Identifier: Apache-2.0

/** curl, used in all the ways that scripts use it, against the log of the server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import { seededText } from './seeded-bytes.ts';
import type { ServerLog } from './server-log.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'curl-agent' };
const skip = whyNoRecording();

describe('curl against the log of the server', { skip }, () => {
  let files: string;
  let server: HttpServer;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;

  before(async () => {
    files = mkdtempSync(join(tmpdir(), 'sworn-curl-'));
    writeFileSync(join(files, 'small.json'), JSON.stringify({ text: 'Grüße', list: [1, 2, 3] }));
    writeFileSync(join(files, 'text.gz'), gzipSync(seededText('upload', 200_000)));
    server = await startHttpServer();
    recording = await startRecording({ identities: [EXPECTED.identity] });
    await recording.run(EXPECTED.identity, ['sh', join(import.meta.dirname, 'drivers/curl.sh'), server.url, files]);
    record = await recording.finish();
    log = await server.finish();
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
    rmSync(files, { recursive: true, force: true });
  });

  test('every request and reply is recorded once, unaltered, in order', (t) => {
    const pairs = assertAsLogged(record, log, EXPECTED);
    assert.ok(pairs.length > 140, `${pairs.length} exchanges`);
    t.diagnostic(`${pairs.length} exchanges matched on ${log.connections.length} connections`);
  });

  test('nothing is lost, and every byte that the server counted is accounted for', () => {
    assertWhole(record);
    assertSameBytes(record, log, EXPECTED);
  });

  test('credentials are not in the record', () => {
    for (const { attributes, statement } of record.commands) {
      assert.doesNotMatch(JSON.stringify([attributes, statement]), /not-a-real|bm90LWEtcmVhb/);
    }
  });
});
