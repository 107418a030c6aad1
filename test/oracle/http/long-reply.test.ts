// SPDX-License-Identifier: Apache-2.0

/** A stream of server-sent events that is still open: it becomes one line of the record, at its end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { assertAsLogged, assertSameBytes, type Expectation } from './compare.ts';
import { type HttpServer, startHttpServer } from './http-server.ts';

const EXPECTED: Expectation = { role: 'client', identity: 'listening-agent' };
const EVENTS = 500;
/** Less than what the events have. */
const BYTES_SEEN_MIN = 15_000;
const WAIT_MS_MAX = 60_000;

test('a reply that lasts is one line, whole, when it ends', { skip: whyNoRecording() }, async () => {
  let server: HttpServer | undefined;
  let recording: Recording | undefined;
  try {
    server = await startHttpServer();
    recording = await startRecording({ identities: [EXPECTED.identity] });
    const target = `${server.url}/events?events=${EVENTS}&framing=chunked&parts=100&hold`;
    const ask = ['curl', '--silent', '--show-error', '--no-buffer', '--max-time', '120', target];
    const asking = recording.start(EXPECTED.identity, ask);
    await untilSeen(recording);
    const [session] = (await recording.status()).sessions;
    assert.equal(session?.commands, 0, 'nothing is told of it while it lasts');
    server.letGo();
    const { code, stdout } = await asking.finished;
    assert.equal(code, 0);
    const record = await recording.finish();
    const log = await server.finish();
    const [pair, ...others] = assertAsLogged(record, log, EXPECTED);
    assert.deepEqual(others, []);
    assert.equal(pair?.recorded.response.toString(), stdout);
    assertWhole(record);
    assertSameBytes(record, log, EXPECTED);
    assertUnderstood(record, 'http');
  } finally {
    await recording?.stop();
    await server?.stop();
  }
});

/** The agent has seen the events that were sent. */
async function untilSeen(recording: Recording): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  while (((await recording.status()).counts['bytes'] ?? 0) < BYTES_SEEN_MIN) {
    if (Date.now() > until) throw new Error('the agent does not see the events');
    await sleep(20);
  }
}
