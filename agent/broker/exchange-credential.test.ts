// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createExchangeJudge, type ExchangeSighting } from './exchange-credential.ts';

const OWN = 'https://issuer.contoso.example/host-7';
const CLUSTER = 'https://oidc.prod-aks.azure.com/cluster/';
const TENANT = '10000000-0000-4000-8000-0000000000aa';
const AUDIENCE = 'api://AzureADTokenExchange';
const APP = 'fb60f99c-7a34-4190-8149-302f77469936';
const CUSTOM = 'https://login.custom.example:8443';
const PUBLIC = 'https://login.microsoftonline.com';

/** To the token endpoint of a host, as all SDKs send it. */
const sent = (authority: string, changes: Partial<ExchangeSighting['sentTo']> = {}): ExchangeSighting => {
  const tlsServerName = authority.replace(/:\d+$/, '');
  return {
    interface: 'http-form',
    sentTo: { authority, path: `/${TENANT}/oauth2/v2.0/token`, tlsServerName, ...changes },
  };
};

const ENDPOINT = sent('login.microsoftonline.com');
const BEARER_THERE: ExchangeSighting = { ...ENDPOINT, interface: 'http-bearer' };
const VAULT = sent('vault.example', { path: '/v1/auth/jwt/login' });
const ANSWER: ExchangeSighting = { interface: 'http-token-response', isAnswered: true };
const GIVEN_AWAY: ExchangeSighting = { interface: 'http-jwt' };
const DATABASE: ExchangeSighting = { interface: 'postgresql-cleartext-password' };

const ENTRA_1 = { iss: `https://sts.windows.net/${TENANT}/`, aud: AUDIENCE };
const ENTRA_2 = { iss: `https://login.microsoftonline.com/${TENANT}/v2.0`, aud: APP };
const ENTRA_US = { iss: `https://login.microsoftonline.us/${TENANT}/v2.0`, aud: 'api://AzureADTokenExchangeUSGov' };
const OF_CLUSTER = { iss: CLUSTER, aud: [AUDIENCE], sub: 'system:serviceaccount:a:b' };
const OURS = { iss: OWN, aud: AUDIENCE, sub: 'workload:reports' };

type Row = readonly [
  name: string,
  claims: Record<string, unknown>,
  isOurs: boolean,
  ExchangeSighting,
  expected: boolean,
];

const ROWS: readonly Row[] = [
  ['of another audience, anywhere', { iss: CLUSTER, aud: 'https://vault.example' }, false, DATABASE, false],
  ['without an audience', { iss: CLUSTER }, false, DATABASE, false],
  ['of Entra, v1, at the token endpoint', ENTRA_1, false, ENDPOINT, true],
  ['of Entra, v2, at the token endpoint', ENTRA_2, false, ENDPOINT, true],
  ['of Entra in another cloud', ENTRA_US, false, ENDPOINT, true],
  ['of Entra, in an answer', ENTRA_2, false, ANSWER, true],
  ['of a cluster, at the token endpoint', OF_CLUSTER, false, ENDPOINT, false],
  ['of a cluster, there with the usual port', OF_CLUSTER, false, sent('login.microsoftonline.com:443'), false],
  [
    'of a cluster, there by v1',
    OF_CLUSTER,
    false,
    sent('login.microsoftonline.com', { path: '/contoso/oauth2/token' }),
    false,
  ],
  ['of a cluster, at a regional endpoint', OF_CLUSTER, false, sent('westeurope.login.microsoft.com'), false],
  ['of a cluster, in another cloud', OF_CLUSTER, false, sent('login.partner.microsoftonline.cn'), false],
  ['of a cluster, in an answer', OF_CLUSTER, false, ANSWER, false],
  ['of a cluster, in the answer of the session itself', OF_CLUSTER, false, GIVEN_AWAY, true],
  ['of a cluster, as a bearer', OF_CLUSTER, false, { ...VAULT, interface: 'http-bearer' }, true],
  ['of a cluster, as a bearer at the token endpoint', OF_CLUSTER, false, BEARER_THERE, true],
  ['of a cluster, in a form for another server', OF_CLUSTER, false, VAULT, true],
  ['of a cluster, as a password', OF_CLUSTER, false, DATABASE, true],
  [
    'of a cluster, to a name that only ends alike',
    OF_CLUSTER,
    false,
    sent('login.microsoftonline.com.evil.example'),
    true,
  ],
  ['of a cluster, to a region that is none', OF_CLUSTER, false, sent('evil.example.login.microsoft.com.example'), true],
  [
    'of a cluster, at another path of the authority',
    OF_CLUSTER,
    false,
    sent('login.microsoftonline.com', { path: '/x/oauth2/v2.0/authorize' }),
    true,
  ],
  [
    'of a cluster, without TLS',
    OF_CLUSTER,
    false,
    sent('login.microsoftonline.com', { tlsServerName: undefined }),
    true,
  ],
  [
    'of a cluster, where TLS was begun with another name',
    OF_CLUSTER,
    false,
    sent('login.microsoftonline.com', { tlsServerName: 'evil.example' }),
    true,
  ],
  [
    'of a cluster, where TLS was begun without a name',
    OF_CLUSTER,
    false,
    sent('login.microsoftonline.com', { tlsServerName: '' }),
    false,
  ],
  ['ours, at the token endpoint of the authority', OURS, true, ENDPOINT, false],
  ['ours, at that of another cloud', OURS, true, sent('login.microsoftonline.us'), true],
  ['ours, to another server', OURS, true, VAULT, true],
  ['ours, in an answer: it was fetched from where it should not be', OURS, true, ANSWER, true],
  ['in the name of our issuer and not by it', OURS, false, ENDPOINT, true],
];

describe('a token for the token exchange', () => {
  const judge = createExchangeJudge({ authority: PUBLIC, issuer: OWN });
  for (const [name, claims, isOurs, sighting, expected] of ROWS) {
    test(`${name}: ${expected ? 'out of place' : 'in place'}`, () => {
      assert.equal(judge.isOutOfPlace(claims, sighting, isOurs), expected);
    });
  }

  test('may go to the configured authority, whatever it is called', () => {
    const custom = createExchangeJudge({ authority: CUSTOM, issuer: undefined });
    assert.equal(custom.isOutOfPlace(OF_CLUSTER, sent('login.custom.example:8443'), false), false);
    assert.equal(custom.isOutOfPlace(OF_CLUSTER, sent('login.custom.example'), false), true, 'another port is another');
    assert.equal(judge.isOutOfPlace(OF_CLUSTER, sent('login.custom.example:8443'), false), true);
    assert.equal(custom.isOutOfPlace(OURS, ENDPOINT, true), true, 'ours is for the configured one alone');
  });

  test('without an issuer of our own, nobody pretends to be it', () => {
    const none = createExchangeJudge({ authority: PUBLIC, issuer: undefined });
    assert.equal(none.isOutOfPlace({ aud: AUDIENCE }, ENDPOINT, false), false);
  });
});
