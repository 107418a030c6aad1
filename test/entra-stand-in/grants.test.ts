// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash, createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { type CertificateAuthority, createCertificateAuthority, createClientCertificate } from './certificates.ts';
import { createExternalIssuer, type ExternalIssuerStandIn } from './external-issuer.ts';
import { fmiSubjectOf } from './fmi-subject.ts';
import { type EntraStandIn, startEntraStandIn } from './start-entra-stand-in.ts';
import { type HostImdsStandIn, startHostImdsStandIn } from './start-host-imds-stand-in.ts';

const TENANT = '10000000-0000-4000-8000-000000000001';
const BLUEPRINT = '20000000-0000-4000-8000-000000000001';
const OTHER = '20000000-0000-4000-8000-000000000002';
const AGENT = '50000000-0000-4000-8000-000000000001';
const STRAY_AGENT = '50000000-0000-4000-8000-000000000002';
const AGENT_USER = '60000000-0000-4000-8000-000000000001';
const ALICE = '60000000-0000-4000-8000-00000000000a';
const MANAGED = '70000000-0000-4000-8000-000000000001';
const SYSTEM = '70000000-0000-4000-8000-000000000002';
const GRAPH = 'https://graph.microsoft.com';
const EXCHANGE = 'api://AzureADTokenExchange/.default';
const EXCHANGE_APP = 'fb60f99c-7a34-4190-8149-302f77469936';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

let standIn: EntraStandIn;
let host: HostImdsStandIn;
let cluster: ExternalIssuerStandIn;
let authority: CertificateAuthority;
const keys: Record<string, { keyPem: string; certificatePem: string }> = {};

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions.
  body: any;
}

function post(form: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const path = `/${TENANT}/oauth2/v2.0/token`;
    const options = { host: '127.0.0.1', servername: 'localhost', port: standIn.port, path, method: 'POST' };
    const request = httpsRequest({ ...options, ca: standIn.caCertificatePem, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    request.on('error', reject);
    request.end(new URLSearchParams(form).toString());
  });
}

async function certified(clientId: string, by = clientId, chain = false): Promise<string> {
  const { keyPem, certificatePem } = keys[by] as { keyPem: string; certificatePem: string };
  const nowS = Math.floor(standIn.clock.nowMs() / 1000);
  const endpoint = `${standIn.authority}/${TENANT}/oauth2/v2.0/token`;
  const claims = { aud: endpoint, iss: clientId, sub: clientId, jti: randomUUID(), nbf: nowS, exp: nowS + 600 };
  const { raw } = new X509Certificate(certificatePem);
  const header = { 'x5t#S256': createHash('sha256').update(raw).digest('base64url') };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'PS256', ...header, ...(chain && { x5c: [raw.toString('base64')] }) })
    .sign(createPrivateKey(keyPem));
}

const ask = (clientId: string, assertion: string, fields: Record<string, string>): Promise<Answer> =>
  post({
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    ...fields,
  });
const forItself = { grant_type: 'client_credentials', scope: `${GRAPH}/.default` };

async function vouched(agent = AGENT, blueprint = BLUEPRINT): Promise<Answer> {
  const fields = { grant_type: 'client_credentials', scope: EXCHANGE, fmi_path: agent };
  return ask(blueprint, await certified(blueprint), fields);
}

async function tokenOf(answer: Promise<Answer>): Promise<string> {
  const { status, body } = await answer;
  assert.equal(status, 200, JSON.stringify(body));
  return body.access_token;
}

async function code(answer: Promise<Answer>): Promise<number> {
  const { status, body } = await answer;
  assert.ok(status === 400 || status === 401, `status ${status}`);
  return body.error_codes[0];
}

async function verified(token: string): Promise<JWTPayload> {
  const set = createLocalJWKSet(standIn.keys.published('') as unknown as JSONWebKeySet);
  return (await jwtVerify(token, set, { currentDate: new Date(standIn.clock.nowMs()) })).payload;
}

before(async () => {
  authority = await createCertificateAuthority('trusted');
  cluster = await createExternalIssuer('https://cluster.example');
  keys[BLUEPRINT] = await createClientCertificate('blueprint');
  keys[OTHER] = await createClientCertificate('other');
  keys['issued'] = await authority.issueClientCertificate('other.example');
  const rights = { delegated: { [GRAPH]: ['Mail.Read', 'User.Read'] } };
  const federation = { issuer: cluster.issuer, subject: 'system:agent', audience: 'api://AzureADTokenExchange' };
  const ofHost = {
    issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    subject: '80000000-0000-4000-8000-000000000001',
    audience: 'api://AzureADTokenExchange',
  };
  const agent = {
    id: AGENT,
    name: 'invoices',
    blueprint: BLUEPRINT,
    roles: { [GRAPH]: ['Mail.Send'] },
    ...rights,
    user: { objectId: AGENT_USER, upn: 'invoices@contoso.example', name: 'Invoices' },
  };
  standIn = await startEntraStandIn({
    externalIssuers: [cluster],
    tenants: [
      {
        tenantId: TENANT,
        applications: [
          {
            clientId: BLUEPRINT,
            objectId: randomUUID(),
            name: 'blueprint',
            certificates: [keys[BLUEPRINT].certificatePem],
            federatedCredentials: [ofHost],
          },
          {
            clientId: OTHER,
            objectId: randomUUID(),
            name: 'other',
            certificates: [keys[OTHER].certificatePem],
            federatedCredentials: [federation],
            subjectNameAndIssuer: { commonName: 'other.example', authorityPem: authority.certificatePem },
            wids: ['62e90394-69f5-4237-9190-012177145e10'],
            ...rights,
          },
        ],
        agents: [agent, { id: STRAY_AGENT, name: 'stray', blueprint: OTHER }],
        users: [{ objectId: ALICE, upn: 'alice@contoso.example', name: 'Alice' }],
        resources: [{ identifier: GRAPH, appId: '00000003-0000-0000-c000-000000000000', tokenVersion: 1 }],
        managedIdentities: [
          {
            clientId: MANAGED,
            objectId: ofHost.subject,
            name: 'vm',
            resourceId: '/subscriptions/x/vm',
            roles: { [GRAPH]: ['User.Read.All'] },
          },
          { clientId: SYSTEM, objectId: randomUUID(), name: 'system', resourceId: '/subscriptions/x/system' },
        ],
      },
    ],
  });
  const identities = [MANAGED, SYSTEM];
  host = await startHostImdsStandIn({ entra: standIn, tenantId: TENANT, identities, systemAssigned: SYSTEM });
});
after(async () => {
  await host.stop();
  await standIn.stop();
});
beforeEach(() => standIn.clock.reset());

describe('an agent identity', () => {
  test('is vouched for by its blueprint, and then has a token of its own', async () => {
    const first = await tokenOf(vouched());
    const t1 = await verified(first);
    assert.equal(t1.aud, EXCHANGE_APP);
    assert.equal(t1.sub, fmiSubjectOf(TENANT, BLUEPRINT, AGENT));
    assert.match(String(t1.sub), new RegExp(`^/eid1/c/pub/t/[\\w-]{22}/a/[\\w-]{22}/${AGENT}$`));
    assert.deepEqual([t1['azp'], t1['idtyp'], t1['xms_act_fct'], t1['azpacr']], [BLUEPRINT, 'app', '1 9', '2']);

    const own = await verified(await tokenOf(ask(AGENT, first, forItself)));
    assert.deepEqual([own['appid'], own['oid'], own.sub, own['idtyp']], [AGENT, AGENT, AGENT, 'app']);
    assert.deepEqual([own['xms_par_app_azp'], own['roles']], [BLUEPRINT, ['Mail.Send']]);
    for (const name of ['xms_act_fct', 'xms_sub_fct']) assert.ok(String(own[name]).split(' ').includes('11'), name);
  });

  test('speaks for its own user with two tokens', async () => {
    const t1 = await tokenOf(vouched());
    const t2 = await tokenOf(ask(AGENT, t1, { ...forItself, scope: EXCHANGE }));
    const fields = {
      grant_type: 'user_fic',
      requested_token_use: 'on_behalf_of',
      user_federated_identity_credential: t2,
      username: 'invoices@contoso.example',
      scope: `${GRAPH}/.default`,
    };
    const { username: _, ...rest } = fields;
    for (const asked of [fields, { ...rest, user_id: AGENT_USER }]) {
      const claims = await verified(await tokenOf(ask(AGENT, t1, asked)));
      assert.deepEqual(
        [claims['idtyp'], claims['appid'], claims['oid'], claims['scp'], claims['xms_par_app_azp']],
        ['user', AGENT, AGENT_USER, 'Mail.Read User.Read', BLUEPRINT],
      );
      assert.ok(String(claims['xms_sub_fct']).split(' ').includes('13'));
    }
    assert.equal(await code(ask(AGENT, t1, { ...fields, username: 'alice@contoso.example' })), 50034);
    assert.equal(await code(ask(AGENT, t1, { ...fields, user_federated_identity_credential: t1 })), 50013);
    assert.equal(await code(ask(BLUEPRINT, await certified(BLUEPRINT), fields)), 70003);
  });

  test('is not believed with anything but the word of its own blueprint', async () => {
    const t1 = await tokenOf(vouched());
    const strange = await tokenOf(vouched(STRAY_AGENT, OTHER));
    assert.equal(await code(ask(AGENT, strange, forItself)), 700213);
    assert.equal(await code(ask(AGENT, await certified(AGENT, BLUEPRINT), forItself)), 700027);
    const t2 = await tokenOf(ask(AGENT, t1, { ...forItself, scope: EXCHANGE }));
    assert.equal(await code(ask(AGENT, t2, forItself)), 700213);
    assert.equal(await code(vouched(STRAY_AGENT)), 700016);
    const fmi = { ...forItself, fmi_path: AGENT };
    assert.equal(await code(ask(BLUEPRINT, await certified(BLUEPRINT), fmi)), 500011);
    const [head, body, signature] = t1.split('.') as [string, string, string];
    const forged = `${head}.${body}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`;
    assert.equal(await code(ask(AGENT, forged, forItself)), 700027);
    standIn.clock.advance(2 * 3_600_000);
    assert.equal(await code(ask(AGENT, t1, forItself)), 700024);
  });
});

describe('on behalf of a person', () => {
  const obo = (assertion: string) => ({
    grant_type: JWT_BEARER,
    requested_token_use: 'on_behalf_of',
    assertion,
    scope: `${GRAPH}/.default`,
  });
  const tokenFor = (audience: string, changes = {}): string =>
    standIn.issueForPerson({ tenantId: TENANT, user: 'alice@contoso.example', audience, ...changes });

  test('an application has what was consented to', async () => {
    const { body } = await ask(OTHER, await certified(OTHER), obo(tokenFor(OTHER)));
    const claims = await verified(body.access_token);
    assert.deepEqual(
      [claims['idtyp'], claims['appid'], claims['oid'], claims['upn'], body.scope],
      ['user', OTHER, ALICE, 'alice@contoso.example', 'Mail.Read User.Read'],
    );
    assert.equal(claims['xms_act_fct'], undefined);
  });

  test('so does an agent, by a token for its blueprint', async () => {
    const t1 = await tokenOf(vouched());
    const claims = await verified(await tokenOf(ask(AGENT, t1, obo(tokenFor(BLUEPRINT)))));
    assert.deepEqual([claims['oid'], claims['appid'], claims['xms_par_app_azp']], [ALICE, AGENT, BLUEPRINT]);
    assert.ok(String(claims['xms_act_fct']).split(' ').includes('11'));
    assert.equal(claims['xms_sub_fct'], undefined);
    assert.equal(await code(ask(AGENT, t1, obo(tokenFor(OTHER)))), 500131);
  });

  test('is refused for what is wrong with the assertion, or without consent', async () => {
    const refused = async (assertion: string): Promise<number> =>
      code(ask(OTHER, await certified(OTHER), obo(assertion)));
    assert.equal(await refused(tokenFor(BLUEPRINT)), 500131);
    assert.equal(await refused(tokenFor(OTHER, { alteration: { signing: 'broken' } })), 50013);
    assert.equal(await refused(tokenFor(OTHER, { lifetimeSeconds: -1000 })), 500133);
    assert.equal(await refused(tokenFor(OTHER, { alteration: { claims: { idtyp: 'app' } } })), 7000114);
    assert.equal(await code(ask(BLUEPRINT, await certified(BLUEPRINT), obo(tokenFor(BLUEPRINT)))), 65001);
  });

  test('can be SAML, and the metadata has its key', async () => {
    const saml = { ...obo(tokenFor(OTHER)), requested_token_type: 'urn:ietf:params:oauth:token-type:saml2' };
    const { body } = await ask(OTHER, await certified(OTHER), saml);
    assert.equal(body.issued_token_type, saml.requested_token_type);
    const text = Buffer.from(body.access_token, 'base64url').toString();
    assert.match(text, new RegExp(`<Issuer>https://sts.windows.net/${TENANT}/</Issuer>`));
    const certificate = /<X509Certificate>([^<]+)</.exec(text)?.[1] ?? 'none';
    assert.ok(standIn.saml.metadata(standIn.authority, TENANT).includes(certificate));
  });
});

describe('a federated credential', () => {
  test('is issuer, subject and audience, exactly', async () => {
    const signed = (subject = 'system:agent', claims = {}) => cluster.sign(subject, standIn.clock.nowMs(), claims);
    const claims = await verified(await tokenOf(ask(OTHER, await signed(), forItself)));
    assert.deepEqual([claims['appid'], claims['wids']], [OTHER, ['62e90394-69f5-4237-9190-012177145e10']]);
    const refused = async (made: Promise<string>, client = OTHER): Promise<number> =>
      code(ask(client, await made, forItself));
    assert.equal(await refused(signed('system:other')), 700213);
    assert.equal(await refused(signed('system:agent', { aud: 'api://azureadtokenexchange' })), 700212);
    assert.equal(await refused(signed('system:agent', { iss: 'https://cluster.example/' })), 700211);
    assert.equal(await refused(signed('system:agent', { exp: Math.floor(Date.now() / 1000) - 600 })), 700024);
    const impostor = await createExternalIssuer(cluster.issuer);
    assert.equal(await refused(impostor.sign('system:agent', standIn.clock.nowMs())), 700027);
  });

  test("may be a managed identity's token, which the host gives out", async () => {
    const { body } = await fromHost(`resource=api://AzureADTokenExchange&client_id=${MANAGED}`);
    const claims = await verified(await tokenOf(ask(BLUEPRINT, body.access_token, forItself)));
    assert.equal(claims['appid'], BLUEPRINT);
    const other = await fromHost('resource=api://AzureADTokenExchange');
    assert.equal(await code(ask(BLUEPRINT, other.body.access_token, forItself)), 700213);
  });

  test('a chain is taken for its subject name and issuer', async () => {
    const claims = await verified(await tokenOf(ask(OTHER, await certified(OTHER, 'issued', true), forItself)));
    assert.equal(claims['appid'], OTHER);
    assert.equal(await code(certified(OTHER, 'issued').then((signed) => ask(OTHER, signed, forItself))), 700027);
  });
});

function fromHost(query: string, headers: Record<string, string> = { Metadata: 'true' }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const url = `${host.origin}/metadata/identity/oauth2/token?api-version=2018-02-01&${query}`;
    const request = httpRequest(url, { headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    request.on('error', reject);
    request.end();
  });
}

test('the stand-in for a host gives out tokens of its managed identities, as strictly as the real one', async () => {
  const { body } = await fromHost(`resource=${GRAPH}&client_id=${MANAGED}`);
  const claims = decodeJwt(body.access_token);
  assert.deepEqual(
    [claims['appid'], claims['roles'], claims['xms_mirid']],
    [MANAGED, ['User.Read.All'], '/subscriptions/x/vm'],
  );
  assert.deepEqual([body.client_id, body.expires_in, body.token_type], [MANAGED, '86400', 'Bearer']);
  assert.equal(decodeJwt((await fromHost(`resource=${GRAPH}`)).body.access_token)['appid'], SYSTEM);
  const status = async (query: string, headers?: Record<string, string>) => (await fromHost(query, headers)).status;
  assert.equal(await status(`resource=${GRAPH}`, {}), 400);
  assert.equal(await status(`resource=${GRAPH}`, { Metadata: 'true', 'X-Forwarded-For': '10.0.0.1' }), 400);
  assert.equal(await status(`resource=${GRAPH}&client_id=${randomUUID()}`), 400);
  assert.equal(await status('resource=https://unknown.example'), 400);
  assert.equal(await status(''), 400);
  for (const fault of [410, 429, 503]) {
    host.fail({ kind: 'status', status: fault });
    assert.equal(await status(`resource=${GRAPH}`), fault);
  }
  assert.equal(await status(`resource=${GRAPH}`), 200);
});
