// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createAccessToken } from '../../test/entra-stand-in/access-token.ts';
import { askOnce } from './testing/raw-http.ts';
import {
  BILLING_CLIENT,
  BILLING_OBJECT,
  openStage,
  type Stage,
  type StagedBroker,
  TENANT,
  thisProcess,
  VAULT,
} from './testing/staged-broker.ts';
import { fingerprintOf } from './token/compact-token.ts';
import type { Observation, Sighting } from './token-watch.ts';

const ENTRA = '203.0.113.7:443';
const IMDS = '169.254.169.254:80';

let stage: Stage;
let broker: StagedBroker;

before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(async () => {
  await broker?.stop();
  broker = await stage.start();
});

const holder = (sessionKey: bigint) => thisProcess({ sessionKey, sessionId: `session-${sessionKey}` });
const uses = (sessionKey: bigint): Sighting => ({
  interface: 'http-bearer',
  holder: holder(sessionKey),
  maybePassword: false,
});
const obtains = (sessionKey: bigint, from: string): Sighting => ({
  ...uses(sessionKey),
  interface: 'http-token-response',
  obtainedFrom: from,
});

function fromEntra(claims: Record<string, unknown> = {}): string {
  return createAccessToken({
    tenant: { tenantId: TENANT, applications: [], resources: [] },
    client: { clientId: BILLING_CLIENT, name: 'billing', provenBy: '2' },
    subject: { idtyp: 'app', oid: BILLING_OBJECT },
    resource: { identifier: VAULT, appId: 'x', tokenVersion: 1 },
    nowMs: Date.now(),
    keys: stage.standIn.keys,
    alteration: { claims },
  }).token;
}

async function fromBroker(of: StagedBroker): Promise<string> {
  const { port } = of.address;
  const { body } = await askOnce(port, {
    target: `/msi/token?api-version=2019-08-01&resource=${VAULT}`,
    headers: [
      ['Host', `localhost:${port}`],
      ['X-IDENTITY-HEADER', stage.secrets.secretFor({ selectionName: 'orders', sessionKey: 7n }) ?? ''],
    ],
  });
  return body.access_token;
}

async function seen(token: string, sighting: Sighting, by = broker): Promise<Observation & { kind: 'token' }> {
  const observation = await by.observe(token, sighting);
  assert.ok(observation.kind === 'token');
  return observation;
}

describe('a token that a session obtained itself', () => {
  test('is at home with it, and suspicious with every other', async () => {
    const token = fromEntra();
    assert.equal((await seen(token, obtains(1n, ENTRA))).suspicious, false);
    assert.equal((await seen(token, uses(1n))).suspicious, false);
    assert.equal(broker.last().reason, '', 'it was seen to be obtained');
    const stolen = await seen(token, uses(2n));
    assert.deepEqual([stolen.suspicious, stolen.obtainment?.holder.sessionKey], [true, 1n]);
    assert.equal(broker.last().obtainment?.from, ENTRA);
    assert.equal(broker.known(fingerprintOf(token), holder(2n))?.suspicious, true);
    assert.equal(broker.known(fingerprintOf(token), holder(1n))?.suspicious, false);
  });

  test('is at home with two that got it from the same place: a host keeps a token for all who ask', async () => {
    const token = fromEntra();
    await seen(token, obtains(1n, IMDS));
    assert.equal((await seen(token, obtains(2n, IMDS))).suspicious, false);
    assert.equal((await seen(token, uses(2n))).suspicious, false);
  });

  test('is handed over when another session gets it from anywhere else, and does not become its own by that', async () => {
    const token = fromEntra();
    await seen(token, obtains(1n, ENTRA));
    assert.equal((await seen(token, obtains(2n, '127.0.0.1:9999'))).suspicious, true);
    assert.equal((await seen(token, uses(2n))).suspicious, true);
  });

  test('cannot be one that the broker gave to another', async () => {
    const token = await fromBroker(broker);
    assert.equal((await seen(token, obtains(7n, '127.0.0.1:1'))).suspicious, false, 'the broker’s own answer');
    assert.equal((await seen(token, obtains(8n, IMDS))).suspicious, true);
    assert.equal((await seen(token, uses(8n))).suspicious, true);
  });

  test('is suspicious at once when it is for the token exchange', async () => {
    const token = fromEntra({ aud: 'api://AzureADTokenExchange' });
    assert.equal((await seen(token, obtains(1n, ENTRA))).suspicious, true);
    const assertion = { ...uses(1n), interface: 'http-form', maybePassword: true };
    assert.equal((await seen(token, assertion)).suspicious, true);
  });

  test('may be opaque: a refresh token has a fingerprint, a short one has none', async () => {
    const [long, short] = [`1.${randomBytes(60).toString('base64url')}`, 'hunter2'];
    assert.equal((await seen(long, obtains(1n, ENTRA))).fingerprint, fingerprintOf(long));
    const form: Sighting = { ...uses(2n), interface: 'http-form', maybePassword: true };
    assert.equal((await seen(long, form)).suspicious, true, 'used by another session');
    assert.equal((await seen(short, obtains(1n, ENTRA))).fingerprint, '');
    assert.deepEqual(await broker.observe(short, form), { kind: 'not-a-token' });
  });
});

describe('a token that nobody was seen to get', () => {
  test('is not suspicious by itself, and is marked', async () => {
    assert.equal((await seen(fromEntra(), uses(1n))).suspicious, false);
    assert.equal(broker.last().reason, 'origin_unseen');
    await seen(fromEntra({ exp: 1 }), uses(1n));
    assert.equal(broker.last().reason, 'expired origin_unseen');
  });

  test('stays with who had it before, also when another obtains it later', async () => {
    const token = fromEntra();
    await seen(token, uses(1n));
    await seen(token, obtains(2n, IMDS));
    assert.equal((await seen(token, uses(1n))).suspicious, false);
    assert.equal((await seen(token, uses(3n))).suspicious, true);
  });
});

describe('a token that a client shows to a server of another session', () => {
  const receives = (sessionKey: bigint): Sighting => ({ ...uses(sessionKey), isReceived: true });

  test('is no hand-over, and does not become the server’s', async () => {
    const token = fromEntra();
    await seen(token, obtains(1n, ENTRA));
    assert.equal((await seen(token, receives(2n))).suspicious, false);
    assert.equal((await seen(token, uses(2n))).suspicious, true, 'the server uses it itself');
  });

  test('nor does one that nobody had been seen to get', async () => {
    const token = fromEntra();
    await seen(token, receives(2n));
    await seen(token, obtains(1n, ENTRA));
    assert.equal((await seen(token, uses(2n))).suspicious, true);
  });
});

test('who got which token is known after a restart, and no token is in the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-ledger-'));
  try {
    const ledgerFile = { path: join(folder, 'token-ledger.jsonl'), bootId: 'a boot' };
    const first = await stage.start({ ledgerFile });
    const [issued, obtained] = [await fromBroker(first), fromEntra()];
    await seen(obtained, obtains(1n, ENTRA), first);
    await first.stop();
    const text = readFileSync(ledgerFile.path, 'utf8');
    for (const token of [issued, obtained]) {
      assert.ok(text.includes(fingerprintOf(token)));
      for (const part of token.split('.')) assert.ok(!text.includes(part));
    }
    assert.equal(statSync(ledgerFile.path).mode & 0o777, 0o600);

    const second = await stage.start({ ledgerFile });
    const own = await seen(issued, uses(7n), second);
    assert.deepEqual([own.suspicious, own.identityName, own.issuance?.holder.sessionKey], [false, 'orders-app', 7n]);
    assert.equal((await seen(issued, uses(8n), second)).suspicious, true);
    assert.equal((await seen(obtained, uses(1n), second)).suspicious, false);
    assert.equal((await seen(obtained, uses(2n), second)).suspicious, true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
