// SPDX-License-Identifier: Apache-2.0

/** What may stand in a token that crosses the wire, against a real broker and the stand-in's key endpoint. */

import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { createAccessToken, type TokenAlteration } from '../../../test/entra-stand-in/access-token.ts';
import {
  BILLING_CLIENT,
  BILLING_OBJECT,
  openStage,
  type Stage,
  type StagedBroker,
  TENANT,
  VAULT,
} from '../testing/staged-broker.ts';

const OTHER_TENANT = '10000000-0000-4000-8000-0000000000bb';
const MINUTE = 60_000;
const part = (text: string): string => Buffer.from(text).toString('base64url');

let stage: Stage;
let broker: StagedBroker;
let nowMs: number;
/** Requests that reached a server which nobody should ever ask. */
let strayRequests = 0;
let trap: Server;
let trapUrl: string;

before(async () => {
  stage = await openStage();
  trap = createServer((_, response) => {
    strayRequests += 1;
    response.end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  trapUrl = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`;
});
after(async () => {
  trap.close();
  await stage.close();
});
beforeEach(async () => {
  nowMs = Date.now();
  await broker?.stop();
  broker = await stage.start({ clock: { wallMs: () => nowMs, monotonicMs: () => nowMs } });
});

function token(alteration: TokenAlteration = {}, version: 1 | 2 = 1): string {
  return createAccessToken({
    tenant: { tenantId: TENANT, applications: [], resources: [] },
    client: { clientId: BILLING_CLIENT, name: 'billing', provenBy: '2' },
    subject: { idtyp: 'app', oid: BILLING_OBJECT },
    resource: { identifier: VAULT, appId: '40000000-0000-4000-8000-0000000000cc', tokenVersion: version },
    nowMs,
    keys: stage.standIn.keys,
    alteration,
  }).token;
}

/** Any header, as text, under the key that is published. */
function signed(header: string, claims: string, key = stage.standIn.keys.current.privateKey): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key).toString('base64url')}`;
}

const claimsText = (): string => Buffer.from(token().split('.')[1] ?? '', 'base64url').toString();

async function answer(compact: string): Promise<string> {
  const seen = await broker.observe(compact, { interface: 'http-bearer', holder: undefined, maybePassword: false });
  assert.ok(seen.kind === 'token');
  const { verification } = seen;
  return verification.state === 'verified' ? 'verified' : `${verification.state}: ${verification.reason}`;
}

describe('keys', () => {
  test('are asked for once in five minutes, however many unknown key ids are sent', async () => {
    await answer(token());
    const before = stage.standIn.count('keys');
    const storm = async () => {
      const answers = await Promise.all(Array.from({ length: 200 }, () => answer(token({ signing: 'unknown-kid' }))));
      assert.deepEqual(new Set(answers), new Set(['unverifiable: key_not_published']));
    };
    await storm();
    assert.equal(stage.standIn.count('keys') - before, 0, 'they have just been fetched');
    nowMs += 5 * MINUTE;
    await storm();
    await storm();
    assert.equal(stage.standIn.count('keys') - before, 1);
  });

  test('follow a rollover, and tokens of the old key stay good while it is published', async () => {
    const old = token();
    assert.equal(await answer(old), 'verified');
    await stage.standIn.keys.roll();
    nowMs += 5 * MINUTE;
    assert.equal(await answer(token()), 'verified');
    assert.equal(await answer(token({ claims: { uti: 'new' } })), 'verified');
    assert.equal(await answer(old), 'verified');
  });

  test('of tenants that are not configured are not asked for', async () => {
    const before = stage.standIn.requests.length;
    const issuers = [
      `https://sts.windows.net/${OTHER_TENANT}/`,
      `https://login.microsoftonline.com/${OTHER_TENANT}/v2.0`,
    ];
    for (const [index, iss] of issuers.entries()) {
      const claims = { tid: OTHER_TENANT, iss };
      assert.equal(await answer(token({ claims }, index === 0 ? 1 : 2)), 'unverifiable: foreign_tenant');
    }
    assert.equal(stage.standIn.requests.length, before);
  });

  for (const name of ['jku', 'x5u', 'x5c', 'jwk']) {
    test(`do not come out of the token: ${name}`, async () => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const jwk = publicKey.export({ format: 'jwk' });
      const value = {
        jku: trapUrl,
        x5u: trapUrl,
        x5c: [publicKey.export({ format: 'der', type: 'spki' }).toString('base64')],
        jwk,
      };
      const { kid } = stage.standIn.keys.current;
      for (const [id, expected] of [
        [kid, 'invalid: bad_signature'],
        ['another', 'unverifiable: key_not_published'],
      ]) {
        const header = JSON.stringify({ alg: 'RS256', kid: id, [name]: value[name as keyof typeof value] });
        assert.equal(await answer(signed(header, claimsText(), privateKey)), expected);
      }
      const header = JSON.stringify({ alg: 'RS256', kid, [name]: value[name as keyof typeof value] });
      assert.equal(await answer(signed(header, claimsText())), 'verified', 'and beside the right key it does no harm');
      assert.equal(strayRequests, 0);
    });
  }
});

describe('issuers of other clouds', () => {
  for (const [v1, v2] of [
    ['https://sts.chinacloudapi.cn/', 'https://login.partner.microsoftonline.cn/'],
    ['https://sts.microsoftonline.us/', 'https://login.microsoftonline.us/'],
  ] as const) {
    test(v1, async () => {
      for (const tenant of [TENANT, OTHER_TENANT]) {
        // Under our tenant's id such an issuer is wrong: a tenant lives in one cloud.
        const expected = tenant === TENANT ? 'invalid: wrong_issuer' : 'unverifiable: unknown_issuer';
        assert.equal(await answer(token({ claims: { iss: `${v1}${tenant}/`, tid: tenant } })), expected);
        assert.equal(await answer(token({ claims: { iss: `${v2}${tenant}/v2.0`, tid: tenant } }, 2)), expected);
      }
    });
  }

  test('are verified by a broker that is told so', async () => {
    const issuers = {
      v1: 'https://sts.chinacloudapi.cn/{tenant}/',
      v2: 'https://login.partner.microsoftonline.cn/{tenant}/v2.0',
    };
    broker = await stage.start({ issuers });
    assert.equal(await answer(token({ claims: { iss: `https://sts.chinacloudapi.cn/${TENANT}/` } })), 'verified');
    assert.equal(await answer(token()), 'invalid: wrong_issuer');
  });
});

describe('claims of agents', () => {
  test('are kept as they come: odd facets, even ones, unknown ones, in any order', async () => {
    for (const facets of ['11', '7 10', '26 7', '28 1', '11 999999', '']) {
      const claims = { xms_act_fct: facets, xms_sub_fct: facets, xms_idrel: '7', xms_par_app_azp: BILLING_CLIENT };
      assert.equal(await answer(token({ claims })), 'verified');
      assert.equal(broker.last().claims['xms_act_fct'], facets);
      assert.equal(broker.last().claims['xms_par_app_azp'], BILLING_CLIENT);
    }
  });

  test('are not needed: a token without the blueprint’s id is as good', async () => {
    assert.equal(await answer(token({ claims: { xms_act_fct: '11' } })), 'verified');
    assert.equal(Object.hasOwn(broker.last().claims, 'xms_par_app_azp'), false);
  });
});

describe('hostile headers', () => {
  const { stringify } = JSON;
  const kid = (): string => stage.standIn.keys.current.kid;
  const cases: [string, () => string, string][] = [
    ['a list of algorithms', () => stringify({ alg: ['RS256'], kid: kid() }), 'invalid: algorithm_not_allowed'],
    ['an algorithm that is a number', () => stringify({ alg: 256, kid: kid() }), 'invalid: algorithm_not_allowed'],
    [
      'two algorithms, the last of them none',
      () => `{"alg":"RS256","alg":"none","kid":"${kid()}"}`,
      'invalid: algorithm_not_allowed',
    ],
    [
      'an algorithm of the prototype',
      () => `{"__proto__":{"alg":"RS256"},"kid":"${kid()}"}`,
      'invalid: algorithm_not_allowed',
    ],
    [
      'a payload that is not encoded',
      () => stringify({ alg: 'RS256', kid: kid(), b64: false, crit: ['b64'] }),
      'invalid: malformed',
    ],
    ['a key id that is a number', () => stringify({ alg: 'RS256', kid: 7 }), 'unverifiable: key_not_published'],
    [
      'a key id that is another’s name',
      () => stringify({ alg: 'RS256', kid: '__proto__' }),
      'unverifiable: key_not_published',
    ],
    ['twenty thousand characters', () => stringify({ alg: 'RS256', kid: kid(), x: 'x'.repeat(20_000) }), 'verified'],
    [
      'a depth of two thousand',
      () => `{"alg":"RS256","kid":"${kid()}","x":${'['.repeat(2000)}${']'.repeat(2000)}}`,
      'verified',
    ],
  ];
  for (const [what, header, expected] of cases) {
    test(what, async () => assert.equal(await answer(signed(header(), claimsText())), expected));
  }

  test('whatever stands in header and claims: an answer, and nobody is verified who was not signed for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.object(), fc.object(), fc.boolean(), async (header, claims, isOurs) => {
        const { privateKey } = isOurs ? stage.standIn.keys.current : stage.standIn.keys.unpublished;
        const whole = { ...JSON.parse(claimsText()), ...claims };
        const said = await answer(
          signed(stringify({ alg: 'RS256', kid: kid(), ...header }), stringify(whole), privateKey),
        );
        assert.match(said, /^(?:verified|(?:unverifiable|invalid): [a-z_]+)$/);
        if (!isOurs) assert.notEqual(said, 'verified');
      }),
      { numRuns: 200 },
    );
    assert.equal(strayRequests, 0);
  });
});
