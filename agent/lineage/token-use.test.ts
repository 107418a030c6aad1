// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IdentitySource, IdentityState } from '../model/activity.ts';
import { type Binding, NO_IDENTITY } from '../model/identity.ts';
import { audienceFits } from './audience.ts';
import { bind, type Session } from './session.ts';
import { bindingFor, ConnectionLogins } from './token-use.ts';

const { VERIFIED, UNVERIFIABLE, INVALID, POLICY } = IdentityState;
const { BROKER, WIRE } = IdentitySource;
const HTTP = { protocol: 'http', host: 'graph.microsoft.com:443' };
const POSTGRES = { protocol: 'postgresql', host: '' };

const bindingOf = (identityId: string, about: Partial<Binding> = {}): Binding => ({
  ...NO_IDENTITY,
  identityId,
  state: VERIFIED,
  source: BROKER,
  ...about,
});

function sessionOf(first: Binding, ...issued: readonly Binding[]): Session {
  const session = { bindings: [{ sinceNs: 0, binding: first }] } as unknown as Session;
  for (const [index, binding] of issued.entries()) bind(session, 100 * (index + 1), binding);
  return session;
}

const byPolicy = bindingOf('by-policy', { state: POLICY, source: IdentitySource.POLICY });

describe('a token that was carried', () => {
  const cases: readonly (readonly [title: string, token: Binding, known: Binding, takesOver: boolean])[] = [
    ['whose signature was checked', bindingOf('x', { source: WIRE }), byPolicy, true],
    ['that the broker gave out, and that nobody can check', bindingOf('x', { state: UNVERIFIABLE }), byPolicy, true],
    ['that nobody can check', bindingOf('x', { state: UNVERIFIABLE, source: WIRE }), byPolicy, false],
    ['that is wrong', bindingOf('x', { state: INVALID, source: WIRE }), byPolicy, false],
    ['that the broker gave out and that has expired', bindingOf('x', { state: INVALID }), byPolicy, false],
    [
      'that nobody can check, where nothing is known',
      bindingOf('x', { state: UNVERIFIABLE, source: WIRE }),
      NO_IDENTITY,
      true,
    ],
    ['that is wrong, where nothing is known', bindingOf('x', { state: INVALID, source: WIRE }), NO_IDENTITY, false],
  ];
  for (const [title, token, known, takesOver] of cases) {
    test(`${title}: ${takesOver ? 'names the row' : 'leaves the row as it is'}`, () => {
      const session = sessionOf(known);
      assert.equal(bindingFor(session, 500, token, undefined, HTTP), takesOver ? token : known);
      assert.equal(bindingFor(session, 500, undefined, token, HTTP), takesOver ? token : known, 'by the login, too');
    });
  }

  test('goes before that of the login, unless it is not to be believed', () => {
    const session = sessionOf(byPolicy);
    const login = bindingOf('login');
    assert.equal(bindingFor(session, 500, bindingOf('carried'), login, HTTP).identityId, 'carried');
    const forged = bindingOf('forged', { state: UNVERIFIABLE, source: WIRE });
    assert.equal(bindingFor(session, 500, forged, login, HTTP), login);
  });
});

describe('of the tokens of a session', () => {
  const graph = bindingOf('a', { audience: 'https://graph.microsoft.com/', tokenId: 'graph' });
  const database = bindingOf('a', { audience: 'https://ossrdbms-aad.database.windows.net', tokenId: 'database' });
  const tokenAt = (atNs: number, place: typeof HTTP): string =>
    bindingFor(sessionOf(byPolicy, graph, database), atNs, undefined, undefined, place).tokenId;

  test('the one for the target is taken, from when it was issued on', () => {
    assert.deepEqual([tokenAt(50, HTTP), tokenAt(150, HTTP), tokenAt(500, HTTP)], ['', 'graph', 'graph']);
    assert.equal(tokenAt(500, POSTGRES), 'database');
  });

  test('the latest is taken where none is for the target', () => {
    assert.equal(tokenAt(500, { protocol: 'http', host: 'elsewhere.example' }), 'database');
    assert.equal(tokenAt(150, POSTGRES), 'graph');
  });
});

describe('a login by token', () => {
  test('holds until the next one, also one without a token', () => {
    const logins = new ConnectionLogins();
    const connection = {};
    const tokenOf = (fingerprint: string) => (fingerprint === 'password' ? undefined : bindingOf(fingerprint));
    const now = () => logins.loginOf(connection, tokenOf)?.identityId;
    assert.equal(now(), undefined);
    logins.loggedIn(connection, 'one');
    assert.equal(now(), 'one');
    logins.loggedIn(connection, 'two');
    assert.equal(now(), 'two');
    logins.loggedIn(connection, 'password');
    assert.equal(now(), undefined);
    logins.loggedIn(connection, 'two');
    logins.loggedIn(connection, '');
    assert.equal(now(), undefined);
    assert.equal(logins.loginOf({}, tokenOf), undefined, 'another connection has its own');
  });

  test('counts when it is checked, and stays when the token expires', () => {
    const logins = new ConnectionLogins();
    const connection = {};
    let answer: Binding | undefined;
    logins.loggedIn(connection, 'f');
    const state = () => logins.loginOf(connection, () => answer)?.state;
    assert.equal(state(), undefined);
    answer = bindingOf('x', { source: WIRE });
    assert.equal(state(), VERIFIED);
    answer = bindingOf('x', { source: WIRE, state: INVALID });
    assert.equal(state(), VERIFIED);
  });
});

test('an audience is the place that is asked, where names tell', () => {
  const cases: readonly (readonly [audience: string, protocol: string, host: string, fits: boolean])[] = [
    ['https://graph.microsoft.com', 'http', 'graph.microsoft.com', true],
    ['https://graph.microsoft.com/', 'http', 'GRAPH.microsoft.com.:443', true],
    ['00000003-0000-0000-c000-000000000000', 'http', 'graph.microsoft.com', true],
    ['https://vault.azure.net', 'http', 'mine.vault.azure.net', true],
    ['https://vault.azure.net', 'http', 'mine.vault.azure.net.evil.example', false],
    ['https://vault.azure.net', 'http', 'evilvault.azure.net', false],
    ['https://storage.azure.com/', 'http', 'acc.blob.core.windows.net', true],
    ['api://orders.example', 'http', 'orders.example:8443', true],
    ['api://a https://b.example', 'http', 'b.example', true],
    ['https://ossrdbms-aad.database.windows.net', 'mysql', '', true],
    ['https://graph.microsoft.com', 'postgresql', 'graph.microsoft.com', false],
    ['https://redis.azure.com', 'redis', '', true],
    ['', 'http', '', false],
    ['constructor', 'constructor', 'x', false],
  ];
  for (const [audience, protocol, host, fits] of cases)
    assert.equal(audienceFits(audience, { protocol, host }), fits, `${audience} at ${host}`);
});
