// SPDX-License-Identifier: Apache-2.0

/** Connections that change their language, against the log of the server: what came behind is counted to the byte. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation, type Matched } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';
import type { ServerLog } from './server-log.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'upgrading-agent' };
const skip = whyNoRecording();

describe('connections that are upgraded against the log of the server', { skip }, () => {
  let server: HttpServer;
  let recording: Recording;
  let record: RunRecord;
  let log: ServerLog;
  let pairs: Matched[];

  before(async () => {
    server = await startHttpServer();
    recording = await startRecording({ identities: [EXPECTED.identity] });
    const driver = join(import.meta.dirname, 'drivers/upgrading-client.ts');
    await recording.run(EXPECTED.identity, [node, driver, server.url]);
    record = await recording.finish();
    log = await server.finish();
    pairs = assertAsLogged(record, log, EXPECTED);
  });

  after(async () => {
    await recording?.stop();
    await server?.stop();
  });

  test('requests before the upgrade, the upgrade, and requests behind a refusal are recorded as logged', () => {
    const statuses = pairs.map(({ recorded }) => Number(recorded.attributes['status_code']));
    assert.deepEqual(statuses.sort(), [101, 101, 101, 200, 200, 200, 200, 200]);
  });

  test('bytes behind the upgrade are counted to the byte, under the name of what they are', () => {
    assertSameBytes(record, log, EXPECTED);
    const names = record.connections.filter(({ action }) => action === 'closed').map(({ protocol }) => protocol);
    assert.deepEqual(names, ['nobodys', 'early', 'own.words', 'http']);
  });

  test('bytes that a client sends before it has leave are a loss with their size', () => {
    assert.deepEqual(
      record.losses.map(({ place, reason, direction, bytes }) => ({ place, reason, direction, bytes })),
      [{ place: 'decoder', reason: 'sent-before-handover', direction: 'sent', bytes: 27 }],
    );
    assertWhole({ ...record, losses: [] });
  });
});
