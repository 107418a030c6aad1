// SPDX-License-Identifier: Apache-2.0

/**
 * Token files by a real broker at the stand-in for Entra, which trusts its issuer by the key set that is published: whether a
 * file is what it must be is said by whether a token comes of it.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { createExternalIssuer } from '../../../test/entra-stand-in/external-issuer.ts';
import { type EntraStandIn, startEntraStandIn } from '../../../test/entra-stand-in/start-entra-stand-in.ts';
import { IdentitySource, IdentityState, TokenAction } from '../../model/activity.ts';
import { createInMemoryCallerDirectory } from '../attest/in-memory-caller-directory.ts';
import { createDerivedSessionSecrets } from '../attest/session-secret.ts';
import type { AppIdentity } from '../policy/identity.ts';
import type { PolicySet } from '../policy/policy.ts';
import { type BrokerOptions, type RunningBroker, startBroker } from '../start-broker.ts';
import { keptLog } from '../testing/staged-broker.ts';
import { fingerprintOf } from '../token/compact-token.ts';
import type { TokenEvent, TokenHolder } from '../token-event.ts';
import type { Sighting } from '../token-watch.ts';
import { keySet } from './issuer.ts';
import { readIssuerKeys, rollIssuerKey } from './issuer-keys.ts';

const ISSUER = 'https://issuer.contoso.example/host-7';
const TENANT = '10000000-0000-4000-8000-0000000000aa';
const CLIENT = '20000000-0000-4000-8000-0000000000aa';
const OBJECT = '30000000-0000-4000-8000-0000000000aa';
const RESOURCE = 'https://vault.example';
const READER = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const EXCHANGE = 'api://AzureADTokenExchange';

const identity: AppIdentity = {
  ...{ kind: 'app', name: 'reports-app', tenant: TENANT, clientId: CLIENT, objectId: OBJECT },
  credential: { kind: 'workload-identity' },
};
const grantTo = (workload: string) => ({
  ...{ name: workload, match: { workload }, identity: identity.name, resources: [RESOURCE] },
  ...{ interfaces: ['workload-identity'] as const, fileOwner: READER },
});
const policy: PolicySet = { identities: [identity], policies: [grantTo('reports')] };

let folder: string;
let standIn: EntraStandIn;
let broker: RunningBroker;
let events: TokenEvent[];
let lines: string[];
let nowMs: number;
const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
const issuers: { issuer: string; keys: { keys: Record<string, unknown>[] } }[] = [];
const at = (...names: string[]): string => join(folder, ...names);
const keyFile = (): string => at('issuer-keys.json');
const fileOf = (workload: string): string => at('federated', `${workload}.jwt`);
const tokenOf = (workload: string): string => readFileSync(fileOf(workload), 'utf8');

before(async () => {
  const federatedCredentials = [{ issuer: ISSUER, subject: 'workload:reports', audience: EXCHANGE }];
  standIn = await startEntraStandIn({
    tenants: [
      {
        tenantId: TENANT,
        applications: [{ clientId: CLIENT, objectId: OBJECT, name: 'reports', certificates: [], federatedCredentials }],
        resources: [{ identifier: RESOURCE, appId: '40000000-0000-4000-8000-0000000000cc', tokenVersion: 1 }],
      },
    ],
    externalIssuers: issuers,
  });
});
after(() => standIn.stop());

async function start(options: Partial<BrokerOptions> = {}, holder?: TokenHolder): Promise<RunningBroker> {
  const started = await startBroker({
    ...{ policy, clock, callers: createInMemoryCallerDirectory(), log: keptLog(lines) },
    secrets: createDerivedSessionSecrets(new Uint8Array(32).fill(5)),
    onEvent: (event) => events.push(event),
    ...{ authority: standIn.authority, authorityCa: standIn.caCertificatePem },
    federation: {
      ...{ issuer: ISSUER, keys: { kind: 'own', path: keyFile() }, folder: at('federated') },
      ...{ keySetFile: at('jwks.json'), sessionOf: () => holder },
    },
    ...options,
  });
  await publish();
  return started;
}

/** As the operator does, and as Entra fetches it. */
async function publish(): Promise<void> {
  const keys = keySet(await readIssuerKeys({ kind: 'own', path: keyFile() }), nowMs);
  issuers.splice(0, issuers.length, { issuer: ISSUER, keys });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-federation-'));
  [events, lines, nowMs] = [[], [], Date.now()];
  broker = await start();
});
afterEach(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true });
});

/** The answer of the token endpoint to who shows `assertion`: a token's claims, or the code of a refusal. */
async function exchanged(assertion: string): Promise<unknown> {
  const form = new URLSearchParams({
    ...{ grant_type: 'client_credentials', client_id: CLIENT, scope: `${RESOURCE}/.default` },
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
  standIn.clock.reset();
  standIn.clock.advance(nowMs - Date.now());
  const { port } = standIn;
  const text = await new Promise<string>((resolve, reject) => {
    const options = { port, path: `/${TENANT}/oauth2/v2.0/token`, method: 'POST', ca: standIn.caCertificatePem };
    const asked = request({ ...options, host: 'localhost' }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    });
    asked.on('error', reject).end(form.toString());
  });
  const { access_token: token, error_codes: codes } = JSON.parse(text) as Record<string, unknown>;
  return typeof token === 'string' ? decodeJwt(token)['oid'] : codes;
}

describe('a token file', () => {
  test('opens what Entra trusts the issuer for, and nothing else is in the folder', async () => {
    assert.equal(await exchanged(tokenOf('reports')), OBJECT);
    assert.deepEqual(readdirSync(at('federated')), ['reports.jwt']);
    const { iat = 0, exp = 0, nbf, iss, sub, aud, jti } = decodeJwt(tokenOf('reports'));
    assert.deepEqual([iss, sub, aud, nbf], [ISSUER, 'workload:reports', EXCHANGE, iat]);
    assert.equal(exp - iat, 600);
    assert.match(String(jti), /^[0-9a-f-]{36}$/);
    assert.equal(decodeProtectedHeader(tokenOf('reports')).alg, 'RS256');
  });

  test('is for its reader alone', () => {
    assert.equal(statSync(fileOf('reports')).mode & 0o777, 0o400);
    assert.equal(statSync(keyFile()).mode & 0o777, 0o600);
  });

  test('is another user’s who cannot be kept out, where the agent is root', {
    skip: READER.uid !== 0 && 'wants root',
  }, async () => {
    const fileOwner = { uid: 65_534, gid: 65_534 };
    await broker.reload({ ...policy, policies: [{ ...grantTo('reports'), fileOwner }] });
    const { uid, mode } = statSync(fileOf('reports'));
    assert.deepEqual([uid, mode & 0o777], [65_534, 0o400]);
  });

  test('is in the record as issued to its workload, before it is there', () => {
    const [event, ...more] = events;
    assert.equal(more.length, 0);
    assert.deepEqual(
      [
        event?.action,
        event?.interface,
        event?.fingerprint,
        event?.audience,
        event?.policy,
        event?.caller?.selectionName,
      ],
      [TokenAction.ISSUED, 'workload-identity', fingerprintOf(tokenOf('reports')), EXCHANGE, 'reports', 'reports'],
    );
    assert.deepEqual(
      [event?.identityId, event?.identityState, event?.identitySource],
      [OBJECT, IdentityState.POLICY, IdentitySource.POLICY],
    );
    assert.ok(!JSON.stringify(event?.claims).includes(tokenOf('reports').split('.')[2] ?? ''));
  });

  test('is not written when the record does not take it', async () => {
    await broker.stop();
    let isFull = false;
    broker = await start({
      onEvent() {
        if (isFull) throw new Error('journal full');
      },
    });
    const old = tokenOf('reports');
    isFull = true;
    nowMs += 180_000;
    await broker.renewFiles();
    assert.equal(tokenOf('reports'), old, 'the one that is recorded stays for as long as it is good');
    nowMs += 420_000;
    await broker.renewFiles();
    assert.deepEqual(readdirSync(at('federated')), [], 'one that is over is of no use');
    assert.equal(broker.counts.workloadFilesUnwritten, 2);
    await broker.stop();
    const refusing = start({
      onEvent() {
        throw new Error('journal full');
      },
    });
    await assert.rejects(refusing, { code: 'SWORN_BROKER_WORKLOAD_FILE' });
    assert.deepEqual(readdirSync(at('federated')), []);
  });

  test('is replaced as a whole three minutes later, and the old one is still good for seven', async () => {
    const old = tokenOf('reports');
    nowMs += 179_000;
    await broker.renewFiles();
    assert.equal(tokenOf('reports'), old);
    nowMs += 1_000;
    await broker.renewFiles();
    assert.notEqual(tokenOf('reports'), old);
    nowMs += 300_000;
    assert.equal(await exchanged(old), OBJECT, 'what a client read last and kept for five minutes');
    assert.equal(events.length, 2);
  });

  test('goes at the stop, and with the policy', async () => {
    await broker.reload({ ...policy, policies: [] });
    assert.deepEqual(readdirSync(at('federated')), []);
    assert.deepEqual(
      broker.environment({ selectionName: 'reports', sessionKey: 1n })['AZURE_FEDERATED_TOKEN_FILE'],
      undefined,
    );
    await broker.reload(policy);
    assert.ok(existsSync(fileOf('reports')));
    await broker.stop();
    assert.deepEqual(readdirSync(at('federated')), []);
  });

  test('of an agent that was killed is taken away by the next', async () => {
    await broker.stop();
    writeFileSync(at('federated', 'gone.jwt'), 'x');
    broker = await start();
    assert.deepEqual(readdirSync(at('federated')), ['reports.jwt']);
  });

  test('that cannot be written keeps the broker from starting, and after a reload is counted and tried again', async () => {
    await broker.stop();
    const taken = at('federated', '.reports.new');
    mkdirSync(taken);
    const failing = start();
    // A folder of its own making is emptied, as far as it holds files.
    await assert.rejects(failing, { code: 'SWORN_BROKER_WORKLOAD_FILE' });
    rmSync(taken, { recursive: true });
    broker = await start();
    mkdirSync(taken);
    writeFileSync(join(taken, 'x'), '');
    await broker.reload(policy);
    assert.equal(broker.counts.workloadFilesUnwritten, 1);
    rmSync(taken, { recursive: true });
    nowMs += 31_000;
    await broker.renewFiles();
    assert.equal(await exchanged(tokenOf('reports')), OBJECT);
    assert.equal(lines.filter((line) => line.includes('could not be written')).length, 1);
  });

  test('that cannot be taken away is counted and told, and ends nothing', async () => {
    rmSync(fileOf('reports'));
    mkdirSync(fileOf('reports'));
    nowMs += 601_000;
    await broker.renewFiles();
    assert.equal(broker.counts.workloadFilesUnwritten, 2, 'neither written nor removed');
    await broker.reload({ ...policy, policies: [] });
    assert.equal(broker.counts.workloadFilesUnwritten, 3);
    assert.equal(lines.filter((line) => line.includes('could not be removed')).length, 2);
  });

  test('is told to SDKs where nothing else is allowed that they speak', async () => {
    const of = (): Record<string, string> => broker.environment({ selectionName: 'reports', sessionKey: 1n });
    const { AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_AUTHORITY_HOST, ...more } = of();
    assert.deepEqual(
      [
        AZURE_FEDERATED_TOKEN_FILE,
        AZURE_CLIENT_ID,
        AZURE_TENANT_ID,
        AZURE_AUTHORITY_HOST,
        more['AZURE_TOKEN_CREDENTIALS'],
      ],
      [fileOf('reports'), CLIENT, TENANT, standIn.authority, 'WorkloadIdentityCredential'],
    );
    assert.equal(more['IDENTITY_ENDPOINT'], undefined);
  });
});

describe('the key of the issuer', () => {
  test('stays the same, is in the key set, and no secret of it is', async () => {
    const first = readFileSync(keyFile(), 'utf8');
    const published = readFileSync(at('jwks.json'), 'utf8');
    await broker.stop();
    broker = await start();
    assert.equal(readFileSync(keyFile(), 'utf8'), first);
    const { keys } = JSON.parse(published) as { keys: Record<string, string>[] };
    assert.deepEqual(
      keys.map((key) => Object.keys(key).sort().join(' ')),
      ['alg e kid kty n use'],
    );
    assert.equal(Buffer.from(keys[0]?.['n'] ?? '', 'base64url').length * 8, 3072);
  });

  test('is followed by another: published before it signs, and the old one until its last file is over', async () => {
    const old = tokenOf('reports');
    const { kid } = await rollIssuerKey(keyFile(), nowMs, nowMs + 3_600_000);
    const kidOf = (): unknown => decodeProtectedHeader(tokenOf('reports')).kid;
    const published = async (): Promise<number> =>
      keySet(await readIssuerKeys({ kind: 'own', path: keyFile() }), nowMs).keys.length;
    nowMs += 180_000;
    await broker.renewFiles();
    assert.notEqual(kidOf(), kid, 'not yet');
    assert.equal(await published(), 2);
    nowMs += 3_600_000;
    await broker.renewFiles();
    assert.equal(kidOf(), kid);
    assert.equal(await published(), 2, 'a client may still hold a file of the old one');
    nowMs += 900_000;
    assert.equal(await published(), 1);
    await broker.renewFiles();
    assert.equal((JSON.parse(readFileSync(at('jwks.json'), 'utf8')) as { keys: unknown[] }).keys.length, 1);
    assert.notEqual(old, tokenOf('reports'));
  });

  test('that was to follow and is rolled again never signs', async () => {
    const before = await rollIssuerKey(keyFile(), nowMs, nowMs + 3_600_000);
    const next = await rollIssuerKey(keyFile(), nowMs, nowMs);
    const keys = await readIssuerKeys({ kind: 'own', path: keyFile() });
    assert.ok(!keys.some(({ kid }) => kid === before.kid));
    await broker.reload(policy);
    assert.equal(decodeProtectedHeader(tokenOf('reports')).kid, next.kid);
    await publish();
    assert.equal(await exchanged(tokenOf('reports')), OBJECT);
  });

  test('of the operator is taken from PEM: the first signs, all are published', async () => {
    const keys = await readIssuerKeys({ kind: 'own', path: keyFile() });
    const other = await rollIssuerKey(at('other.json'), nowMs, 0);
    const pem = (key: typeof other): string => key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    writeFileSync(at('key.pem'), pem(other) + pem(keys[0]), { mode: 0o600 });
    const given = await readIssuerKeys({ kind: 'given', file: at('key.pem') });
    assert.deepEqual(
      keySet(given, nowMs).keys.map(({ kid }) => kid),
      [keys[0].kid, other.kid],
    );
    await broker.stop();
    const federation = {
      issuer: ISSUER,
      keys: { kind: 'given', file: at('key.pem') },
      folder: at('federated'),
    } as const;
    broker = await start({ federation: { ...federation, sessionOf: () => undefined } });
    assert.equal(decodeProtectedHeader(tokenOf('reports')).kid, other.kid);
  });

  test('is refused when others may read it, and when it is none; no error quotes it', async () => {
    const fails = async (text: string, mode: number): Promise<void> => {
      writeFileSync(keyFile(), text);
      chmodSync(keyFile(), mode);
      await assert.rejects(readIssuerKeys({ kind: 'own', path: keyFile() }), (error: Error & { code: string }) => {
        assert.equal(error.code, 'SWORN_BROKER_ISSUER_KEY');
        assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /swordfish/);
        return true;
      });
    };
    await fails(readFileSync(keyFile(), 'utf8'), 0o640);
    await fails('{"version":1,"keys":[{"private_key":"swordfish","signs_from_ms":0}]}', 0o600);
    await fails('swordfish', 0o600);
    await fails('{"version":1,"keys":[]}', 0o600);
    await broker.stop();
    rmSync(keyFile());
    broker = await start();
  });
});

describe('on the wire, a token file', () => {
  const owner: TokenHolder = { pid: 10, startNs: 1n, selectionName: 'reports', sessionKey: 1n };
  const thief: TokenHolder = { pid: 20, startNs: 2n, selectionName: 'mailer', sessionKey: 2n };
  const sent = (holder: TokenHolder, authority = new URL(standIn.authority).host): Sighting => ({
    ...{ interface: 'http-form', holder, maybePassword: true },
    sentTo: { authority, path: `/${TENANT}/oauth2/v2.0/token`, tlsServerName: authority.replace(/:\d+$/, '') },
  });
  async function look(token: string, sighting: Sighting) {
    const seen = await broker.observe(token, sighting);
    assert.ok(seen.kind === 'token');
    return seen;
  }

  test('is used by any session of its workload towards the authority, and is known as what it is', async () => {
    const seen = await look(tokenOf('reports'), sent(owner));
    assert.deepEqual(
      [seen.suspicious, seen.verification.state, seen.identityName, seen.identityId],
      [false, 'verified', 'reports-app', OBJECT],
    );
    assert.equal((await look(tokenOf('reports'), sent({ ...owner, sessionKey: 9n }))).suspicious, false);
  });

  test('is theft by another workload, at another server, and in a bearer’s place', async () => {
    assert.equal((await look(tokenOf('reports'), sent(thief))).suspicious, true);
    assert.equal((await look(tokenOf('reports'), sent(owner, 'evil.example'))).suspicious, true);
    assert.equal((await look(tokenOf('reports'), { ...sent(owner), interface: 'http-bearer' })).suspicious, true);
  });

  test('is known after a restart of the agent, when it was written before', async () => {
    await broker.stop();
    const ledgerFile = { path: at('ledger.jsonl'), bootId: 'boot' };
    broker = await start({ ledgerFile }, owner);
    const old = tokenOf('reports');
    await broker.stop();
    broker = await start({ ledgerFile });
    assert.equal((await look(old, sent({ ...owner, sessionKey: 9n }))).suspicious, false);
    const stolen = await look(old, sent(thief));
    assert.equal(stolen.suspicious, true);
    assert.deepEqual([stolen.issuance?.holder.sessionKey, stolen.identityId], [1n, OBJECT]);
  });

  test('in the name of the issuer that it did not sign is invalid, and one that it did not write down is theft', async () => {
    const forger = await createExternalIssuer(ISSUER);
    const forged = await look(await forger.sign('workload:reports', nowMs), sent(owner));
    assert.deepEqual([forged.suspicious, forged.verification.state], [true, 'unverifiable']);
    const [part, , signature] = tokenOf('reports').split('.');
    const claims = Buffer.from(JSON.stringify({ ...decodeJwt(tokenOf('reports')), sub: 'workload:other' }));
    const changed = await look(`${part}.${claims.toString('base64url')}.${signature}`, sent(owner));
    assert.deepEqual([changed.suspicious, changed.verification], [true, { state: 'invalid', reason: 'bad_signature' }]);
  });

  test('of a cluster is everyday life at the token endpoint, and nowhere else', async () => {
    const cluster = await createExternalIssuer('https://cluster.example');
    const token = await cluster.sign('system:serviceaccount:a:b', nowMs);
    assert.equal((await look(token, sent(owner))).suspicious, false);
    assert.equal((await look(token, sent(thief))).suspicious, false, 'nobody was seen to be given it');
    assert.equal((await look(token, sent(owner, 'evil.example'))).suspicious, true);
  });
});
