// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { readAgentConfig } from '../config/read-config.ts';
import type { Check } from './check.ts';
import { configChecks } from './config-checks.ts';

const GUID = '11111111-2222-3333-4444-555555555555';

describe('the checks of a configuration', () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-doctor-'));
    for (const name of ['collector', 'other']) {
      const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost', '-days', '2', '-nodes'];
      const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject, ...files],
        { stdio: 'ignore' },
      );
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function check(name: string, change: object): Promise<Check> {
    const config = readAgentConfig(JSON.stringify({ state_dir: at('state'), ...change }), 'x');
    const found = (await configChecks(config)).find((one) => one.name === name);
    assert.ok(found, name);
    assert.equal(found.next === '', found.state === 'ok', 'whatever is not well says what to do');
    return found;
  }
  const collector = (address: string, change: object = {}): object => ({
    collector: {
      address,
      ca_file: at('collector.pem'),
      certificate_file: at('collector.pem'),
      key_file: at('collector.key'),
      ...change,
    },
  });

  it('make the state folder when it is missing, and say what is free', async () => {
    const { state, found } = await check('state folder', {});
    assert.notEqual(state, 'fail');
    assert.match(found, /state, \d+ MiB free$/);
    const bad = await check('state folder', { state_dir: '/dev/null/state' });
    assert.equal(bad.state, 'fail');
    assert.match(bad.next, /state_dir/);
  });

  it('say whose the seal key is, and who else gets at it', async () => {
    const made = await check('seal key', {});
    assert.deepEqual([made.state, made.found], ['ok', `${at('state')}/seal.key is made at the first start`]);
    const own = join(at('state'), 'seal.key');
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(own, pem, { mode: 0o600 });
    assert.match((await check('seal key', {})).found, /seal\.key, mode 0600, of user \d+$/);
    chmodSync(own, 0o640);
    const open = await check('seal key', {});
    assert.deepEqual([open.state, open.next.includes(`chmod 0600 ${own}`)], ['fail', true]);
    writeFileSync(own, 'nothing');
    chmodSync(own, 0o600);
    const none = await check('seal key', {});
    assert.equal(none.state, 'fail');
    assert.match(none.found, /holds no Ed25519 key/);
    rmSync(own);

    const given = at('given.key');
    const seal = { seal: { key_file: given } };
    const missing = await check('seal key', seal);
    assert.deepEqual([missing.state, missing.found], ['fail', `${given} is not there`]);
    writeFileSync(given, pem);
    chmodSync(given, 0o640);
    assert.equal((await check('seal key', seal)).state, 'ok');
    chmodSync(given, 0o660);
    assert.match((await check('seal key', seal)).next, /chmod go-w .*given\.key$/);
    chmodSync(given, 0o600);
    chmodSync(folder, 0o770);
    assert.match((await check('seal key', seal)).next, new RegExp(`chmod go-w ${folder}$`));
    chmodSync(folder, 0o700);
    if (process.getuid?.() === 0) {
      chownSync(given, 64_990, 64_990);
      assert.match((await check('seal key', seal)).next, /chown \d+ .*given\.key$/);
    }
    const credential = await check('seal key', { seal: { key_file: 'credential:seal' } });
    assert.deepEqual([credential.state, credential.found.includes('systemd')], ['ok', true]);
  });

  it('name the workloads, or say that nothing will be recorded', async () => {
    const identities = [{ name: 'a', tenant: GUID, client_id: GUID }];
    const workload = (select: object): object => ({
      identities,
      workloads: [{ name: 'w', identity: 'a', select: [select] }],
    });
    assert.deepEqual(await check('workloads', workload({ user: 'root' })), {
      name: 'workloads',
      state: 'ok',
      found: 'w',
      next: '',
    });
    assert.equal((await check('workloads', {})).state, 'warn');
    const unknown = await check('workloads', workload({ user: 'nobody-is-called-so' }));
    assert.equal(unknown.state, 'fail');
    assert.match(unknown.found, /nobody-is-called-so/);
  });

  it('read key and certificate of each identity that has them', async () => {
    const identity = (keyFile: string): object => ({
      identities: [
        {
          name: 'a',
          tenant: GUID,
          client_id: GUID,
          certificate: { key_file: keyFile, certificate_file: at('collector.pem') },
        },
      ],
    });
    assert.equal((await check('identity a', identity(at('collector.key')))).state, 'ok');
    const missing = await check('identity a', identity(at('gone.key')));
    assert.equal(missing.state, 'fail');
    assert.match(missing.found, /gone\.key/);
    const none = readAgentConfig(
      JSON.stringify({ state_dir: at('state'), identities: [{ name: 'a', tenant: GUID, client_id: GUID }] }),
      'x',
    );
    assert.ok(!(await configChecks(none)).some(({ name }) => name === 'identity a'));
  });

  it('say that without a collector the record stays here', async () => {
    assert.equal((await check('collector', {})).state, 'warn');
  });

  it('fail for files of the collector that are not there, or are no certificates', async () => {
    const missing = await check('collector', collector('localhost:1', { ca_file: at('gone.pem') }));
    assert.equal(missing.state, 'fail');
    assert.match(missing.found, /gone\.pem/);
    assert.match(missing.next, /issue-certificate/);
    writeFileSync(at('garbage.pem'), 'garbage');
    const garbage = await check('collector', collector('localhost:1', { certificate_file: at('garbage.pem') }));
    assert.equal(garbage.state, 'fail');
  });

  it('talk to the collector, and know one that is not the right one', async () => {
    const server = createTlsServer({
      key: readFileSync(at('collector.key')),
      cert: readFileSync(at('collector.pem')),
      ALPNProtocols: ['h2'],
    });
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `localhost:${(server.address() as AddressInfo).port}`;
    try {
      const good = await check('collector', collector(address));
      assert.deepEqual([good.state, good.found], ['ok', `${address} answers`]);
      const wrong = await check('collector', collector(address, { ca_file: at('other.pem') }));
      assert.equal(wrong.state, 'warn', 'the record waits');
      assert.match(wrong.found, /self.signed|certificate/);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('warn when no collector answers, and when something else does', async () => {
    let words = '220 welcome\r\n';
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.end(words);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    assert.equal((await check('collector', collector(`localhost:${port}`))).state, 'warn');
    words = '';
    const silent = await check('collector', collector(`localhost:${port}`));
    assert.match(silent.found, /disconnected|ECONNRESET/, 'it hangs up without a word');
    await new Promise((resolve) => server.close(resolve));
    const gone = await check('collector', collector(`127.0.0.1:${port}`));
    assert.equal(gone.state, 'warn');
    assert.match(gone.found, /ECONNREFUSED/);
  });
});
