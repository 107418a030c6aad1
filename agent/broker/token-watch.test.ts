// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { createAccessToken, type TokenAlteration } from '../../test/entra-stand-in/access-token.ts';
import type { StandInResource } from '../../test/entra-stand-in/directory.ts';
import { createExternalIssuer } from '../../test/entra-stand-in/external-issuer.ts';
import { IdentitySource, IdentityState, TokenAction } from '../model/activity.ts';
import { TOKEN_RESPONSE } from '../protocol/http/given-tokens.ts';
import { askOnce } from './testing/raw-http.ts';
import {
  BILLING_CLIENT,
  BILLING_OBJECT,
  ORDERS_OBJECT,
  openStage,
  PERSON,
  PERSON_OBJECT,
  type Stage,
  type StagedBroker,
  TENANT,
  thisProcess,
  VAULT,
} from './testing/staged-broker.ts';
import { fingerprintOf } from './token/compact-token.ts';
import type { Observation, Sighting } from './token-watch.ts';

let stage: Stage;
let broker: StagedBroker;

before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(async () => {
  stage.standIn.faults.clear();
  await broker?.stop();
  broker = await stage.start();
});

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const bearer: Sighting = { interface: 'http-bearer', holder: thisProcess(), maybePassword: false };
const password: Sighting = { ...bearer, interface: 'postgresql-cleartext-password', maybePassword: true };
const elsewhere: Sighting = { ...bearer, holder: thisProcess({ pid: 1, sessionKey: 99n, selectionName: 'billing' }) };

const toTokenEndpoint = (): Sighting => {
  const authority = new URL(stage.standIn.authority).host;
  const sentTo = { authority, path: `/${TENANT}/oauth2/v2.0/token`, tlsServerName: 'localhost' };
  return { ...bearer, interface: 'http-form', maybePassword: true, sentTo };
};

/** A token that Entra issued to somebody else than this broker. */
function fromEntra(alteration: TokenAlteration = {}, resource: Partial<StandInResource> = {}): string {
  return createAccessToken({
    tenant: { tenantId: TENANT, applications: [], resources: [] },
    client: { clientId: BILLING_CLIENT, name: 'billing', provenBy: '2' },
    subject: { idtyp: 'app', oid: BILLING_OBJECT },
    resource: { identifier: VAULT, appId: 'x', tokenVersion: 1, ...resource },
    nowMs: Date.now(),
    keys: stage.standIn.keys,
    alteration,
  }).token;
}

async function fromBroker(): Promise<string> {
  const secret = stage.secrets.secretFor({ selectionName: 'orders', sessionKey: 7n }) ?? '';
  const { body } = await askOnce(broker.address.port, {
    target: `/msi/token?api-version=2019-08-01&resource=${VAULT}`,
    headers: [
      ['Host', `localhost:${broker.address.port}`],
      ['X-IDENTITY-HEADER', secret],
    ],
  });
  return body.access_token;
}

async function seen(token: string, sighting = bearer): Promise<Observation & { kind: 'token' }> {
  const observation = await broker.observe(token, sighting);
  assert.ok(observation.kind === 'token');
  return observation;
}

const observed = () => broker.events.filter((event) => event.action === TokenAction.OBSERVED);

describe('a token seen on the wire', () => {
  test('is known as the broker’s own when its holder was given it', async () => {
    const observation = await seen(await fromBroker());
    assert.deepEqual(observation.verification, { state: 'verified' });
    assert.deepEqual(
      [observation.identityName, observation.identitySource, observation.suspicious],
      ['orders-app', IdentitySource.BROKER, false],
    );
    assert.equal(observation.issuance?.holder.pid, process.pid);
    const event = observed()[0];
    assert.deepEqual(
      [event?.fingerprint, event?.interface, event?.reason],
      [broker.events[0]?.fingerprint, 'http-bearer', ''],
    );
  });

  test('is suspicious when another session uses it than was given it', async () => {
    const observation = await seen(await fromBroker(), elsewhere);
    assert.equal(observation.suspicious, true);
    assert.equal(observation.issuance?.holder.sessionKey, 7n);
    assert.deepEqual([broker.last().suspicious, broker.last().caller?.sessionKey], [true, 99n]);
  });

  test('is named by the configuration when Entra issued it past the broker', async () => {
    const observation = await seen(fromEntra());
    assert.deepEqual(
      [observation.identityName, observation.identityId, observation.identitySource, observation.identityState],
      ['billing-app', BILLING_OBJECT, IdentitySource.WIRE, IdentityState.VERIFIED],
    );
    assert.equal(observation.issuance, undefined);
    assert.equal(observation.suspicious, false);
  });

  test('of a client that is not configured has an id and no name', async () => {
    const observation = await seen(fromEntra({ claims: { appid: '20000000-0000-4000-8000-0000000000ee' } }));
    assert.deepEqual([observation.identityName, observation.identityId], ['', BILLING_OBJECT]);
  });

  test('is unverifiable or invalid when it is, and then names nobody it only claims to be', async () => {
    const nonce = await seen(fromEntra({}, { nonce: true }));
    assert.deepEqual([nonce.identityState, nonce.identityName], [IdentityState.UNVERIFIABLE, 'billing-app']);
    const forged = await seen(fromEntra({ signing: 'broken' }));
    assert.deepEqual([forged.identityState, forged.identityId, forged.identityName], [IdentityState.INVALID, '', '']);
    assert.equal(broker.last().reason, 'bad_signature origin_unseen');
    assert.equal(broker.last().claims['oid'], BILLING_OBJECT, 'what it claims is kept');
  });

  test('is told once for a session, a place and a state, and answered every time', async () => {
    const token = fromEntra();
    for (let times = 0; times < 20; times += 1) await seen(token);
    await seen(token, { ...bearer, interface: 'redis-auth' });
    await seen(token, elsewhere);
    assert.deepEqual(
      observed().map((event) => [event.interface, event.caller?.sessionKey]),
      [
        ['http-bearer', 7n],
        ['redis-auth', 7n],
        ['http-bearer', 99n],
      ],
    );
    assert.equal(broker.counts.observed, 22);
  });

  test('becomes invalid when it expires, and that is told', async () => {
    let nowMs = Date.now();
    const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
    const later = await stage.start({ clock });
    const token = fromEntra();
    await later.observe(token, bearer);
    nowMs += 2 * 3_600_000;
    await later.observe(token, bearer);
    assert.deepEqual(
      later.events.map((event) => event.reason),
      ['origin_unseen', 'expired origin_unseen'],
    );
  });

  test('is looked at again when its key was not there before', async () => {
    let nowMs = Date.now();
    const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
    const later = await stage.start({ clock });
    stage.standIn.faults.add('keys', { kind: 'status', status: 500 });
    const token = fromEntra();
    await later.observe(token, bearer);
    await later.observe(token, bearer);
    nowMs += 61_000;
    await later.observe(token, bearer);
    assert.deepEqual(
      later.events.map((event) => event.reason),
      ['keys_unavailable origin_unseen', 'origin_unseen'],
    );
  });

  test('for the token exchange is suspicious wherever it is seen, when it is of Entra: with it one is somebody else', async () => {
    const claims = { aud: 'fb60f99c-7a34-4190-8149-302f77469936' };
    assert.equal((await seen(fromEntra({ claims }))).suspicious, true);
    assert.equal((await seen(fromEntra({ claims }), toTokenEndpoint())).suspicious, true);
  });

  test('for the token exchange and of a cluster is suspicious unless it goes to Entra, or comes from the cluster', async () => {
    const cluster = await createExternalIssuer('https://cluster.example');
    const token = await cluster.sign('system:serviceaccount:a:b', Date.now());
    const given: Sighting = { ...bearer, interface: TOKEN_RESPONSE, obtainedFrom: '10.0.0.1:443', isAnswered: true };
    assert.equal((await seen(token, given)).suspicious, false);
    assert.equal((await seen(token, toTokenEndpoint())).suspicious, false);
    assert.equal(broker.last().reason, 'unknown_issuer');
    assert.equal((await seen(token)).suspicious, true);
    assert.equal((await seen(token, { ...toTokenEndpoint(), holder: elsewhere.holder })).suspicious, true, 'another’s');
  });

  test('is offered again when the agent did not take the event', async () => {
    let full = true;
    const taken: string[] = [];
    const failing = await stage.start({
      onEvent(event) {
        if (full) throw new Error('journal full');
        taken.push(event.fingerprint);
      },
    });
    const token = fromEntra();
    assert.equal((await failing.observe(token, bearer)).kind, 'token');
    full = false;
    await failing.observe(token, bearer);
    assert.equal(taken.length, 1);
  });
});

describe('a SAML assertion seen on the wire', () => {
  const inForm: Sighting = { ...bearer, interface: 'http-form', maybePassword: true };
  const assertion = (signing: 'current' | 'unpublished-key' = 'current') =>
    stage.standIn.issueSaml({ tenantId: TENANT, user: PERSON, audience: VAULT, signing });
  const encoded = (xml: string) => Buffer.from(xml).toString('base64');

  test('is verified with the tenant’s certificates, and told as what it is', async () => {
    const xml = assertion();
    const observation = await seen(encoded(xml), inForm);
    assert.deepEqual(observation.verification, { state: 'verified' });
    assert.deepEqual(
      [observation.identityId, observation.tenantId, observation.audience, observation.fingerprint],
      [PERSON_OBJECT, TENANT, VAULT, fingerprintOf(xml)],
    );
    const event = broker.last();
    assert.deepEqual(
      [event.interface, event.tokenKind, event.reason, event.fingerprint],
      ['http-saml', 'saml', 'origin_unseen', fingerprintOf(xml)],
    );
    assert.ok(event.expiresAtNs > event.issuedAtNs && event.issuedAtNs > 0n);
    assert.equal(broker.known(fingerprintOf(xml))?.claims['oid'], PERSON_OBJECT);
  });

  test('belongs to the session that obtained it, in whatever form it is used', async () => {
    const xml = assertion();
    const obtained = { ...bearer, interface: 'http-token-response', obtainedFrom: '203.0.113.7:443' };
    await seen(Buffer.from(xml).toString('base64url'), obtained);
    assert.equal((await seen(encoded(xml), inForm)).suspicious, false);
    const response = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${xml}</samlp:Response>`;
    assert.equal((await seen(encoded(response), { ...elsewhere, interface: 'http-form' })).suspicious, true);
  });

  test('names nobody when it is not proven', async () => {
    const altered = await seen(encoded(assertion().replace(PERSON_OBJECT, ORDERS_OBJECT)), inForm);
    assert.deepEqual([altered.identityState, altered.identityId], [IdentityState.INVALID, '']);
    const unknown = await seen(encoded(assertion('unpublished-key')), inForm);
    assert.deepEqual([unknown.identityState, unknown.identityId], [IdentityState.UNVERIFIABLE, '']);
    assert.equal(broker.last().reason, 'key_not_published origin_unseen');
  });
});

describe('what is known of a token', () => {
  test('is there at once: claims with the first sighting, the verification when it is done', async () => {
    const token = fromEntra();
    const fingerprint = fingerprintOf(token);
    assert.equal(broker.known(fingerprint), undefined);
    const looking = broker.observe(token, bearer);
    assert.deepEqual(
      [broker.known(fingerprint)?.claims['oid'], broker.known(fingerprint)?.verification],
      [BILLING_OBJECT, undefined],
    );
    await looking;
    assert.deepEqual(broker.known(fingerprint), {
      claims: broker.last().claims,
      verification: { state: 'verified' },
      issuance: undefined,
      obtainment: undefined,
      suspicious: false,
    });
  });

  test('is there of what the broker issued before anybody uses it, without the token itself', async () => {
    const token = await fromBroker();
    const known = broker.known(fingerprintOf(token), bearer.holder);
    assert.deepEqual(
      [known?.claims['oid'], known?.verification, known?.suspicious],
      [ORDERS_OBJECT, { state: 'verified' }, false],
    );
    assert.equal(known?.issuance?.holder.sessionKey, 7n);
    assert.ok(!inspect(known, { depth: 9 }).includes(token.split('.')[2] ?? '?'));
    assert.equal(known?.claims['aio'], undefined, 'opaque claims are left out');
  });

  test('is suspicious for the session that took it, not for the one it belongs to', async () => {
    const token = await fromBroker();
    await seen(token);
    await seen(token, elsewhere);
    const suspicious = (holder?: Sighting['holder']) => broker.known(fingerprintOf(token), holder)?.suspicious;
    assert.deepEqual([suspicious(bearer.holder), suspicious(elsewhere.holder), suspicious()], [false, true, true]);
  });

  test('is suspicious too when the token was spelled in another way', async () => {
    const token = await fromBroker();
    const last = BASE64URL.indexOf(token.at(-1) ?? '');
    for (const spelled of [`${token.slice(0, -1)}${BASE64URL[last + 1]}`, `${token}==`]) {
      const { suspicious, fingerprint, verification } = await seen(spelled, elsewhere);
      assert.deepEqual(
        { suspicious, fingerprint, verification },
        { suspicious: true, fingerprint: fingerprintOf(token), verification: { state: 'verified' } },
      );
    }
  });

  test('follows the clock', async () => {
    let nowMs = Date.now();
    const later = await stage.start({ clock: { wallMs: () => nowMs, monotonicMs: () => nowMs } });
    const token = fromEntra();
    await later.observe(token, bearer);
    nowMs += 2 * 3_600_000;
    assert.deepEqual(later.known(fingerprintOf(token))?.verification, { state: 'invalid', reason: 'expired' });
  });
});

describe('what is no token', () => {
  test('is left alone where a password may stand: no event, no digest', async () => {
    for (const text of ['hunter2', '', 'a.b.c', 'correct horse battery staple']) {
      assert.deepEqual(await broker.observe(text, password), { kind: 'not-a-token' });
    }
    assert.deepEqual(broker.events, []);
  });

  test('is told as opaque where only a token can stand, without a digest that could be guessed', async () => {
    const observation = await seen('s3cret-api-key');
    assert.deepEqual(
      [observation.fingerprint, observation.verification],
      ['', { state: 'unverifiable', reason: 'opaque' }],
    );
    assert.deepEqual([broker.last().fingerprint, broker.last().tokenKind], ['', 'opaque']);
  });

  test('is an opaque token when the broker issued it', async () => {
    stage.standIn.faults.add('token', { kind: 'token', alteration: { opaque: true } });
    const observation = await seen(await fromBroker(), password);
    assert.deepEqual(
      [observation.identityName, observation.identityState, observation.identitySource],
      ['orders-app', IdentityState.UNVERIFIABLE, IdentitySource.BROKER],
    );
    assert.match(observation.fingerprint, /^[0-9a-f]{64}$/);
  });

  test('never makes it throw, and never makes it remember without bound', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.boolean(), async (text, maybePassword) => {
        await broker.observe(text, { ...bearer, maybePassword });
      }),
    );
    assert.equal((await broker.observe('x'.repeat(1_000_000), bearer)).kind, 'token');
    const [header, , signature] = fromEntra().split('.');
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 3000; index += 1) {
      const claims = Buffer.from(JSON.stringify({ iss: 'x', sub: `${index}`.padEnd(1500, 'x') })).toString('base64url');
      await broker.observe(`${header}.${claims}.${signature}`, bearer);
    }
    broker.events.length = 0;
    assert.ok(process.memoryUsage().heapUsed - before < 100 * 1024 * 1024);
  });
});
