// SPDX-License-Identifier: Apache-2.0

/**
 * A few rows of the matrix (README.md) that need nothing but what setup brings, and thirty short-lived clients; the rest is
 * `npm run test:runtimes`.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { whyNoRecording } from '../oracle/recording/recording.ts';
import { firstBytes } from './first-bytes.ts';
import { runRow } from './row.ts';
import { RUNTIMES, type Runtime } from './runtimes.ts';
import { type Stage, setStage, type TlsVersion } from './stage.ts';

const skip = whyNoRecording();
const skipGo = skip || whyNoGo();

function whyNoGo(): string | false {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'go is not installed: apt-get install golang-go';
  }
}

describe('clients and the TLS that they bring', { skip }, () => {
  let stage: Stage;

  before(async () => {
    stage = await setStage();
  });

  after(() => stage?.stop());

  async function assertOk(name: string, tls: TlsVersion): Promise<void> {
    const row = await runRow(stage, RUNTIMES.find((one) => one.name === name) as Runtime, tls);
    assert.ok(row.ok, `${row.reason}: ${JSON.stringify(row)}`);
  }

  for (const name of ['curl', 'psql']) test(`${name} without TLS, the control`, () => assertOk(name, ''));

  const rows = [
    ['curl', 'TLSv1.3'],
    ['curl', 'TLSv1.2'],
    // OpenSSL in memory, which sees no socket.
    ['python-asyncio', 'TLSv1.3'],
    // Linked into the program; its second connection resumes a session of the first.
    ['node-26-https', 'TLSv1.2'],
    ['psql', 'TLSv1.3'],
  ] as const;
  for (const [name, tls] of rows) {
    test(`what ${name} does over ${tls} is read, to the byte`, () => assertOk(name, tls));
  }

  test('what a static Go program does over TLSv1.3 is read, to the byte', { skip: skipGo }, () =>
    assertOk('go-net-http', 'TLSv1.3'),
  );

  test('the first request of a process that is gone at once is read', { skip: skipGo }, async () => {
    const { asked, read, missing, losses } = await firstBytes(30);
    assert.deepEqual({ read, missing, losses }, { read: asked, missing: [], losses: [] });
  });
});
