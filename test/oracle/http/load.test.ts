// SPDX-License-Identifier: Apache-2.0

/** Thousands of small requests on kept connections, from eight clients at once, against the log of the server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import { node, type Recording, scaled, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'loading-agent' };
const CLIENTS_OF_A_KIND = 4;

test('every one of thousands of requests from eight clients is recorded once, as logged', {
  skip: whyNoRecording(),
}, async (t) => {
  const count = scaled(625);
  let server: HttpServer | undefined;
  let recording: Recording | undefined;
  try {
    server = await startHttpServer();
    recording = await startRecording({ identities: [EXPECTED.identity] });
    const { run } = recording;
    const { url } = server;
    const driver = join(import.meta.dirname, 'drivers/loading-client.ts');
    await Promise.all(
      Array.from({ length: CLIENTS_OF_A_KIND }, (_, n) => [
        run(EXPECTED.identity, [node, driver, url, String(count)]),
        run(EXPECTED.identity, ['curl', '-sS', '-o', '/dev/null', `${url}/curl/${n}/[1-${count}]?bytes=200`]),
      ]).flat(),
    );
    const record = await recording.finish();
    const log = await server.finish();
    const pairs = assertAsLogged(record, log, EXPECTED);
    assert.equal(pairs.length, 2 * CLIENTS_OF_A_KIND * count);
    assertWhole(record);
    assertSameBytes(record, log, EXPECTED);
    assertUnderstood(record, 'http');
    t.diagnostic(`${pairs.length} exchanges matched on ${log.connections.length} connections`);
  } finally {
    await recording?.stop();
    await server?.stop();
  }
});
