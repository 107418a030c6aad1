// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { identityOf } from './identity-claims.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';
const v1 = { ver: '1.0', tid: TENANT, aud: 'https://graph.microsoft.com' };
const v2 = { ver: '2.0', tid: TENANT, aud: '00000003-0000-0000-c000-000000000000' };
const AGENT = { azp: 'agent', oid: 'agent', sub: 'agent', xms_par_app_azp: 'blueprint' };
const ada = { upn: 'ada@contoso.example', name: 'Ada' };

type Row = readonly [title: string, claims: object, expected: object];
const rows: readonly Row[] = [
  [
    'an application, v1',
    { ...v1, idtyp: 'app', appid: 'client', oid: 'sp', roles: ['B.Write', 'A.Read'], uti: 'u' },
    { identityId: 'sp', kind: 'app', scopes: 'A.Read B.Write', audience: v1.aud, tokenId: 'u', tenantId: TENANT },
  ],
  ['an application, v2', { ...v2, idtyp: 'app', azp: 'client', oid: 'sp' }, { identityId: 'sp', kind: 'app' }],
  ['an application without idtyp', { ...v1, appid: 'client', oid: 'sp', roles: ['r'] }, { kind: 'app' }],
  ['a user without idtyp', { ...v1, appid: 'c', appidacr: '0', oid: 'human', scp: 'x' }, { kind: 'user' }],
  [
    'a human at a public client',
    { ...v2, idtyp: 'user', azp: 'cli', azpacr: '0', oid: 'human', scp: 'user_impersonation', ...ada },
    { identityId: 'human', kind: 'user', userName: ada.upn, onBehalfOfId: '', scopes: 'user_impersonation' },
  ],
  [
    'a human in a SAML assertion, which names no client',
    { ver: '2.0', tid: TENANT, aud: ['https://app.example'], oid: 'human', name_id_format: 'emailAddress' },
    { identityId: 'human', kind: 'user', audience: 'https://app.example' },
  ],
  [
    'an application on behalf of a human',
    { ...v1, idtyp: 'user', appid: 'client', appidacr: '2', oid: 'human', scp: 'User.Read Mail.Read', ...ada },
    {
      identityId: 'client',
      kind: 'app',
      onBehalfOfId: 'human',
      onBehalfOfName: ada.upn,
      scopes: 'Mail.Read User.Read',
    },
  ],
  [
    'an agent by itself',
    { ...v2, ...AGENT, idtyp: 'app', xms_act_fct: '11', xms_sub_fct: '11', roles: ['r'], scp: '/' },
    { identityId: 'agent', kind: 'agent', blueprintId: 'blueprint', onBehalfOfId: '', scopes: 'r' },
  ],
  [
    'an agent on behalf of a human',
    { ...v2, ...AGENT, idtyp: 'user', oid: 'human', xms_act_fct: '11', scp: 'x', azpacr: '2', ...ada },
    { identityId: 'agent', kind: 'agent', blueprintId: 'blueprint', onBehalfOfId: 'human', onBehalfOfName: ada.upn },
  ],
  [
    "an agent's own user account is no human",
    { ...v2, ...AGENT, idtyp: 'user', oid: 'account', xms_act_fct: '11', xms_sub_fct: '13', scp: 'x', ...ada },
    { identityId: 'account', kind: 'agent-user', onBehalfOfId: '', onBehalfOfName: '', userName: ada.upn },
  ],
  [
    'facets in any order, among some that nobody knows',
    { ...v2, ...AGENT, idtyp: 'user', oid: 'account', xms_act_fct: '10 7 11 26', xms_sub_fct: '28 13 1', scp: 'x' },
    { kind: 'agent-user' },
  ],
  [
    'an agent whose blueprint is not named',
    { ...v2, azp: 'agent', oid: 'agent', idtyp: 'app', xms_act_fct: '7 11', roles: ['r'] },
    { identityId: 'agent', kind: 'agent', blueprintId: '' },
  ],
  [
    'facets that hold a number, not that number',
    { ...v2, azp: 'c', oid: 'sp', idtyp: 'app', xms_act_fct: '111 1 1 110', xms_sub_fct: '113' },
    { kind: 'app' },
  ],
  [
    'an agent marked by its blueprint alone',
    { ...v2, ...AGENT, idtyp: 'app', xms_act_fct: '7 10', xms_sub_fct: '7 26' },
    { kind: 'agent', blueprintId: 'blueprint' },
  ],
  ['several audiences', { ...v2, oid: 'o', aud: ['a', 'b'] }, { audience: 'a b' }],
  [
    'claims of other types',
    { oid: 7, azp: {}, scp: ['x'], roles: 'r', aud: 1, tid: null },
    { kind: '', identityId: '' },
  ],
  ['no claims', {}, { kind: '', identityId: '', tenantId: '', audience: '', scopes: '' }],
];

for (const [title, claims, expected] of rows) {
  test(title, () => {
    const found = identityOf(claims as Record<string, unknown>) as unknown as Record<string, unknown>;
    const asked = Object.fromEntries(Object.keys(expected).map((name) => [name, found[name]]));
    assert.deepEqual(asked, expected);
  });
}

test('whatever the claims are, the answer is texts within their bounds', () => {
  const names = ['oid', 'azp', 'appid', 'idtyp', 'scp', 'roles', 'aud', 'xms_act_fct', 'xms_sub_fct', 'upn', 'azpacr'];
  const claims = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.anything(), fc.string({ maxLength: 9000 })));
  fc.assert(
    fc.property(claims, (any) => {
      const found = identityOf(any);
      for (const value of Object.values(found)) assert.equal(typeof value, 'string');
      assert.ok(found.scopes.length <= 2048 && found.audience.length <= 512 && found.userName.length <= 256);
    }),
  );
});
