// SPDX-License-Identifier: Apache-2.0

/**
 * Token files by a whole agent, from the key set that an operator publishes to the alert: who may read one, who uses it, and
 * what becomes of a client that lives while file and key are replaced.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeProtectedHeader } from 'jose';
import type { ExternalIssuer } from '../entra-stand-in/client-assertion.ts';
import { type EntraStandIn, startEntraStandIn } from '../entra-stand-in/start-entra-stand-in.ts';
import { node, type Recording, root, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';

const ISSUER = 'https://issuer.contoso.example/host-7';
const TENANT = randomUUID();
const [CLIENT, OBJECT] = [randomUUID(), randomUUID()];
const RESOURCES = ['https://vault.example', 'https://other.example'];
const NOBODY = 65_534;
const WAIT_MS_MAX = 60_000;
const skip = whyNoRecording() || (process.getuid?.() === 0 ? false : 'files are given to another user by root only');

/** As the shell of a workload asks Entra; standard output is the answer. */
const EXCHANGE = `
exec "$@" curl -sS --cacert "$CA" "$AUTHORITY/${TENANT}/oauth2/v2.0/token" \\
  -d grant_type=client_credentials -d client_id=${CLIENT} -d scope=https://vault.example/.default \\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  --data-urlencode "client_assertion@$FILE"`;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, '--clear-groups'];

/** Asks for a token, waits until told to, and asks for another. */
const LIVING = `
import { existsSync } from 'node:fs';
import { WorkloadIdentityCredential } from '@azure/identity';
const credential = new WorkloadIdentityCredential({ disableInstanceDiscovery: true });
await credential.getToken('https://vault.example/.default');
console.log('first');
while (!existsSync(process.env.GO_ON)) await new Promise((resolve) => setTimeout(resolve, 50));
await credential.getToken('https://other.example/.default');
console.log('second');
`;

describe('a token file', { skip }, () => {
  let standIn: EntraStandIn;
  let recording: Recording;
  const issuers: ExternalIssuer[] = [];
  const at = (...names: string[]): string => join(recording.folder, ...names);
  const fileOf = (workload: string): string => at('run/federated', `${workload}.jwt`);
  const sworn = (...words: string[]): string => execFileSync(join(root, 'bin/sworn'), words, { encoding: 'utf8' });
  const issuer = (...words: string[]): string => sworn('credential', 'issuer', ...words, '--config', at('agent.yaml'));
  const publish = (): void => {
    issuers.splice(0, issuers.length, { issuer: ISSUER, keys: JSON.parse(issuer('jwks')) as ExternalIssuer['keys'] });
  };
  const environment = (workload: string) => ({
    ...{ CA: at('entra.pem'), AUTHORITY: standIn.authority, FILE: fileOf(workload) },
    NODE_EXTRA_CA_CERTS: at('entra.pem'),
  });

  before(async () => {
    const federated = (subject: string) => ({ issuer: ISSUER, subject, audience: 'api://AzureADTokenExchange' });
    const application = { clientId: CLIENT, objectId: OBJECT, name: 'reports', certificates: [] };
    const federatedCredentials = [federated('workload:reports'), federated('workload:living')];
    standIn = await startEntraStandIn({
      tenants: [
        {
          tenantId: TENANT,
          applications: [{ ...application, federatedCredentials }],
          resources: RESOURCES.map((identifier) => ({ identifier, appId: randomUUID(), tokenVersion: 1 })),
        },
      ],
      externalIssuers: issuers,
    });
    const identity = { tenant: TENANT, client_id: CLIENT, object_id: OBJECT };
    const policy = { identity: 'reports', resources: RESOURCES, interfaces: ['workload-identity'] };
    recording = await startRecording({
      identities: ['reports', 'living', 'thief'],
      collector: true,
      config: (folder) => {
        writeFileSync(join(folder, 'entra.pem'), standIn.caCertificatePem);
        return {
          identities: ['reports', 'living', 'thief'].map((name) => ({ name, ...identity })),
          policies: [
            { ...policy, name: 'reports', match: { workload: 'reports', uid: NOBODY } },
            { ...policy, name: 'living', match: { workload: 'living' } },
          ],
          broker: {
            ...{ port: 0, authority: standIn.authority, authority_ca_file: join(folder, 'entra.pem') },
            workload_identity: { enabled: true, issuer: ISSUER },
          },
        };
      },
    });
    // For the user whose file it is; nothing else in the folder becomes readable by that.
    chmodSync(recording.folder, 0o711);
    chmodSync(at('entra.pem'), 0o644);
    publish();
  });
  after(async () => {
    await recording?.stop();
    await standIn?.stop();
  });

  test('comes with documents that name each other, and a configuration that says what it is', () => {
    const configuration = JSON.parse(issuer('openid-configuration')) as Record<string, unknown>;
    assert.deepEqual([configuration['issuer'], configuration['jwks_uri']], [ISSUER, `${ISSUER}/.well-known/jwks.json`]);
    assert.match(
      sworn('agent', '--check', '--config', at('agent.yaml')),
      /mind: policy reports: .*no request is attested/,
    );
  });

  test('is read by its user and by no other', () => {
    const { uid, mode } = statSync(fileOf('reports'));
    assert.deepEqual([uid, mode & 0o777], [NOBODY, 0o400]);
    const readBy = (id: number): number | null =>
      spawnSync('setpriv', [`--reuid=${id}`, '--clear-groups', 'cat', fileOf('reports')]).status;
    assert.deepEqual([readBy(NOBODY), readBy(NOBODY - 1)], [0, 1]);
  });

  test('gives its workload a token, which the record has as obtained by it; another that uses it raises an alert', async () => {
    const exchange = async (workload: string, before: readonly string[]): Promise<string> => {
      const command = ['sh', '-c', EXCHANGE, 'sh', ...before];
      const { stdout } = await recording.run(workload, command, { environment: environment('reports') });
      return (JSON.parse(stdout) as { access_token?: string }).access_token ?? stdout;
    };
    assert.match(await exchange('reports', AS_NOBODY), /^eyJ/);
    assert.match(await exchange('thief', []), /^eyJ/, 'Entra cannot know better');

    const rows = await untilRows<{ workload: string; interface: string; suspicious: boolean; audience: string }>(
      `SELECT s.workload AS workload, a.interface AS interface, a.suspicious AS suspicious, a.audience AS audience
       FROM sworn.activities AS a JOIN sworn.sessions AS s ON s.session_id = a.session_id
       WHERE a.kind = 'token' AND a.action = 'observed' ORDER BY s.workload, a.interface`,
      4,
    );
    assert.deepEqual(
      rows.map((row) => [row.workload, row.interface, row.suspicious]),
      [
        ['reports', 'http-form', false],
        ['reports', 'http-token-response', false],
        ['thief', 'http-form', true],
        ['thief', 'http-token-response', false],
      ],
    );
    const alerts = await untilRows<{ rule_title: string; workload: string; identity_id: string }>(
      `SELECT rule_title, s.workload AS workload, a.identity_id AS identity_id
       FROM sworn.alerts AS a JOIN sworn.sessions AS s ON s.session_id = a.session_id`,
      1,
    );
    assert.deepEqual(
      alerts.map((row) => [row.rule_title, row.workload, row.identity_id]),
      [['Exchange credential where it has no business', 'thief', OBJECT]],
    );
  });

  test('and its key may be replaced while a client lives that has the old one', async () => {
    const goOn = at('go-on');
    const kid = (): unknown => decodeProtectedHeader(readFileSync(fileOf('living'), 'utf8')).kid;
    const before = kid();
    const running = recording.start('living', [node, '--input-type=module', '-e', LIVING], {
      environment: { ...environment('living'), GO_ON: goOn },
    });
    assert.equal(await running.firstLine(), 'first');
    assert.match(issuer('roll', '--after', '0'), /signs from/);
    publish();
    sworn('policy', 'reload', '--socket', at('run/agent.sock'));
    assert.notEqual(kid(), before);
    writeFileSync(goOn, '');
    const { code, stdout, stderr } = await running.finished;
    assert.equal(stdout, 'first\nsecond\n', `${code}: ${stderr.slice(-500)}`);
  });

  async function untilRows<T>(sql: string, count: number): Promise<T[]> {
    const until = Date.now() + WAIT_MS_MAX;
    for (;;) {
      const rows = await recording.client.rows<T>(sql);
      if (rows.length >= count || Date.now() > until) return rows;
      await sleep(100);
    }
  }
});
