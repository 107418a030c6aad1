// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash, createPrivateKey, createSecretKey, randomUUID, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { createClientCertificate, type KeyAndCertificate } from './certificates.ts';
import type { StandInTenant } from './directory.ts';
import { type EntraStandIn, startEntraStandIn } from './start-entra-stand-in.ts';

const TENANT = '10000000-0000-4000-8000-000000000001';
const CLIENT = '20000000-0000-4000-8000-000000000001';
const OBJECT = '30000000-0000-4000-8000-000000000001';
const GRAPH = '00000003-0000-0000-c000-000000000000';
const ORDERS = '40000000-0000-4000-8000-000000000001';

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions.
  body: any;
}

let registered: KeyAndCertificate;
let stranger: KeyAndCertificate;
let standIn: EntraStandIn;
let tenants: StandInTenant[];

function call(
  from: { port: number; ca: string },
  method: string,
  path: string,
  form?: URLSearchParams,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { host: '127.0.0.1', servername: 'localhost', port: from.port, path, method, ca: from.ca, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    request.on('error', reject);
    request.end(form?.toString());
  });
}

const here = () => ({ port: standIn.port, ca: standIn.caCertificatePem });
const endpoint = () => `${standIn.authority}/${TENANT}/oauth2/v2.0/token`;

interface AssertionParts {
  key?: KeyAndCertificate;
  claims?: JWTPayload;
  header?: Record<string, unknown>;
}

async function assertion({ key = registered, claims = {}, header = {} }: AssertionParts = {}): Promise<string> {
  const nowS = Math.floor(standIn.clock.nowMs() / 1000);
  const thumbprint = createHash('sha256').update(new X509Certificate(key.certificatePem).raw).digest('base64url');
  const payload = {
    aud: endpoint(),
    iss: CLIENT,
    sub: CLIENT,
    jti: randomUUID(),
    nbf: nowS,
    iat: nowS,
    exp: nowS + 600,
    ...claims,
  };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint, ...header })
    .sign(createPrivateKey(key.keyPem));
}

async function ask(changes: Record<string, string | undefined> = {}, signed?: string): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: CLIENT,
    scope: 'https://graph.microsoft.com/.default',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: signed ?? (await assertion()),
  });
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) form.delete(name);
    else form.set(name, value);
  }
  return call(here(), 'POST', `/${TENANT}/oauth2/v2.0/token?client-request-id=1`, form);
}

async function verified(token: string): Promise<JWTPayload> {
  const keys = await call(here(), 'GET', `/${TENANT}/discovery/v2.0/keys`);
  const set = createLocalJWKSet(keys.body as JSONWebKeySet);
  return (await jwtVerify(token, set, { algorithms: ['RS256'], currentDate: new Date(standIn.clock.nowMs()) })).payload;
}

describe('the stand-in for Entra', () => {
  before(async () => {
    [registered, stranger] = await Promise.all([
      createClientCertificate('orders'),
      createClientCertificate('stranger'),
    ]);
    tenants = [
      {
        tenantId: TENANT,
        applications: [
          {
            clientId: CLIENT,
            objectId: OBJECT,
            name: 'orders',
            certificates: [registered.certificatePem],
            roles: { 'https://graph.microsoft.com': ['User.Read.All'] },
          },
        ],
        resources: [
          { identifier: 'https://graph.microsoft.com', appId: GRAPH, tokenVersion: 1 },
          { identifier: `api://${ORDERS}`, appId: ORDERS, tokenVersion: 2 },
        ],
      },
    ];
    standIn = await startEntraStandIn({ tenants });
  });
  after(() => standIn.stop());
  beforeEach(() => {
    standIn.clock.reset();
    standIn.faults.clear();
  });

  test('issues a v1 token with the claims that Entra puts into one', async () => {
    const { status, body } = await ask();
    assert.equal(status, 200);
    assert.deepEqual([body.token_type, body.expires_in, body.ext_expires_in], ['Bearer', 3599, 3599]);
    const claims = await verified(body.access_token);
    assert.equal(claims.iss, `https://sts.windows.net/${TENANT}/`);
    assert.equal(claims.aud, 'https://graph.microsoft.com');
    assert.deepEqual(
      [claims['tid'], claims['oid'], claims.sub, claims['appid'], claims['appidacr'], claims['idtyp'], claims['ver']],
      [TENANT, OBJECT, OBJECT, CLIENT, '2', 'app', '1.0'],
    );
    assert.deepEqual(claims['roles'], ['User.Read.All']);
    assert.match(String(claims['uti']), /^[\w-]{22}$/);
    assert.equal(typeof claims['aio'], 'string');
    assert.equal(typeof claims['rh'], 'string');
  });

  test('issues a v2 token when the resource wants one', async () => {
    const { body } = await ask({ scope: `api://${ORDERS}/.default` });
    const claims = await verified(body.access_token);
    assert.equal(claims.iss, `https://login.microsoftonline.com/${TENANT}/v2.0`);
    assert.equal(claims.aud, ORDERS);
    assert.deepEqual([claims['azp'], claims['azpacr'], claims['ver']], [CLIENT, '2', '2.0']);
    assert.equal(claims['appid'], undefined);
  });

  test('serves discovery and keys under the paths of both versions', async () => {
    const v2 = await call(here(), 'GET', `/${TENANT}/v2.0/.well-known/openid-configuration`);
    assert.equal(v2.body.token_endpoint, endpoint());
    assert.equal(v2.body.issuer, `https://login.microsoftonline.com/${TENANT}/v2.0`);
    const v1 = await call(here(), 'GET', `/${TENANT}/.well-known/openid-configuration`);
    assert.equal(v1.body.issuer, `https://sts.windows.net/${TENANT}/`);
    const keysOf = (uri: string) => call(here(), 'GET', new URL(uri).pathname);
    assert.deepEqual((await keysOf(v1.body.jwks_uri)).body, (await keysOf(v2.body.jwks_uri)).body);
    const instance = await call(here(), 'GET', '/common/discovery/instance?api-version=1.1');
    assert.ok(
      instance.body.metadata.some((entry: { aliases: string[] }) =>
        entry.aliases.includes(`localhost:${standIn.port}`),
      ),
    );
  });

  const code = async (answer: Promise<Answer>): Promise<number> => {
    const { status, body } = await answer;
    assert.ok(status === 400 || status === 401, `status ${status}`);
    assert.match(body.error_description, new RegExp(`^AADSTS${body.error_codes[0]}: `));
    for (const field of ['error', 'timestamp', 'trace_id', 'correlation_id', 'error_uri'])
      assert.ok(field in body, field);
    return body.error_codes[0];
  };

  test('refuses what is wrong with the request, each with the code that Entra has for it', async () => {
    assert.equal(await code(ask({ client_id: randomUUID() })), 700016);
    assert.equal(await code(ask({ scope: 'https://graph.microsoft.com' })), 1002012);
    assert.equal(await code(ask({ scope: 'https://a/.default https://b/.default' })), 70011);
    const withOpenId = await ask({ scope: 'https://graph.microsoft.com/.default openid offline_access profile' });
    assert.equal(withOpenId.status, 200, 'as MSAL for Go and Java ask');
    assert.equal(await code(ask({ scope: 'https://unknown.example/.default' })), 500011);
    assert.equal(await code(ask({ grant_type: 'password' })), 70003);
    assert.equal(await code(ask({ grant_type: 'constructor' })), 70003);
    assert.equal(await code(ask({ grant_type: undefined })), 900144);
    assert.equal(await code(ask({ fmi_path: 'x' })), 500011);
    assert.equal(await code(ask({ client_assertion: undefined })), 7000216);
    assert.equal(await code(ask({ client_secret: 'wrong' })), 7000215);
    assert.equal(await code(call(here(), 'POST', `/${randomUUID()}/oauth2/v2.0/token`, new URLSearchParams())), 90002);
  });

  test('refuses an assertion that is not exactly right', async () => {
    const nowS = Math.floor(Date.now() / 1000);
    const wrong: [string, Promise<string>, number][] = [
      ['another certificate', assertion({ key: stranger }), 700027],
      ['the thumbprint of the right one, signed by another', forged(), 700027],
      ['another audience', assertion({ claims: { aud: `${standIn.authority}/${TENANT}/v2.0` } }), 700023],
      ['another subject', assertion({ claims: { sub: randomUUID() } }), 700021],
      ['expired', assertion({ claims: { nbf: nowS - 1200, exp: nowS - 301 } }), 700024],
      ['not yet valid', assertion({ claims: { nbf: nowS + 400, exp: nowS + 900 } }), 700024],
      ['valid for too long', assertion({ claims: { exp: nowS + 90_000 } }), 700024],
      ['without jti', withoutJti(), 50027],
      ['hmac', hmac(), 700027],
      ['no JWT', Promise.resolve('x.y.z'), 50027],
    ];
    for (const [what, made, expected] of wrong) assert.equal(await code(ask({}, await made)), expected, what);

    async function forged() {
      const thumbprint = createHash('sha256').update(new X509Certificate(registered.certificatePem).raw);
      return assertion({ key: stranger, header: { 'x5t#S256': thumbprint.digest('base64url') } });
    }
    async function withoutJti() {
      return assertion({ claims: { jti: undefined as unknown as string } });
    }
    async function hmac() {
      const [, payload] = (await assertion()).split('.');
      const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString());
      const thumbprint = createHash('sha256').update(new X509Certificate(registered.certificatePem).raw);
      const key = createSecretKey(Buffer.from(registered.certificatePem));
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', 'x5t#S256': thumbprint.digest('base64url') })
        .sign(key);
    }
  });

  test('takes an assertion once', async () => {
    const once = await assertion();
    assert.equal((await ask({}, once)).status, 200);
    assert.equal(await code(ask({}, once)), 700027);
  });

  test('its clock decides what is valid and how tokens are dated', async () => {
    const old = await assertion();
    standIn.clock.advance(20 * 60_000);
    assert.equal(await code(ask({}, old)), 700024);
    const claims = await verified((await ask()).body.access_token);
    assert.ok(Math.abs(Number(claims.exp) - (Date.now() / 1000 + 20 * 60 + 3599)) < 5);
  });

  test('rolls its keys over: the old one stays published until it is forgotten', async () => {
    const before = (await ask()).body.access_token;
    await standIn.keys.roll();
    const between = (await ask()).body.access_token;
    await verified(before);
    await verified(between);
    await standIn.keys.roll({ forgetOld: true });
    await assert.rejects(verified(before), /no applicable key/);
  });

  test('does wrong on demand, once each, and keeps no secret in its log', async () => {
    standIn.faults.add('token', { kind: 'status', status: 429, retryAfterSeconds: 7 });
    standIn.faults.add('token', { kind: 'aadsts', code: 53003 });
    standIn.faults.add('token', { kind: 'token', alteration: { signing: 'none' } });
    standIn.faults.add('token', { kind: 'token', alteration: { claims: { tid: undefined }, signing: 'broken' } });
    assert.equal((await ask()).status, 429);
    const interaction = await ask();
    assert.deepEqual([interaction.status, interaction.body.error], [400, 'interaction_required']);
    assert.match((await ask()).body.access_token, /\.$/);
    await assert.rejects(verified((await ask()).body.access_token), /signature verification failed/);
    const whole = await ask();
    await verified(whole.body.access_token);

    const log = JSON.stringify(standIn.requests);
    assert.match(log, new RegExp(CLIENT));
    assert.doesNotMatch(log, /eyJ/);
    for (const part of whole.body.access_token.split('.')) assert.ok(!log.includes(part));
  });

  test('satisfies the unmodified @azure/identity with a certificate', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sworn-entra-stand-in-'));
    const caFile = join(directory, 'ca.pem');
    const certificatePath = join(directory, 'orders.pem');
    writeFileSync(caFile, standIn.caCertificatePem);
    writeFileSync(certificatePath, registered.keyPem + registered.certificatePem, { mode: 0o600 });
    const program = `
      const { ClientCertificateCredential } = await import('@azure/identity');
      const options = { authorityHost: process.env.AUTHORITY, disableInstanceDiscovery: true };
      const credential = new ClientCertificateCredential('${TENANT}', '${CLIENT}', process.env.CERTIFICATE, options);
      const { token, expiresOnTimestamp } = await credential.getToken('api://${ORDERS}/.default');
      process.stdout.write(JSON.stringify({ segments: token.split('.').length, expiresOnTimestamp }));`;
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
        cwd: import.meta.dirname,
        env: {
          PATH: '',
          AUTHORITY: standIn.authority,
          CERTIFICATE: certificatePath,
          NODE_EXTRA_CA_CERTS: caFile,
          HTTPS_PROXY: 'http://127.0.0.1:9',
          NO_PROXY: 'localhost,127.0.0.1',
        },
      });
      const got = JSON.parse(stdout);
      assert.equal(got.segments, 3);
      assert.ok(got.expiresOnTimestamp > Date.now() + 3_500_000);
      const asked = standIn.requests.findLast((line) => line.path.endsWith('/token'));
      assert.deepEqual([asked?.status, asked?.assertion?.algorithm], [200, 'PS256']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('runs as a program that says where it listens', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sworn-entra-stand-in-'));
    const config = join(directory, 'config.json');
    const caFile = join(directory, 'ca.pem');
    const certificateFile = join(directory, 'orders.pem');
    writeFileSync(certificateFile, registered.certificatePem);
    const [tenant] = tenants;
    const [application] = tenant?.applications ?? [];
    const { certificates: _, ...rest } = application ?? { certificates: [] };
    const inFile = { tenants: [{ ...tenant, applications: [{ ...rest, certificateFiles: [certificateFile] }] }] };
    writeFileSync(config, JSON.stringify(inFile));
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, [main, '--config', config, '--ca-file', caFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const line = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
      const said = JSON.parse(line);
      assert.equal(said.caCertificate, readFileSync(caFile, 'utf8'));
      const answer = await call(
        { port: said.port, ca: said.caCertificate },
        'GET',
        `/${TENANT}/v2.0/.well-known/openid-configuration`,
      );
      assert.equal(answer.body.token_endpoint, `${said.authority}/${TENANT}/oauth2/v2.0/token`);
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
      rmSync(directory, { recursive: true });
    }
  });
});
