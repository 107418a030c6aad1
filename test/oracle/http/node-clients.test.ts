// SPDX-License-Identifier: Apache-2.0

/** Node's HTTP clients, by two workloads at the same time, all the way into ClickHouse; against the log of the server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import type { ServerLog } from './server-log.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'node-agent' };
const skip = whyNoRecording();

describe('clients of Node against the log of the server, in ClickHouse', { skip }, () => {
  let server: HttpServer;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;

  before(async () => {
    server = await startHttpServer();
    recording = await startRecording({
      identities: [EXPECTED.identity],
      collector: true,
    });
    const driver = join(import.meta.dirname, 'drivers/node-clients.ts');
    await Promise.all([1, 2].map(() => recording.run(EXPECTED.identity, [node, driver, server.url])));
    record = await recording.finish();
    log = await server.finish();
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('every request and reply is stored once, unaltered, in order', (t) => {
    const pairs = assertAsLogged(record, log, EXPECTED);
    assert.ok(pairs.length > 800, `${pairs.length} exchanges`);
    t.diagnostic(`${pairs.length} exchanges matched on ${log.connections.length} connections`);
  });

  test('nothing is lost, and every byte that the server counted is accounted for and understood', () => {
    assertWhole(record);
    assertSameBytes(record, log, EXPECTED);
    assertUnderstood(record, 'http');
  });
});
