// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { TokenAlteration } from '../../../test/entra-stand-in/access-token.ts';
import type { AadstsCode } from '../../../test/entra-stand-in/entra-error.ts';
import type { AppIdentity } from '../policy/identity.ts';
import {
  AGENT_USER,
  ALICE,
  BOB,
  CLIENT,
  type EntraStage,
  GRAPH,
  type Named,
  type OpenSource,
  openEntraStage,
} from '../testing/entra-stage.ts';
import { SecretText } from '../token/secret-text.ts';

let stage: EntraStage;
let opened: OpenSource;

before(async () => {
  stage = await openEntraStage();
});
after(() => stage.stop());
beforeEach(async () => {
  stage.entra.faults.clear();
  stage.entra.clock.reset();
  opened = await stage.open();
});

type Wish = Parameters<OpenSource['get']>[1];

async function held(name: Named, wish?: Wish, resource?: string) {
  const answer = await opened.get(name, wish, resource);
  assert.ok(answer.kind === 'held', `${JSON.stringify(answer)} ${opened.lines.at(-1)}`);
  return answer.held;
}

async function refusal(name: Named, wish?: Wish, resource?: string): Promise<string> {
  const answer = await opened.get(name, wish, resource);
  assert.ok(answer.kind === 'refused');
  return answer.reason;
}

const lastLine = (): string => opened.lines.at(-1) ?? '';

/** What the stand-in was asked while `act` ran: grant, client, and for whom it vouches. */
async function asked(act: () => Promise<unknown>): Promise<string[]> {
  const from = stage.entra.requests.length;
  await act();
  const made = stage.entra.requests.slice(from).filter(({ path }) => path.endsWith('/token'));
  return made.map(({ grantType, fmiPath, scope }) => {
    const short = grantType?.startsWith('urn:') ? 'on-behalf-of' : (grantType ?? 'fault');
    return fmiPath !== undefined ? 'vouch' : scope?.includes('TokenExchange') ? 'wish' : short;
  });
}

const together = (name: Named, times = 50) => Promise.all(Array.from({ length: times }, () => held(name)));
/** Faults for the token endpoint, in order. */
const token = (alteration: TokenAlteration = {}): void =>
  stage.entra.faults.add('token', { kind: 'token', alteration });
const aadsts = (code: AadstsCode, times = 1): void => stage.entra.faults.add('token', { kind: 'aadsts', code }, times);

describe('an agent', () => {
  test('has a token that its blueprint vouched for, which is kept for the next resource', async () => {
    assert.deepEqual(await asked(() => together('agent')), ['vouch', 'client_credentials']);
    const { claims, verification } = await held('agent');
    assert.equal(verification.state, 'verified');
    assert.deepEqual(
      [claims['appid'], claims['idtyp'], claims['xms_par_app_azp']],
      [CLIENT.agent, 'app', CLIENT.blueprint],
    );
    const other = `api://${CLIENT.app}`;
    assert.deepEqual(await asked(() => held('agent', {}, other)), ['client_credentials']);
  });

  test('is refused with word of its blueprint when that cannot vouch for it', async () => {
    for (const code of [700027, 700016, 65001] as const) {
      opened = await stage.open();
      aadsts(code);
      assert.equal(await refusal('agent'), 'blueprint_misconfigured');
      assert.ok(
        opened.lines.some((line) => line.includes('"identity":"blueprint"') && line.includes(`"aadsts":${code}`)),
      );
      assert.deepEqual(await asked(() => refusal('agent')), []);
    }
    opened = await stage.open();
    assert.equal(await refusal('stray'), 'blueprint_misconfigured');
    assert.match(opened.lines.join(), /cannot vouch for its agent/);
  });

  test('is vouched for anew, once, when Entra does not believe what is at hand', async () => {
    await held('agent');
    opened.advance(60_000);
    aadsts(70021);
    const other = `api://${CLIENT.app}`;
    assert.deepEqual(await asked(() => held('agent', {}, other)), ['fault', 'vouch', 'client_credentials']);
    aadsts(70021, 2);
    const third = `api://${CLIENT.managed}`;
    assert.equal(await refusal('agent', {}, third), 'identity_misconfigured');
  });

  test('that is told to wait is not asked for again by another resource', async () => {
    stage.entra.faults.add('token', { kind: 'status', status: 429, retryAfterSeconds: 30 });
    assert.equal(await refusal('agent'), 'upstream_throttled');
    assert.deepEqual(await asked(() => refusal('agent', {}, `api://${CLIENT.app}`)), []);
  });

  for (const [what, alteration, cause] of [
    ['for another agent', { claims: { sub: `/eid1/c/pub/t/x/a/y/${CLIENT.stray}` } }, 'other_subject'],
    ['of another blueprint', { claims: { azp: CLIENT.app } }, 'other_client'],
    ['for another audience', { claims: { aud: GRAPH } }, 'other_audience'],
    ['of a user', { claims: { idtyp: 'user' } }, 'not_app_only'],
    ['that is forged', { signing: 'broken' }, 'bad_signature'],
  ] as const) {
    test(`is not had by the word ${what}`, async () => {
      token(alteration);
      assert.equal(await refusal('agent'), 'answer_rejected');
      assert.ok(opened.lines.some((line) => line.includes(`"cause":"${cause}"`)));
    });
  }

  for (const [what, claims, cause] of [
    ['another agent', { appid: CLIENT.stray }, 'other_client'],
    ['another blueprint', { xms_par_app_azp: CLIENT.app }, 'other_blueprint'],
    ['a user', { idtyp: 'user', scp: 'x' }, 'not_app_only'],
  ] as const) {
    test(`is dropped when it is ${what}`, async () => {
      token();
      token({ claims });
      assert.equal(await refusal('agent'), 'answer_rejected');
      assert.match(lastLine(), new RegExp(`"cause":"${cause}"`));
    });
  }

  test('is no blueprint: a token of an application with one is dropped', async () => {
    token({ claims: { xms_par_app_azp: CLIENT.blueprint } });
    assert.equal(await refusal('app'), 'answer_rejected');
    assert.match(lastLine(), /other_blueprint/);
  });
});

describe("an agent's user", () => {
  test('has a token by two others, each asked for once', async () => {
    assert.deepEqual(await asked(() => together('agentUser')), ['vouch', 'wish', 'user_fic']);
    const { claims } = await held('agentUser');
    assert.deepEqual([claims['idtyp'], claims['appid'], claims['oid']], ['user', CLIENT.agent, AGENT_USER]);
    assert.deepEqual(await asked(() => held('agentUser', {}, GRAPH)), []);
    assert.deepEqual(await asked(() => held('agent')), ['client_credentials'], 'the agent is vouched for already');
  });

  test('has its wish told anew, once, when Entra does not believe it', async () => {
    await held('agentUser');
    opened.advance(60_000);
    const other = `api://${CLIENT.app}`;
    aadsts(50013);
    // The second one is not consented to there: it came as far as that.
    const act = async () => assert.equal(await refusal('agentUser', {}, other), 'consent_missing');
    assert.deepEqual(await asked(act), ['fault', 'wish', 'user_fic']);
    opened = await stage.open();
    await held('agentUser');
    aadsts(50013);
    assert.equal(await refusal('agentUser', {}, other), 'identity_misconfigured');
    assert.match(lastLine(), /the word of the agent for its user/);
  });

  test('is not somebody else', async () => {
    const identity = { ...stage.identities.agentUser, objectId: ALICE };
    const answer = await opened.source.get(identity, { resource: GRAPH });
    assert.deepEqual([answer.kind, 'reason' in answer && answer.reason], ['refused', 'answer_rejected']);
    const unknown = { ...stage.identities.agentUser, name: 'unknown', user: BOB } as typeof identity;
    opened = await stage.open();
    const refused = await opened.source.get(unknown, { resource: GRAPH });
    assert.ok(refused.kind === 'refused' && refused.reason === 'identity_misconfigured');
    assert.match(lastLine(), /"aadsts":50034/);
  });
});

describe('on behalf of a person', () => {
  const wish = (text: string): Wish => ({ userAssertion: new SecretText(text) });
  const alice = (audience: string = CLIENT.app, changes?: object) => wish(stage.person(ALICE, audience, changes));

  test('an application and an agent have tokens of that person, each asked for once for each assertion', async () => {
    const own = alice();
    const act = () => Promise.all(Array.from({ length: 30 }, () => held('app', own)));
    assert.deepEqual(await asked(act), ['on-behalf-of']);
    const { claims } = await held('app', own);
    assert.deepEqual([claims['appid'], claims['oid'], claims['idtyp']], [CLIENT.app, ALICE, 'user']);
    assert.deepEqual(await asked(() => held('app', wish(stage.person(BOB, CLIENT.app)))), ['on-behalf-of']);
    assert.deepEqual(await asked(() => held('app')), ['client_credentials'], 'its own token is another one');
    const byAgent = await held('agent', alice(CLIENT.blueprint));
    assert.deepEqual([byAgent.claims['appid'], byAgent.claims['oid']], [CLIENT.agent, ALICE]);
  });

  test('nobody is asked when the assertion cannot be right', async () => {
    const wrong: [string, Wish, string][] = [
      ['for another application', alice(CLIENT.blueprint), 'other_audience'],
      ['no JWT', wish('hunter2'), 'opaque'],
      ['expired', alice(CLIENT.app, { lifetimeSeconds: -10 }), 'expired'],
      ['forged', alice(CLIENT.app, { alteration: { signing: 'broken' } }), 'bad_signature'],
      [
        'nobody can check it',
        alice(CLIENT.app, { alteration: { header: { nonce: 'n' }, signing: 'broken' } }),
        'nonce',
      ],
      [
        'of another issuer',
        alice(CLIENT.app, { alteration: { claims: { iss: 'https://a.example/' } } }),
        'wrong_issuer',
      ],
      ['signed otherwise', alice(CLIENT.app, { alteration: { header: { alg: 'RS512' } } }), 'algorithm_not_supported'],
      ['of an application', alice(CLIENT.app, { alteration: { claims: { idtyp: 'app' } } }), 'not_of_a_user'],
      ['of another tenant', alice(CLIENT.app, { alteration: { claims: { tid: CLIENT.app } } }), 'other_tenant'],
    ];
    for (const [what, assertion, cause] of wrong) {
      const refused = async () => assert.equal(await refusal('app', assertion), 'user_assertion_refused', what);
      assert.deepEqual(await asked(refused), [], what);
      assert.match(lastLine(), new RegExp(`"cause":"${cause}"`), what);
    }
    assert.equal(await refusal('agent', alice(CLIENT.app)), 'user_assertion_refused');
    for (const name of ['host', 'agentUser'] as const) {
      assert.equal(await refusal(name, alice()), 'on_behalf_of_unsupported');
    }
  });

  test('Entra decides when our side has not got the key', async () => {
    const unknown = alice(CLIENT.app, { alteration: { signing: 'unknown-kid' } });
    const ask = () => opened.get('app', unknown);
    assert.deepEqual(await asked(ask), ['on-behalf-of']);
  });

  test('a token is not kept beyond the life of the assertion', async () => {
    const short = alice(CLIENT.app, { lifetimeSeconds: 600 });
    await held('app', short);
    opened.advance(290_000);
    assert.deepEqual(await asked(() => held('app', short)), []);
    opened.advance(20_000);
    assert.deepEqual(await asked(() => held('app', short)), ['on-behalf-of']);
    opened.advance(300_000);
    assert.equal(await refusal('app', short), 'user_assertion_refused');
  });

  test('a token of somebody else is dropped, and one person is not the back-off of another', async () => {
    token({ claims: { oid: BOB } });
    assert.equal(await refusal('app', alice()), 'answer_rejected');
    assert.match(lastLine(), /other_object/);
    aadsts(65001);
    const own = alice();
    assert.equal(await refusal('app', own), 'consent_missing');
    await held('app', wish(stage.person(BOB, CLIENT.app)));
    stage.entra.faults.add('token', { kind: 'status', status: 503 });
    const other = wish(stage.person(BOB, CLIENT.app));
    assert.equal(await refusal('app', other), 'upstream_unavailable');
    assert.deepEqual(await asked(() => refusal('app', alice())), [], 'Entra itself is left alone by all');
  });

  test('people beyond the bound are forgotten, the least wanted first', async () => {
    opened = await stage.open({ peopleMax: 3 });
    const [first, second] = [alice(), alice()];
    await held('app', first);
    await held('app', second);
    await held('app', alice());
    await held('app', first);
    await held('app', alice());
    assert.deepEqual(await asked(() => held('app', first)), []);
    assert.deepEqual(await asked(() => held('app', second)), ['on-behalf-of']);
  });
});

describe('a federated credential', () => {
  const write = async (subject = 'system:agent', claims = {}): Promise<void> =>
    writeFileSync(stage.tokenFile, `${await stage.cluster.sign(subject, opened.clock.wallMs(), claims)}\n`);

  test('is read for each use', async () => {
    await write();
    await held('federated');
    await write('system:other');
    const other = `api://${CLIENT.app}`;
    assert.equal(await refusal('federated', {}, other), 'identity_misconfigured');
    assert.match(lastLine(), /"aadsts":700213.*no federated credential has this subject/i);
    opened.advance(31_000);
    await write();
    await held('federated', {}, other);
  });

  test('that Entra finds out of its time is not sent again: it would be the same one', async () => {
    await write();
    aadsts(700024);
    assert.deepEqual(await asked(async () => assert.equal(await refusal('federated'), 'clock_drift')), ['fault']);
  });

  test('that has expired is not sent, and the file is named', async () => {
    await write('system:agent', { exp: Math.floor(opened.clock.wallMs() / 1000) - 1 });
    assert.deepEqual(await asked(async () => assert.equal(await refusal('federated'), 'credential_expired')), []);
    assert.ok(lastLine().includes(stage.tokenFile) && lastLine().includes('ended at'));
  });

  test('that is not there, is no token or is endless is told of, and nothing of it is', async () => {
    const cases: [string, () => void, RegExp][] = [
      ['missing', () => rmSync(stage.tokenFile, { force: true }), /ENOENT/],
      ['no token', () => writeFileSync(stage.tokenFile, 'geheim geheim'), /no JWT/],
      ['without a subject', () => writeFileSync(stage.tokenFile, jwt({ iss: 'x', exp: 4e9 })), /lacks exp, iss or sub/],
      ['too large', () => writeFileSync(stage.tokenFile, 'x'.repeat(100_000)), /more than 65536 bytes/],
    ];
    for (const [what, prepare, said] of cases) {
      opened = await stage.open();
      prepare();
      assert.equal(await refusal('federated'), 'credential_unavailable', what);
      assert.match(lastLine(), said, what);
      assert.doesNotMatch(lastLine(), /geheim|xxx/);
    }
    if (process.getuid?.() !== 0) {
      writeFileSync(stage.tokenFile, 'x');
      chmodSync(stage.tokenFile, 0);
      opened = await stage.open();
      assert.equal(await refusal('federated'), 'credential_unavailable');
    }
    rmSync(stage.tokenFile, { force: true });
  });
});

const jwt = (claims: object): string =>
  `${[{ alg: 'RS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.c2ln`;

test('a certificate is trusted by its chain, when that is sent', async () => {
  assert.equal((await held('chained')).claims['appid'], CLIENT.chained);
  const identity = stage.identities.chained as AppIdentity;
  const credential = { ...identity.credential, sendChain: false } as AppIdentity['credential'];
  const unchained = await stage.open({}, [{ ...identity, credential }]);
  const answer = await unchained.source.get({ ...identity, credential }, { resource: GRAPH });
  assert.deepEqual([answer.kind, 'reason' in answer && answer.reason], ['refused', 'identity_misconfigured']);
  assert.match(unchained.lines.at(-1) ?? '', /"aadsts":700027/);
});

describe("a host's managed identity", () => {
  test('is an identity of its own, by name or as the only one of the system', async () => {
    const named = await held('host');
    assert.deepEqual([named.claims['appid'], named.verification.state], [CLIENT.hostIdentity, 'verified']);
    assert.equal(stage.host.requests.at(-1)?.clientId, CLIENT.hostIdentity);
    assert.equal((await held('system')).claims['appid'], CLIENT.systemAssigned);
    assert.equal(stage.host.requests.at(-1)?.clientId, '');
    const before = stage.host.requests.length;
    await together('host');
    assert.equal(stage.host.requests.length, before);
  });

  test('proves an application, whose tokens share one of it', async () => {
    const before = stage.host.requests.length;
    await Promise.all([held('managed'), held('managed', {}, `api://${CLIENT.app}`)]);
    assert.equal((await held('managed')).claims['appid'], CLIENT.managed);
    assert.deepEqual(
      stage.host.requests.slice(before).map(({ resource }) => resource),
      ['api://AzureADTokenExchange'],
    );
  });

  test('that is busy is waited for, as long as it says', async () => {
    for (const [status, reason] of [
      [410, 'upstream_unavailable'],
      [404, 'upstream_unavailable'],
      [500, 'upstream_unavailable'],
      [429, 'upstream_throttled'],
      [400, 'identity_misconfigured'],
    ] as const) {
      opened = await stage.open();
      stage.host.fail({ kind: 'status', status, retryAfterSeconds: 7 });
      const answer = await opened.get('host');
      assert.ok(answer.kind === 'refused');
      assert.deepEqual([answer.reason, answer.retryAfterS], [reason, status === 400 ? 30 : 7]);
    }
    opened = await stage.open();
    stage.host.fail({ kind: 'drop' });
    assert.equal(await refusal('managed'), 'credential_unavailable');
    assert.equal(await refusal('host', {}, 'https://unknown.example'), 'resource_unknown');
  });

  test('that is another one is dropped', async () => {
    stage.host.fail({ kind: 'token', alteration: { claims: { appid: CLIENT.app } } });
    assert.equal(await refusal('host'), 'answer_rejected');
    assert.match(lastLine(), /other_client/);
  });
});

test('tokens for exchange are handed to nobody, of whatever identity', async () => {
  for (const name of Object.keys(stage.identities) as Named[]) {
    for (const resource of [
      'api://AzureADTokenExchange',
      'api://azureadtokenexchange/',
      'fb60f99c-7a34-4190-8149-302f77469936',
    ]) {
      assert.equal(await refusal(name, {}, resource), 'token_exchange_resource');
    }
  }
});

test('no part of a token or an assertion that could be used gets into the log, whatever happens', async () => {
  writeFileSync(stage.tokenFile, await stage.cluster.sign('system:agent', opened.clock.wallMs()));
  const secrets = new Set<string>([(await stage.cluster.sign('x', 0)).split('.')[2] ?? '']);
  const assertion = stage.person(ALICE, CLIENT.app);
  const wrong = stage.person(ALICE, CLIENT.blueprint);
  for (const one of [assertion, wrong]) secrets.add(one.split('.')[2] ?? '');
  const wishes = [undefined, { userAssertion: new SecretText(assertion) }, { userAssertion: new SecretText(wrong) }];
  const faults = [
    () => undefined,
    () => token({ signing: 'broken' }),
    () => aadsts(700027, 3),
    () => stage.entra.faults.add('token', { kind: 'drop' }, 3),
    () => stage.entra.faults.add('token', { kind: 'status', status: 500, body: assertion }),
    () => stage.entra.faults.add('token', { kind: 'status', status: 400, body: JSON.stringify({ error: assertion }) }),
  ];
  for (const fault of faults) {
    for (const name of Object.keys(stage.identities) as Named[]) {
      for (const wish of wishes) {
        stage.entra.faults.clear();
        fault();
        const answer = await opened.get(name, wish);
        if (answer.kind === 'held') secrets.add(answer.held.token.reveal().split('.')[2] ?? '');
        opened.advance(61_000);
      }
    }
  }
  const log = opened.lines.join('\n');
  assert.ok(opened.lines.length > 20 && secrets.size > 10);
  assert.doesNotMatch(log, /eyJ/);
  for (const secret of secrets) assert.ok(secret.length > 20 && !log.includes(secret));
  rmSync(stage.tokenFile);
});
