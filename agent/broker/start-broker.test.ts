// SPDX-License-Identifier: Apache-2.0

/** Real clients, with nothing but environment variables, against a real broker and the stand-in for Entra. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { TokenAction } from '../model/activity.ts';
import { createHttpsFetch, type HttpsFetch } from './entra/https-fetch.ts';
import { BrokerError } from './errors.ts';
import { startBroker } from './start-broker.ts';
import { askOnce } from './testing/raw-http.ts';
import {
  BILLING_CLIENT,
  GRAPH,
  ORDERS_CLIENT,
  openStage,
  type Stage,
  type StagedBroker,
  VAULT,
} from './testing/staged-broker.ts';
import { createWorkloadProcesses, type FinishedProgram, type WorkloadProcesses } from './testing/workload-process.ts';

const ORDERS = { selectionName: 'orders', sessionKey: 21n, sessionId: 'session-21' };
const BILLING = { selectionName: 'billing', sessionKey: 22n };

let stage: Stage;
let broker: StagedBroker;
let processes: WorkloadProcesses;

before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(async () => {
  stage.standIn.faults.clear();
  processes = createWorkloadProcesses();
  broker = await stage.start({ callers: processes.callers });
});
afterEach(async () => {
  processes.endAll();
  await broker.stop();
});

interface Run {
  session?: typeof BILLING | undefined;
  environment?: Record<string, string>;
}

function run(command: readonly string[], { session = ORDERS, environment = {} }: Run = {}): Promise<FinishedProgram> {
  return processes.start(session, command, { ...broker.environment(session), ...environment }).finished;
}

/** What a program of @azure/identity gets: the fingerprint of its token, or its error. */
interface Got {
  fingerprint?: string;
  expiresInS?: number;
  error?: string;
  message?: string;
}

async function azureIdentity(credential: string, scope: string, options: Run = {}): Promise<Got> {
  const program = `
    import { createHash } from 'node:crypto';
    import * as identity from '@azure/identity';
    try {
      const { token, expiresOnTimestamp } = await new identity.${credential}.getToken('${scope}');
      const fingerprint = createHash('sha256').update(token).digest('hex');
      console.log(JSON.stringify({ fingerprint, expiresInS: (expiresOnTimestamp - Date.now()) / 1000 }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.name, message: error.message }));
    }`;
  const { stdout, stderr } = await run([process.execPath, '--input-type=module', '--eval', program], options);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

const SCOPE = `${VAULT}/.default`;

/** What SDKs are to show for a refusal: its code, from one request. */
async function isRefused(got: Promise<Got>, reason: string): Promise<void> {
  const before = broker.counts.requests;
  const { error, message } = await got;
  assert.match(`${error} ${message}`, new RegExp(`SWORN_BROKER_${reason.toUpperCase()}`));
  assert.equal(broker.counts.requests - before, 1, 'a refusal is final: the client must not come back');
  assert.equal(broker.last().reason, reason);
}

describe('the unmodified @azure/identity', () => {
  for (const credential of ['ManagedIdentityCredential()', 'DefaultAzureCredential()']) {
    test(`gets a token through ${credential}, with a proxy set that leads nowhere`, async () => {
      const got = await azureIdentity(credential, SCOPE);
      assert.equal(got.fingerprint, broker.last().fingerprint, inspect(got));
      assert.ok(Math.abs((got.expiresInS ?? 0) - 900) < 30);
      assert.equal(broker.counts.requests, 1);
      const { caller } = broker.last();
      assert.deepEqual([caller?.selectionName, caller?.sessionKey, caller?.sessionId], ['orders', 21n, 'session-21']);
    });

    test(`stops at the first refusal through ${credential}`, async () => {
      await isRefused(azureIdentity(credential, 'https://elsewhere.example/.default'), 'resource_not_allowed');
    });
  }

  test('may name the identity that it is bound to, and no other', async () => {
    const named = (clientId: string): Run => ({ environment: { AZURE_CLIENT_ID: clientId } });
    const got = await azureIdentity('DefaultAzureCredential()', SCOPE, named(ORDERS_CLIENT));
    assert.equal(got.fingerprint, broker.last().fingerprint, inspect(got));
    await isRefused(
      azureIdentity('DefaultAzureCredential()', SCOPE, named(BILLING_CLIENT)),
      'other_identity_requested',
    );
    const byObject = `ManagedIdentityCredential({ objectId: '${BILLING_CLIENT}' })`;
    await isRefused(azureIdentity(byObject, SCOPE), 'other_identity_requested');
  });

  test('gets Graph’s tokens, which nobody but Graph can check', async () => {
    const got = await azureIdentity('ManagedIdentityCredential()', `${GRAPH}/.default`);
    assert.equal(got.fingerprint, broker.last().fingerprint, inspect(got));
    assert.equal(broker.last().reason, 'nonce');
  });

  test('is refused outside a workload, with the right secret, and in another session than the secret’s', async () => {
    const environment = broker.environment(ORDERS);
    const outside = processes.start(undefined, [process.execPath, '--input-type=module', '--eval', MSAL], environment);
    assert.match((await outside.finished).stdout, /SWORN_BROKER_NOT_A_WORKLOAD/);
    await isRefused(
      azureIdentity('ManagedIdentityCredential()', SCOPE, { session: BILLING, environment }),
      'secret_wrong',
    );
  });
});

/** msal-node as it is, which asks with Node's own fetch and so with a `sec-fetch-mode` header. */
const MSAL = `
  import { createRequire } from 'node:module';
  const { ManagedIdentityApplication } = createRequire(import.meta.resolve('@azure/identity'))('@azure/msal-node');
  try {
    const { accessToken } = await new ManagedIdentityApplication().acquireToken({ resource: '${VAULT}' });
    console.log('segments', accessToken.split('.').length);
  } catch (error) {
    console.log(error.message);
  }`;

test('the unmodified msal-node gets a token with its own transport', async () => {
  const { stdout } = await run([process.execPath, '--input-type=module', '--eval', MSAL]);
  assert.equal(stdout, 'segments 3\n');
});

const PYTHON = `
import hashlib, json, os, urllib.error, urllib.parse, urllib.request
query = urllib.parse.urlencode({'api-version': '2019-08-01', 'resource': '${VAULT}'})
request = urllib.request.Request(os.environ['IDENTITY_ENDPOINT'] + '?' + query)
request.add_header('X-IDENTITY-HEADER', os.environ['IDENTITY_HEADER'])
try:
    body = json.load(urllib.request.urlopen(request))
    print(hashlib.sha256(body['access_token'].encode()).hexdigest(), int(body['expires_in']))
except urllib.error.HTTPError as error:
    print(error.code, json.load(error)['error'])`;

describe('other programs', () => {
  test('Python gets a token with what it has', async () => {
    const { stdout, stderr } = await run(['python3', '-c', PYTHON]);
    assert.equal(stdout, `${broker.events[0]?.fingerprint} 900\n`, stderr);
    const wrong = await run(['python3', '-c', PYTHON], { environment: { IDENTITY_HEADER: 'wrong' } });
    assert.equal(wrong.stdout, '403 access_denied\n');
  });

  test('curl gets a token from a shell, two processes below the one that was chosen', async () => {
    const command = `(curl -sS -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=${VAULT}"; :)`;
    const { stdout, stderr } = await run(['sh', '-c', command]);
    const fingerprint = createHash('sha256')
      .update(JSON.parse(stdout || '{}').access_token ?? '')
      .digest('hex');
    assert.equal(fingerprint, broker.last().fingerprint, stderr);
    assert.equal(broker.last().caller?.sessionKey, 21n);
  });

  test('two workloads with the same program are two identities', async () => {
    await run(['python3', '-c', PYTHON]);
    await run(['python3', '-c', PYTHON], { session: BILLING });
    assert.deepEqual(
      broker.events.map((event) => event.identityName),
      ['orders-app', 'billing-app'],
    );
    assert.notEqual(broker.events[0]?.fingerprint, broker.events[1]?.fingerprint);
  });
});

describe('who asks is who gets', () => {
  test('a caller that is killed while it waits gets nothing, and that is recorded', async () => {
    stage.standIn.faults.add('token', { kind: 'delay', ms: 400 });
    const waiting = stage.standIn.count('token') + 1;
    const asking = processes.start(ORDERS, ['python3', '-c', PYTHON], broker.environment(ORDERS));
    while (stage.standIn.count('token') < waiting) await new Promise((resolve) => setTimeout(resolve, 10));
    asking.child.kill('SIGKILL');
    await asking.finished;
    while (broker.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([broker.last().action, broker.last().reason], [TokenAction.REFUSED, 'caller_gone']);
    assert.equal(broker.last().caller?.pid, asking.pid);
    assert.equal(broker.counts.issued, 0);
  });

  test('a connection that was passed on serves its new holder as that holder, not as the one who opened it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-passed-'));
    const path = join(folder, 's');
    const ask = `
import os, socket, time
def ask(connection, secret):
    host = os.environ['IDENTITY_ENDPOINT'].split('/')[2]
    target = '/msi/token?api-version=2019-08-01&resource=${VAULT}'
    connection.sendall(f'GET {target} HTTP/1.1\\r\\nHost: {host}\\r\\nX-IDENTITY-HEADER: {secret}\\r\\n\\r\\n'.encode())
    return connection.recv(65536).split(b' ')[1].decode()`;
    const receive = `${ask}
server = socket.socket(socket.AF_UNIX); server.bind('${path}'); server.listen(1)
print('ready', flush=True)
unix, _ = server.accept()
_, fds, _, _ = socket.recv_fds(unix, 1, 1)
passed = socket.socket(fileno=fds[0])
print('shared', ask(passed, os.environ['SECRET']), flush=True)
unix.sendall(b'x'); unix.recv(1)
print('alone', ask(passed, os.environ['SECRET']), flush=True)`;
    const pass = `${ask}
connection = socket.create_connection(('127.0.0.1', int(os.environ['IDENTITY_ENDPOINT'].split('/')[2].split(':')[1])))
print('own', ask(connection, os.environ['IDENTITY_HEADER']), flush=True)
unix = socket.socket(socket.AF_UNIX); unix.connect('${path}')
socket.send_fds(unix, [b'x'], [connection.fileno()])
unix.recv(1); connection.close(); unix.sendall(b'x'); time.sleep(5)`;
    try {
      const environment = broker.environment(ORDERS);
      const secret = environment['IDENTITY_HEADER'] ?? '';
      const thief = processes.start(undefined, ['python3', '-c', receive], { ...environment, SECRET: secret });
      assert.equal(await thief.line(), 'ready');
      const victim = processes.start(ORDERS, ['python3', '-c', pass], environment);
      assert.equal(await victim.line(), 'own 200');
      assert.equal(await thief.line(), 'shared 403');
      assert.equal(await thief.line(), 'alone 403');
      // While both hold it, it is nobody's.
      assert.deepEqual(
        broker.events.map((event) => event.reason),
        ['', 'caller_unknown', 'not_a_workload'],
      );
      assert.equal(broker.last().caller?.pid, thief.pid);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('nothing that could be used again gets out', () => {
  test('not into events, the log, errors or the request log, whatever happens', async () => {
    const secretsSent: string[] = [];
    const real = createHttpsFetch({ ca: stage.standIn.caCertificatePem });
    const fetch: HttpsFetch = async (request) => {
      const assertion = new URLSearchParams(request.body ?? '').get('client_assertion');
      if (assertion !== null) secretsSent.push(assertion);
      const answer = await real(request);
      const token = /"access_token":"([^"]+)"/.exec(answer.body)?.[1];
      if (token !== undefined) secretsSent.push(token);
      return answer;
    };
    const inMemory = await stage.start({ fetch, upstreamTimeoutMs: 3000 });
    const session = { selectionName: 'orders', sessionKey: 7n };
    const secret = stage.secrets.secretFor(session) ?? '';
    const ask = (resource: string, presented = secret) =>
      askOnce(inMemory.address.port, {
        target: `/msi/token?api-version=2019-08-01&resource=${resource}`,
        headers: [
          ['Host', `localhost:${inMemory.address.port}`],
          ['X-IDENTITY-HEADER', presented],
        ],
      });
    const { faults } = stage.standIn;
    const answers = [await ask(VAULT), await ask(GRAPH)];
    faults.add('token', { kind: 'token', alteration: { signing: 'broken' } });
    answers.push(await ask('https://database.example'));
    faults.add('token', { kind: 'aadsts', code: 700027 });
    answers.push(await ask('api://40000000-0000-4000-8000-0000000000bb'), await ask(VAULT, `${secret}x`));
    const token = answers[0]?.body.access_token as string;
    const holder = { pid: 1, startNs: 1n, ...session };
    for (const text of [token, `${token}x`, `x${token}`, token.replaceAll('.', '')]) {
      await inMemory.observe(text, { interface: 'http-bearer', holder, maybePassword: false });
    }
    const nested = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: token, [token]: token })).toString('base64url')}.x`;
    await inMemory.observe(nested, { interface: 'http-bearer', holder, maybePassword: false });
    assert.ok(secretsSent.length >= 7 && inMemory.events.length >= 9 && inMemory.lines.length >= 3);

    const written = [
      inspect(inMemory.events, { depth: 9, maxArrayLength: null, maxStringLength: null, showHidden: true }),
      inMemory.lines.join('\n'),
      JSON.stringify(stage.standIn.requests),
      ...answers.filter((answer) => answer.status !== 200).map((answer) => answer.text),
    ].join('\n');
    for (const compact of secretsSent) {
      const [, claims = '', signature = ''] = compact.split('.');
      for (const part of [compact, claims, signature])
        assert.ok(part === '' || !written.includes(part), 'a part of a secret');
    }
    assert.ok(!written.includes(secret));
    assert.doesNotMatch(written, /eyJ[\w-]+\.[\w-]+/);
    assert.doesNotMatch(written, /PRIVATE KEY/);
  });
});

describe('the broker does not start', () => {
  const fails = (options: Parameters<Stage['start']>[0], code: string, text: RegExp) =>
    assert.rejects(stage.start(options), (error: unknown) => {
      assert.ok(error instanceof BrokerError);
      assert.equal(error.code, `SWORN_BROKER_${code}`);
      assert.match(error.message, text);
      return true;
    });

  test('with a policy that makes no sense, an authority that is not https, or a port that is taken', async () => {
    const [policy] = stage.policy.policies;
    await fails(
      { policy: { identities: [], policies: policy ? [policy] : [] } },
      'POLICY_BROKEN',
      /no identity orders-app/,
    );
    for (const authority of ['http://127.0.0.1:1', 'https://a.example/tenant', 'https://user@a.example', 'nonsense']) {
      await fails({ authority }, 'AUTHORITY_NOT_HTTPS', /It is "/);
    }
    await fails({ port: broker.address.port }, 'LISTEN_FAILED', new RegExp(`Port ${broker.address.port}`));
  });

  test('with a key that is not there', async () => {
    const [identity] = stage.policy.identities;
    assert.ok(identity?.kind === 'app' && identity.credential.kind === 'certificate');
    const credential = { ...identity.credential, keyFile: '/nonexistent' };
    await fails(
      { policy: { identities: [{ ...identity, credential }], policies: [] } },
      'CREDENTIAL_UNREADABLE',
      /nonexistent/,
    );
  });

  test('but it starts without a network, and refuses until there is one', async () => {
    const alone = await stage.start({ authority: 'https://127.0.0.1:9' });
    const secret = stage.secrets.secretFor({ selectionName: 'orders', sessionKey: 7n }) ?? '';
    const answer = await askOnce(alone.address.port, {
      target: `/msi/token?api-version=2019-08-01&resource=${VAULT}`,
      headers: [
        ['Host', `localhost:${alone.address.port}`],
        ['X-IDENTITY-HEADER', secret],
      ],
    });
    assert.deepEqual([answer.status, alone.last().reason], [503, 'upstream_unavailable']);
  });

  test('but it starts without a logger or any other choice', async () => {
    const { policy, secrets } = stage;
    const plain = await startBroker({ policy, secrets, callers: processes.callers, onEvent() {} });
    await plain.stop();
  });
});
