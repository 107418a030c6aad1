// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { whyNoRecording } from '../../test/oracle/recording/recording.ts';
import type { WorkloadOptions } from '../../test/oracle/recording/workload.ts';
import { runProgram, runSworn, SWORN } from '../testing/run-sworn.ts';
import { CLIENT, OBJECT, openTokenStage, PERSON, TENANT, type TokenStage, VAULT } from '../testing/token-stage.ts';

const fingerprintOf = (token: string): string => createHash('sha256').update(token).digest('hex');

describe('sworn token and sworn whoami', { skip: whyNoRecording() }, () => {
  let stage: TokenStage;
  before(async () => {
    stage = await openTokenStage();
  });
  after(() => stage?.stop());

  const inside = (words: readonly string[], options?: WorkloadOptions, identity = 'invoice-agent') =>
    stage.recording.run(identity, [SWORN, ...words], options);
  const token = (...words: string[]): readonly string[] => ['token', '--resource', VAULT, ...words];

  /** Fingerprints of what the stand-in gave. */
  const given = (): readonly (string | undefined)[] => stage.standIn.requests.map(({ fingerprint }) => fingerprint);

  it('prints the token that Entra gave, and nothing else', async () => {
    const { stdout } = await inside(token());
    assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    assert.ok(given().includes(fingerprintOf(stdout.trim())));
  });

  it('prints it in the other forms too', async () => {
    const plain = (await inside(token())).stdout.trim();
    assert.equal((await inside(token('--format', 'header'))).stdout, `Authorization: Bearer ${plain}\n`);
    const json = JSON.parse((await inside(token('--format', 'json'))).stdout);
    assert.deepEqual([json.access_token, json.client_id, json.tenant_id], [plain, CLIENT, TENANT]);
    const az = JSON.parse((await inside(token('--format', 'az'), { environment: { TZ: 'Asia/Tokyo' } })).stdout);
    assert.deepEqual([az.accessToken, az.tenant, az.tokenType], [plain, TENANT, 'Bearer']);
    const local = new Date(`${az.expiresOn.replace(' ', 'T').slice(0, 19)}+09:00`);
    assert.equal(local.getTime() / 1000, az.expires_on);
  });

  it('gives curl a header that the server sees', async () => {
    let seen: string | undefined;
    const server: Server = createServer((request, response) => {
      seen = request.headers.authorization;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const pipe = `'${SWORN}' ${token('--format', 'header').join(' ')} | curl -sS -H @- http://127.0.0.1:${port}/`;
      await stage.recording.run('invoice-agent', ['sh', '-c', pipe]);
      assert.ok(given().includes(fingerprintOf(seen?.replace('Bearer ', '') ?? '')));
    } finally {
      server.close();
    }
  });

  it('is refused with the broker’s words, and prints nothing to standard output', async () => {
    const elsewhere = await inside(['token', '--resource', 'https://elsewhere.example'], { fails: true });
    assert.deepEqual([elsewhere.code, elsewhere.stdout], [1, '']);
    assert.match(elsewhere.stderr, /SWORN_BROKER_RESOURCE_NOT_ALLOWED: .*\n.*Correlation id: [0-9a-f-]{36}/);
    const idle = await inside(token(), { fails: true }, 'idle-agent');
    assert.match(idle.stderr, /SWORN_BROKER_NO_BINDING/);
    const outside = await runSworn([...token(), '--socket', stage.socket]);
    assert.deepEqual([outside.code, outside.out], [1, '']);
    assert.match(outside.err, /SWORN_BROKER_NOT_A_WORKLOAD/);
  });

  it('is open to every user, and the kernel’s answer is about the one who asks', async () => {
    chmodSync(stage.recording.folder, 0o711);
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', SWORN];
    const { err } = await runProgram('setpriv', [...nobody, 'whoami', '--socket', stage.socket, '--json']);
    assert.equal(err, '');
    const { out } = await runProgram('setpriv', [...nobody, 'whoami', '--socket', stage.socket, '--json']);
    assert.deepEqual([JSON.parse(out).uid, JSON.parse(out).workload], [65534, null]);
  });

  it('says what to do without a broker', async () => {
    const { code, err } = await runSworn([...token(), '--socket', '/nonexistent/token.sock']);
    assert.equal(code, 2);
    assert.match(err, /no broker listens on \/nonexistent\/token\.sock\n.*systemctl start sworn-agent/);
  });

  it('acts on behalf of a person, whose token it shows to nobody', async () => {
    const assertion = stage.standIn.issueForPerson({ tenantId: TENANT, user: PERSON, audience: CLIENT });
    const file = join(stage.recording.folder, 'person.jwt');
    writeFileSync(file, `${assertion}\n`, { mode: 0o600 });
    const ofPerson = (text: string): unknown =>
      JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()).upn;
    const { stdout } = await inside(token('--on-behalf-of', file));
    assert.equal(ofPerson(stdout), PERSON);
    const piped = await inside(token('--on-behalf-of', '-'), { input: assertion });
    assert.equal(ofPerson(piped.stdout), PERSON);
    const wrong = await inside(token('--on-behalf-of', '-'), { input: 'not-a-token', fails: true });
    assert.match(wrong.stderr, /SWORN_BROKER_USER_ASSERTION_MALFORMED/);
    const missing = await inside(token('--on-behalf-of', '/nonexistent'), { fails: true });
    assert.deepEqual([missing.code, missing.stdout], [2, '']);
  });

  it('sworn run gives the flavour that the policy allows, and the kernel leads to it who knows only the address', async () => {
    const variables = async (identity: string): Promise<string[]> => {
      const { stdout } = await stage.recording.run(identity, ['env']);
      const names = stdout.split('\n').map((line) => line.split('=', 1)[0] ?? '');
      return names.filter((name) => /^(IDENTITY_|AZURE_POD_|IMDS_)/.test(name)).sort();
    };
    assert.deepEqual(await variables('invoice-agent'), ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER']);
    assert.deepEqual(await variables('metadata-agent'), ['AZURE_POD_IDENTITY_AUTHORITY_HOST']);
    const query = `api-version=2018-02-01&resource=${encodeURIComponent(VAULT)}`;
    const url = `http://169.254.169.254/metadata/identity/oauth2/token?${query}`;
    const { stdout } = await stage.recording.run('metadata-agent', ['curl', '-sS', '-H', 'Metadata: true', url]);
    assert.ok(given().includes(fingerprintOf(JSON.parse(stdout).access_token)));
    const refused = await inside(token(), { fails: true }, 'metadata-agent');
    assert.match(refused.stderr, /SWORN_BROKER_INTERFACE_NOT_ALLOWED/);
  });

  it('whoami says workload, session, identity and policy', async () => {
    const { stdout } = await inside(['whoami']);
    assert.match(
      stdout,
      /^process {4}\d+ of user 0, the peer of the socket as the kernel has it\nworkload {3}invoices\n/,
    );
    assert.match(stdout, new RegExp(`identity   invoice-agent \\(app ${CLIENT}, tenant ${TENANT}\\)`));
    assert.match(stdout, /policy {5}invoices\nresources {2}https:\/\/vault\.example /);
    const session = /session {4}(\S+)/.exec(stdout)?.[1];
    const json = JSON.parse((await inside(['whoami', '--json'])).stdout);
    assert.deepEqual([json.identity.object_id, json.interfaces], [OBJECT, ['app-service', 'unix']]);
    assert.notEqual(json.session_id, session, 'each run is a session of its own');
  });

  it('whoami has clear words for a process without tokens', async () => {
    const outside = await runSworn(['whoami', '--socket', stage.socket]);
    assert.equal(outside.code, 1);
    assert.match(outside.out, /workload {3}none: this process was not started as one/);
    assert.match(outside.out, /no tokens {2}The process that asks does not belong to a recorded workload\./);
    const idle = await inside(['whoami'], { fails: true }, 'idle-agent');
    assert.match(idle.stdout, /workload {3}idle\n/);
    assert.match(idle.stdout, /no tokens /);
  });
});
