// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createCertificateAuthority } from '../../test/entra-stand-in/certificates.ts';
import { node, root, whyNoRecording } from '../../test/oracle/recording/recording.ts';
import { runSworn, SWORN } from '../testing/run-sworn.ts';
import { openTokenStage, TENANT, type TokenStage, VAULT } from '../testing/token-stage.ts';

const fingerprintOf = (token: string): string => createHash('sha256').update(token).digest('hex');

function has(program: string, ...words: readonly string[]): boolean {
  try {
    execFileSync(program, words, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('sworn credential', { skip: whyNoRecording() }, () => {
  let stage: TokenStage;
  let home = '';
  before(async () => {
    stage = await openTokenStage();
    home = join(stage.recording.folder, 'home');
    mkdirSync(home);
  });
  after(() => stage?.stop());

  const run = (command: readonly string[], environment: Readonly<Record<string, string>> = {}, input = '') =>
    stage.recording.run('invoice-agent', command, { environment: { HOME: home, ...environment }, input });
  const fails = (command: readonly string[], environment: Readonly<Record<string, string>> = {}, input = '') =>
    stage.recording.run('invoice-agent', command, { environment, input, fails: true });
  const wasGiven = (token: string): boolean =>
    stage.standIn.requests.some(({ fingerprint }) => fingerprint === fingerprintOf(token));

  describe('kubernetes', () => {
    const words = [SWORN, 'credential', 'kubernetes'];
    const asked = (apiVersion: unknown): Record<string, string> => ({
      KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } }),
    });

    it('answers in the version that it is asked in, with a time that the client may rely on', async () => {
      for (const version of ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']) {
        const answer = JSON.parse((await run(words, asked(version))).stdout);
        assert.deepEqual(Object.keys(answer).sort(), ['apiVersion', 'kind', 'status']);
        assert.deepEqual([answer.apiVersion, answer.kind], [version, 'ExecCredential']);
        assert.deepEqual(Object.keys(answer.status).sort(), ['expirationTimestamp', 'token']);
        assert.ok(wasGiven(answer.status.token));
        assert.match(answer.status.expirationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        assert.ok(Math.abs(Date.parse(answer.status.expirationTimestamp) - Date.now() - 900_000) < 60_000);
      }
    });

    it('refuses versions that it does not know, and prints nothing then', async () => {
      for (const info of [asked('client.authentication.k8s.io/v1alpha1'), asked(1), { KUBERNETES_EXEC_INFO: 'x' }]) {
        const { code, stdout, stderr } = await fails(words, info);
        assert.deepEqual([code, stdout], [2, '']);
        assert.match(stderr, /version that is not known/);
      }
    });

    const skip = !has('kubectl', 'version', '--client') && 'this machine has no kubectl';
    it('lets kubectl in', { skip }, async () => {
      const seen: (string | undefined)[] = [];
      const { keyPem, certificatePem } = await (await createCertificateAuthority('test')).issueServerCertificate([
        'localhost',
      ]);
      const server = createServer({ key: keyPem, cert: certificatePem }, (request, response) => {
        seen.push(request.headers.authorization);
        response.setHeader('content-type', 'application/json').end('{"kind":"APIVersions","versions":["v1"]}');
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const kubeconfig = join(home, 'kubeconfig');
        const exec = {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: SWORN,
          args: ['credential', 'kubernetes'],
        };
        writeFileSync(
          kubeconfig,
          JSON.stringify({
            ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
            clusters: [
              { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
            ],
            contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
            users: [{ name: 'u', user: { exec: { ...exec, interactiveMode: 'Never' } } }],
          }),
        );
        const { stdout } = await run(['kubectl', '--kubeconfig', kubeconfig, 'get', '--raw', '/api']);
        assert.match(stdout, /APIVersions/);
        assert.ok(seen.length > 0 && seen.every((header) => wasGiven(header?.replace('Bearer ', '') ?? '')));
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  });

  describe('git', () => {
    const helper = (more = ''): readonly string[] => [
      ...['git', '-c', 'credential.useHttpPath=false', '-c', 'credential.helper='],
      ...['-c', `credential.helper=!'${SWORN}' credential git ${more}`, 'credential'],
    ];
    const environment = { GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1', GIT_ASKPASS: '/bin/false' };
    const question = (host: string, protocol = 'https'): string => `protocol=${protocol}\nhost=${host}\n\n`;
    const fill = async (host: string): Promise<Record<string, string>> => {
      const { stdout } = await run([...helper(), 'fill'], environment, question(host));
      return Object.fromEntries(stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split(/=(.*)/s)])));
    };

    it('gives git a password for Azure DevOps', async () => {
      for (const host of ['dev.azure.com', 'contoso.visualstudio.com']) {
        const filled = await fill(host);
        assert.equal(filled['username'], 'sworn');
        assert.ok(wasGiven(filled['password'] ?? ''), host);
      }
    });

    it('gives nothing to other hosts, and nothing over plain HTTP, unless it is told to', async () => {
      for (const [host, protocol] of [
        ['github.example', 'https'],
        ['dev.azure.com.evil.example', 'https'],
        ['evil.example/.visualstudio.com', 'https'],
        ['a.b.visualstudio.com', 'https'],
        ['dev.azure.com', 'http'],
      ] as const) {
        const { stderr, stdout } = await fails([...helper(), 'fill'], environment, question(host, protocol));
        assert.doesNotMatch(stdout, /password/, host);
        assert.match(stderr, /terminal prompts disabled|could not read|unable to/i, host);
      }
      const told = [...helper('--host tfs.example'), 'fill'];
      assert.match((await run(told, environment, question('tfs.example'))).stdout, /^password=/m);
    });

    it('takes store and erase, and keeps nothing', async () => {
      for (const action of ['approve', 'reject']) {
        const text = question('dev.azure.com').replace('\n\n', '\nusername=sworn\npassword=x\n\n');
        assert.equal((await run([...helper(), action], environment, text)).stdout, '');
      }
    });

    it('gives a bearer token to a git that says that it can take one', async () => {
      const text = question('dev.azure.com').replace('\n\n', '\ncapability[]=authtype\n\n');
      const { stdout } = await run([SWORN, 'credential', 'git', 'get'], {}, text);
      assert.match(
        stdout,
        /^capability\[\]=authtype\nauthtype=Bearer\ncredential=\S+\nephemeral=1\npassword_expiry_utc=\d+\n$/,
      );
    });

    it('says why there is none', async () => {
      const { code, err } = await runSworn(['credential', 'git', '--socket', stage.socket, 'get'], {
        input: question('dev.azure.com'),
      });
      assert.equal(code, 1);
      assert.match(err, /SWORN_BROKER_NOT_A_WORKLOAD/);
    });
  });

  describe('az', () => {
    const words = [SWORN, 'credential', 'az'];

    it('answers the unmodified @azure/identity, which takes it for the Azure CLI', async () => {
      const bin = join(home, 'bin');
      mkdirSync(bin);
      writeFileSync(join(bin, 'az'), `#!/bin/sh\nexec '${SWORN}' credential az "$@"\n`, { mode: 0o755 });
      const program = `
        import { AzureCliCredential } from '@azure/identity';
        const { token, expiresOnTimestamp } = await new AzureCliCredential({ tenantId: '${TENANT}' }).getToken('${VAULT}/.default');
        console.log(JSON.stringify({ token, inS: (expiresOnTimestamp - Date.now()) / 1000 }));`;
      const { stdout } = await run(
        ['sh', '-c', `cd '${root}' && exec "$0" --input-type=module --eval "$1"`, node, program],
        { PATH: `${bin}:${process.env['PATH']}` },
      );
      const { token, inS } = JSON.parse(stdout);
      assert.ok(wasGiven(token));
      assert.ok(Math.abs(inS - 900) < 60);
    });

    it('knows one question and no other', async () => {
      const question = ['account', 'get-access-token'];
      const scope = await run([...words, ...question, '--scope', `${VAULT}/.default`, '-o', 'json', '-t', TENANT]);
      assert.ok(wasGiven(JSON.parse(scope.stdout).accessToken));
      for (const [wrong, reason] of [
        [['login'], /not the Azure CLI/],
        [question, /neither --resource nor --scope/],
        [[...question, '--resource', VAULT, '--output', 'tsv'], /only JSON/],
        [[...question, '--resource', VAULT, '--subscription', 'x'], /Unknown option '--subscription'/],
        [[...question, '--resource', VAULT, '--tenant', VAULT], /not of the one asked for/],
      ] as const) {
        const { stdout, stderr } = await fails([...words, ...wrong]);
        assert.equal(stdout, '');
        assert.match(stderr, reason);
      }
    });
  });
});
