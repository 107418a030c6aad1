// SPDX-License-Identifier: Apache-2.0

/** The workload is the server: what others ask of it is recorded as it wrote it down itself. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation } from './compare.ts';
import { portIn, SERVER_PROGRAM } from './http-server.ts';
import { seededText } from './seeded-bytes.ts';
import { readServerLog, type ServerLog } from './server-log.ts';

const EXPECTED: Expectation = { role: 'server', identity: 'serving-agent' };
const skip = whyNoRecording();

describe('a server that is recorded against its own log', { skip }, () => {
  let folder: string;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-serving-'));
    writeFileSync(join(folder, 'small.json'), JSON.stringify({ text: 'Grüße' }));
    writeFileSync(join(folder, 'text.gz'), gzipSync(seededText('upload', 200_000)));
    recording = await startRecording({ identities: [EXPECTED.identity] });
    const server = recording.start(EXPECTED.identity, [node, SERVER_PROGRAM, folder]);
    const url = `http://127.0.0.1:${portIn(await server.firstLine())}`;
    const drivers = join(import.meta.dirname, 'drivers');
    // Nobody records these.
    await promisify(execFile)('sh', [join(drivers, 'curl.sh'), url, folder]);
    await promisify(execFile)(node, [join(drivers, 'node-clients.ts'), url]);
    await server.stop();
    record = await recording.finish();
    log = readServerLog(folder);
  });

  after(async () => {
    await recording?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('every request and reply is recorded once, unaltered, in order', (t) => {
    const pairs = assertAsLogged(record, log, EXPECTED);
    assert.ok(pairs.length > 500, `${pairs.length} exchanges`);
    t.diagnostic(`${pairs.length} exchanges matched on ${log.connections.length} connections`);
  });

  test('nothing is lost, and every byte that the server counted is accounted for and understood', () => {
    assertWhole(record);
    assertSameBytes(record, log, EXPECTED);
    assertUnderstood(record, 'http');
  });
});
