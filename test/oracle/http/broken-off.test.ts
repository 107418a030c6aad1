// SPDX-License-Identifier: Apache-2.0

/**
 * Requests and replies that break off, by either end, against the log of the server: as far as they came they are in the
 * record, and it says that they broke off.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation, type Matched } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import type { ServerLog } from './server-log.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'breaking-agent' };
const skip = whyNoRecording();

describe('exchanges that break off against the log of the server', { skip }, () => {
  let server: HttpServer;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;
  let pairs: Matched[];

  before(async () => {
    server = await startHttpServer();
    recording = await startRecording({ identities: [EXPECTED.identity] });
    const driver = join(import.meta.dirname, 'drivers/breaking-client.ts');
    await recording.run(EXPECTED.identity, [node, driver, server.url]);
    // Refused before it sent the body, which then never comes.
    const refused = [
      '--data',
      'a=1',
      '--header',
      'Expect: 100-continue',
      `${server.url}/refused?status=417&refuse&early`,
    ];
    await recording.run(EXPECTED.identity, ['curl', '--silent', '--output', '/dev/null', ...refused]);
    record = await recording.finish();
    log = await server.finish();
    pairs = assertAsLogged(record, log, EXPECTED);
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  const of = (path: string): Matched[] => pairs.filter(({ logged }) => logged.target.startsWith(path));

  test('what came of each request and reply is recorded once, unaltered, and marked', (t) => {
    assertSameBytes(record, log, EXPECTED);
    t.diagnostic(`${pairs.length} exchanges matched on ${log.connections.length} connections`);
  });

  test('what is no request is a loss with its size, and the answer to it is recorded', () => {
    assert.deepEqual(
      record.losses.map(({ place, reason, direction, bytes }) => ({ place, reason, direction, bytes })),
      [
        { place: 'decoder', reason: 'head-incomplete', direction: 'sent', bytes: 53 },
        { place: 'decoder', reason: 'body-length-unknown', direction: 'sent', bytes: 6 },
      ],
    );
    const refused = pairs.filter(({ logged }) => logged.isRefused);
    assert.deepEqual(
      refused.map(({ recorded: { attributes } }) => attributes['framing_conflict'] ?? ''),
      ['', '', 'request-transfer-encoding-and-content-length', 'request-content-lengths-differ'],
    );
    assert.equal(refused[0]?.recorded.attributes['request_missing'], 'not-understood');
    assert.equal(refused[1]?.recorded.attributes['request_malformed_fields'], '1');
  });

  test('every byte is accounted for', () => {
    // What is on its way when a client closes may still reach its socket, which counts it no more.
    const midway = new Set(of('/midway').map(({ recorded }) => recorded.connectionId));
    const connections = record.connections.map((one) => {
      const { received_surplus_bytes: _, ...attributes } = one.attributes;
      return midway.has(one.connectionId) ? { ...one, attributes } : one;
    });
    assert.equal(midway.size, 2);
    assertWhole({ ...record, connections, losses: [] });
  });

  test('all that the server sent before it went away is recorded', () => {
    for (const { recorded, logged } of of('/break')) {
      assert.equal(recorded.responsePayloadBytes, logged.response.carriedBytes, logged.target);
    }
    assert.equal(of('/break').length, 13);
  });
});
