// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { TokenAlteration } from '../../../test/entra-stand-in/access-token.ts';
import type { AppIdentity } from '../policy/identity.ts';
import type { AllowedResource } from '../policy/policy.ts';
import { createHandClock, type HandClock } from '../testing/hand-clock.ts';
import {
  DATABASE,
  DATABASE_APP,
  GRAPH,
  INVENTORY,
  keptLog,
  openStage,
  type Stage,
  TENANT,
  VAULT,
} from '../testing/staged-broker.ts';
import { PUBLIC_CLOUD_ISSUERS } from '../token/issuer.ts';
import { createTokenVerifier } from '../token/verify.ts';
import { KNOWN_AADSTS_CODES, meaningOf } from './aadsts.ts';
import { type Credentials, openCredentials } from './credentials.ts';
import { createHostFetch, createHttpsFetch } from './https-fetch.ts';
import { createTenantKeys } from './tenant-keys.ts';
import { createTokenSource, type TokenAnswer, type TokenSource } from './token-source.ts';

let stage: Stage;
let orders: AppIdentity;
let credentials: Credentials;
let clock: HandClock;
let lines: string[];
let source: TokenSource;

before(async () => {
  stage = await openStage();
  orders = stage.policy.identities[0] as AppIdentity;
  credentials = await openCredentials(stage.policy.identities, createHandClock(), keptLog([]));
});
after(() => stage.close());
beforeEach(() => {
  const { standIn } = stage;
  standIn.faults.clear();
  standIn.clock.reset();
  clock = createHandClock();
  lines = [];
  const parts = {
    authority: standIn.authority,
    fetch: createHttpsFetch({ ca: standIn.caCertificatePem }),
    clock,
    log: keptLog(lines),
    timeoutMs: 1000,
  };
  const keys = createTenantKeys({ ...parts, tenants: [TENANT] });
  const verifier = createTokenVerifier({ keys, clock, issuers: PUBLIC_CLOUD_ISSUERS });
  const host = { ...parts, origin: 'http://127.0.0.1:9', fetch: createHostFetch() };
  const { identities } = stage.policy;
  const { assertionsOf } = credentials;
  // Without jitter, so that waits can be told to the millisecond.
  source = createTokenSource({ ...parts, verifier, identities, assertionsOf, host, random: () => 0 });
});

const vault: AllowedResource = { resource: VAULT };
const get = (allowed = vault, stale?: string): Promise<TokenAnswer> =>
  source.get(orders, allowed, { staleFingerprint: stale });

async function held(allowed = vault, stale?: string) {
  const answer = await get(allowed, stale);
  assert.ok(answer.kind === 'held', JSON.stringify(answer));
  return answer.held;
}

async function refused(allowed = vault) {
  const answer = await get(allowed);
  assert.ok(answer.kind === 'refused');
  return answer;
}

/** How many times Entra was asked while `act` ran. */
async function asked(act: () => Promise<unknown>): Promise<number> {
  const before = stage.standIn.count('token');
  await act();
  return stage.standIn.count('token') - before;
}

/** What was begun in the background is done some time. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

const failed = (): Promise<void> => until(() => lines.some((line) => line.includes('upstream_unavailable')));

/** Hand clock and stand-in go together. */
function advance(ms: number): void {
  clock.advance(ms);
  stage.standIn.clock.advance(ms);
}

describe('tokens from Entra', () => {
  test('come verified, v1 and v2, with the audience as name or as configured application id', async () => {
    const first = await held();
    assert.deepEqual([first.verification.state, first.claims['ver'], first.claims['aud']], ['verified', '1.0', VAULT]);
    const second = await held({ resource: DATABASE, audiences: [DATABASE_APP] });
    assert.deepEqual(
      [second.verification.state, second.claims['ver'], second.claims['aud']],
      ['verified', '2.0', DATABASE_APP],
    );
    assert.equal((await held({ resource: INVENTORY })).verification.state, 'verified');
    const graph = await held({ resource: GRAPH });
    assert.deepEqual(graph.verification, { state: 'unverifiable', reason: 'nonce' });
  });

  test('are asked for once by a hundred at the same time, and then kept while they have five minutes left', async () => {
    const together = () => Promise.all(Array.from({ length: 100 }, () => held()));
    assert.equal(await asked(together), 1);
    assert.equal(new Set((await together()).map((token) => token.fingerprint)).size, 1);
    // The token counts in whole seconds, so the edge is within one. Entra fails, or it would be renewed before.
    stage.standIn.faults.add('token', { kind: 'drop' });
    advance(3_599_000 - 300_000 - 1_000);
    await held();
    await failed();
    assert.equal(await asked(held), 0);
    advance(1_001);
    assert.equal(await asked(held), 1);
  });

  test('are renewed in the background from half of their life on, when somebody asks; nobody waits for it', async () => {
    const before = stage.standIn.count('token');
    const first = await held();
    advance(1_799_000);
    assert.equal(await asked(held), 0);
    advance(1_000);
    const together = await Promise.all(Array.from({ length: 10 }, () => held()));
    for (const one of together) assert.equal(one.fingerprint, first.fingerprint);
    await until(async () => (await held()).fingerprint !== first.fingerprint);
    assert.equal(stage.standIn.count('token') - before, 2);
  });

  test('are kept apart by identity, not by its name alone: after a reload it may be of another client', async () => {
    await held();
    const other = await source.get({ ...orders, clientId: '00000000-0000-4000-8000-000000000001' }, vault);
    assert.equal(other.kind, 'refused', 'the token at hand is of the client before');
    assert.equal(await asked(() => held()), 0, 'and the client before has its own still');
  });

  test('are kept apart by resource', async () => {
    assert.notEqual((await held()).fingerprint, (await held({ resource: INVENTORY })).fingerprint);
  });

  test('are asked for again when a client was told that its token is no longer good, but not at its will', async () => {
    const { fingerprint } = await held();
    assert.equal(await asked(() => held(vault, fingerprint)), 0, 'it is too young for that');
    advance(31_000);
    assert.equal(await asked(() => held(vault, 'f'.repeat(64))), 0, 'it is another token');
    assert.equal(await asked(() => held(vault, fingerprint)), 1);
    assert.equal(await asked(() => held(vault, fingerprint)), 0);
  });
});

describe('while Entra fails', () => {
  const { add } = {
    add: (...fault: Parameters<Stage['standIn']['faults']['add']>) => stage.standIn.faults.add(...fault),
  };

  test('nobody is kept waiting, and it is left alone for longer each time', async () => {
    add('token', { kind: 'status', status: 500 }, 3);
    assert.deepEqual(await refused(), { kind: 'refused', reason: 'upstream_unavailable', retryAfterS: 1 });
    assert.equal(await asked(refused), 0);
    advance(1000);
    assert.equal((await refused()).retryAfterS, 2);
    advance(2000);
    assert.equal((await refused()).retryAfterS, 4);
    advance(3999);
    assert.equal(await asked(refused), 0);
    advance(1);
    assert.equal(await asked(held), 1);
    add('token', { kind: 'status', status: 503 });
    assert.equal((await refused({ resource: INVENTORY })).retryAfterS, 1, 'after a success it begins anew');
  });

  test('what it says about when to come back is kept to', async () => {
    add('token', { kind: 'status', status: 429, retryAfterSeconds: 40 });
    assert.deepEqual(await refused(), { kind: 'refused', reason: 'upstream_throttled', retryAfterS: 40 });
    advance(39_999);
    assert.equal(await asked(refused), 0);
    advance(1);
    await held();
  });

  test('a connection that breaks, an answer that does not come or is no token, are all the same', async () => {
    for (const fault of [
      { kind: 'drop' },
      { kind: 'hang' },
      { kind: 'status', status: 200, body: '<html>' },
      { kind: 'status', status: 200, body: '{"token_type":"Bearer","access_token":7,"expires_in":1}' },
      { kind: 'status', status: 200, body: '{"token_type":"pop","access_token":"x","expires_in":1}' },
      { kind: 'status', status: 302 },
      { kind: 'status', status: 502, body: '' },
    ] as const) {
      add('token', fault);
      assert.equal((await refused()).reason, 'upstream_unavailable', JSON.stringify(fault));
      advance(60_000);
    }
  });

  test('a token that is there is used until it has less than five minutes', async () => {
    await held();
    add('token', { kind: 'drop' }, 2);
    advance(3_000_000);
    await held();
    await failed();
    advance(400_000);
    assert.equal((await refused()).reason, 'upstream_unavailable');
  });

  test('each AADSTS number becomes what it means, and a wrong configuration is not asked about every second', async () => {
    for (const [code, reason, retryAfterS] of [
      [65001, 'consent_missing', 1],
      [53003, 'claims_required', 1],
      [50076, 'claims_required', 1],
      [500011, 'resource_unknown', 1],
      [700027, 'identity_misconfigured', 30],
      [700016, 'identity_misconfigured', 30],
      [7000222, 'identity_misconfigured', 30],
      [90002, 'identity_misconfigured', 30],
      [16000, 'claims_required', 1],
    ] as const) {
      add('token', { kind: 'aadsts', code });
      // Each with a name of its own, so that each begins without a history.
      const answer = await refused({ resource: VAULT, audiences: [`${code}`] });
      assert.deepEqual([answer.reason, answer.retryAfterS], [reason, retryAfterS], `${code}`);
      assert.match(lines.at(-1) ?? '', new RegExp(`"aadsts":${code},`));
    }
    assert.ok(KNOWN_AADSTS_CODES.length >= 20);
    assert.equal(meaningOf(undefined, 'constructor').reason, 'identity_misconfigured');
    assert.equal(meaningOf(1, 'temporarily_unavailable').reason, 'upstream_unavailable');
  });

  test('a clock that differs is made up for once, by the time of Entra', async () => {
    // The real clock of the stand-in's Date header is right; ours is twenty minutes behind.
    clock.jump(-20 * 60_000);
    assert.equal(await asked(get), 2);
    const times = stage.standIn.requests.filter((line) => line.path.endsWith('/token')).slice(-2);
    assert.deepEqual(
      times.map((line) => line.errorCode ?? line.status),
      [700024, 200],
    );
    assert.ok(lines.some((line) => line.includes('the clock of this host differs')));
  });
});

describe('a token that is not the one asked for is dropped', () => {
  const cases: [string, TokenAlteration, string][] = [
    ['of another tenant', { claims: { tid: '10000000-0000-4000-8000-0000000000bb' } }, 'wrong_issuer'],
    [
      'of another tenant, with its issuer',
      {
        claims: {
          tid: '10000000-0000-4000-8000-0000000000bb',
          iss: 'https://sts.windows.net/10000000-0000-4000-8000-0000000000bb/',
        },
      },
      'other_tenant',
    ],
    ['for another audience', { claims: { aud: 'https://elsewhere.example' } }, 'other_audience'],
    ['for two audiences', { claims: { aud: [VAULT, 'https://elsewhere.example'] } }, 'other_audience'],
    ['of another client', { claims: { appid: '20000000-0000-4000-8000-0000000000bb' } }, 'other_client'],
    ['of another object', { claims: { oid: '30000000-0000-4000-8000-0000000000bb' } }, 'other_object'],
    ['of a user', { claims: { idtyp: 'user' } }, 'not_app_only'],
    ['with delegated scopes and no idtyp', { claims: { idtyp: undefined, scp: 'User.Read' } }, 'not_app_only'],
    ['with a broken signature', { signing: 'broken' }, 'bad_signature'],
    ['unsigned', { signing: 'none' }, 'algorithm_not_allowed'],
    ['keyed with the public key', { signing: 'hs256-public-key' }, 'algorithm_not_allowed'],
    ['expired', { claims: { exp: 1 } }, 'expired'],
  ];
  for (const [what, alteration, cause] of cases) {
    test(what, async () => {
      stage.standIn.faults.add('token', { kind: 'token', alteration });
      assert.deepEqual(await refused(), { kind: 'refused', reason: 'answer_rejected', retryAfterS: 30 });
      assert.match(lines.at(-1) ?? '', new RegExp(`"cause":"${cause}"`));
      assert.equal(await asked(refused), 0);
      advance(30_000);
      await held();
    });
  }

  test('but one that nobody here can check is held: it came from Entra over TLS', async () => {
    const odd: [TokenAlteration, string][] = [
      [{ opaque: true }, 'opaque'],
      [{ signing: 'unpublished-key' }, 'key_not_published'],
      [{ signing: 'unknown-kid' }, 'key_not_published'],
    ];
    for (const [alteration, reason] of odd) {
      stage.standIn.faults.add('token', { kind: 'token', alteration });
      const { verification } = await held({ resource: VAULT, audiences: [JSON.stringify(alteration)] });
      assert.deepEqual(verification, { state: 'unverifiable', reason });
    }
  });

  test('and while the keys cannot be had, tokens are held unverified', async () => {
    stage.standIn.faults.add('keys', { kind: 'status', status: 500 }, 5);
    assert.deepEqual((await held()).verification, { state: 'unverifiable', reason: 'keys_unavailable' });
  });
});

test('neither a token nor an assertion gets into the log, whatever happens', async () => {
  stage.standIn.faults.add('token', { kind: 'token', alteration: { signing: 'broken' } });
  stage.standIn.faults.add('token', { kind: 'aadsts', code: 700027 });
  stage.standIn.faults.add('token', { kind: 'drop' });
  for (let times = 0; times < 4; times += 1) {
    await get();
    advance(60_000);
  }
  assert.ok(lines.length >= 3);
  assert.doesNotMatch(lines.join('\n'), /eyJ/);
});
