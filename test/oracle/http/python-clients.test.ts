// SPDX-License-Identifier: Apache-2.0

/** Python's HTTP clients against the log of the server. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import type { ServerLog } from './server-log.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'python-agent' };
const skip = whyNoRecording() || whyNoPython();

function whyNoPython(): string | false {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'python3 is not installed';
  }
}

describe('clients of Python against the log of the server', { skip }, () => {
  let server: HttpServer;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;
  let used: string;

  before(async () => {
    server = await startHttpServer();
    recording = await startRecording({ identities: [EXPECTED.identity] });
    const driver = join(import.meta.dirname, 'drivers/python_clients.py');
    const { stdout } = await recording.run(EXPECTED.identity, ['/usr/bin/python3', driver, server.url]);
    used = stdout.trim().replaceAll('\n', ', ');
    record = await recording.finish();
    log = await server.finish();
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every request and reply is recorded once, unaltered, in order', (t) => {
    const pairs = assertAsLogged(record, log, EXPECTED);
    assert.ok(pairs.length > 100, `${pairs.length} exchanges`);
    t.diagnostic(`${pairs.length} exchanges matched on ${log.connections.length} connections: ${used}`);
  });

  test('nothing is lost, and every byte that the server counted is accounted for and understood', () => {
    assertWhole(record);
    assertSameBytes(record, log, EXPECTED);
    assertUnderstood(record, 'http');
  });
});
