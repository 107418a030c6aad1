// SPDX-License-Identifier: Apache-2.0

/** `sworn policy` against a real agent with a broker, about real processes of real workloads. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { createClientCertificate } from '../../test/entra-stand-in/certificates.ts';
import { type Recording, startRecording, whyNoRecording } from '../../test/oracle/recording/recording.ts';
import type { RunningProgram } from '../../test/oracle/recording/workload.ts';
import { assertTame, type Ended, onTerminal, runProgram, runSworn, SWORN } from '../testing/run-sworn.ts';

const SLEEP = realpathSync('/bin/sleep');
const VAULT = 'https://vault.example';
const TENANT = '11111111-2222-3333-4444-555555555555';
const CLIENT = '66666666-7777-8888-9999-000000000000';

const oracle = (path: string): string => execFileSync('sha256sum', ['-b', path], { encoding: 'utf8' }).slice(0, 64);

describe('sworn policy', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let socket = '';
  let configFile = '';
  let config: Record<string, unknown> = {};
  const running: RunningProgram[] = [];

  const policy = (...words: string[]): Promise<Ended> => runSworn(['policy', ...words, '--socket', socket]);
  const check = (pid: number, ...words: string[]): Promise<Ended> => policy('check', '--pid', `${pid}`, ...words);
  const names = async (): Promise<string[]> => {
    const { out } = await policy('list', '--json');
    return (JSON.parse(out) as { policies: { name: string }[] }).policies.map(({ name }) => name);
  };
  const rewrite = (changes: object): void => writeFileSync(configFile, JSON.stringify({ ...config, ...changes }));

  const sleepers = {
    name: 'sleepers',
    match: { workload: 'orders', exe: SLEEP, exe_sha256: oracle(SLEEP), user: 'root' },
    identity: 'orders-app',
    resources: [VAULT],
    advertised_seconds_max: 600,
  };
  const others = {
    name: 'others',
    match: { workload: 'orders', exe: '/opt/other', uid: 5 },
    identity: 'orders-app',
    resources: [VAULT],
    interfaces: ['imds'],
  };

  before(async () => {
    const { keyPem, certificatePem } = await createClientCertificate('orders');
    recording = await startRecording({
      identities: ['orders-app'],
      config: (folder) => {
        const [keyFile, certificateFile] = [join(folder, 'orders.key'), join(folder, 'orders.crt')];
        writeFileSync(keyFile, keyPem, { mode: 0o600 });
        writeFileSync(certificateFile, certificatePem);
        const certificate = { key_file: keyFile, certificate_file: certificateFile };
        return {
          broker: { port: 0 },
          identities: [{ name: 'orders-app', tenant: TENANT, client_id: CLIENT, certificate }],
          workloads: [{ name: 'orders', identity: 'orders-app', select: [{ run: ['root'] }] }],
          policies: [sleepers, others],
        };
      },
    });
    socket = join(recording.folder, 'run/agent.sock');
    configFile = join(recording.folder, 'agent.yaml');
    config = JSON.parse(readFileSync(configFile, 'utf8')) as Record<string, unknown>;
  });
  after(async () => {
    for (const program of running) await program.stop();
    await recording.stop();
  });

  /** A process of the workload that executes that program. */
  async function started(script: string, exe: string): Promise<number> {
    const program = recording.start('orders-app', ['sh', '-c', script]);
    running.push(program);
    const pid = Number(await program.firstLine());
    while (readlinkSync(`/proc/${pid}/exe`) !== exe) await new Promise((resolve) => setTimeout(resolve, 5));
    return pid;
  }

  it('says which policy matches a process, what it would get, and what the others want', async () => {
    const pid = await started('echo $$; exec sleep 600', SLEEP);
    const { code, out, err } = await check(pid);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, new RegExp(`^process ${pid}, workload orders, session \\S+$`, 'm'));
    assert.match(out, new RegExp(`^  exe_sha256   ${oracle(SLEEP)}$`, 'm'));
    assert.match(out, /^policy sleepers matches$/m);
    assert.match(
      out,
      new RegExp(
        `^policy others does not match\n  exe +wants /opt/other, found ${SLEEP}\n  uid +wants 5, found 0$`,
        'm',
      ),
    );
    assert.match(
      out,
      new RegExp(
        `^a token would be asked for\n  as +orders-app \\(app ${CLIENT}, tenant ${TENANT}\\)\n  for +${VAULT}\n  kept +at most 600 s$`,
        'm',
      ),
    );

    const json = JSON.parse((await check(pid, '--json')).out);
    assert.equal(json.process.exe_sha256, oracle(SLEEP));
    assert.deepEqual([json.policy, json.identity.name, json.refused], ['sleepers', 'orders-app', null]);
    assert.deepEqual(json.granted, { resource: VAULT, advertised_seconds_max: 600 });
    assert.deepEqual(
      json.policies.map(({ name, matches }: { name: string; matches: boolean }) => [name, matches]),
      [
        ['sleepers', true],
        ['others', false],
      ],
    );
  });

  it('ends with 1 and the broker’s own reason when no token would be given', async () => {
    const pid = await started('echo $$; exec sleep 600', SLEEP);
    const shell = await started('echo $$; sleep 600; :', realpathSync('/bin/sh'));
    for (const [words, reason] of [
      [[pid, '--resource', 'https://other.example'], 'RESOURCE_NOT_ALLOWED'],
      [[pid, '--interface', 'imds'], 'INTERFACE_NOT_ALLOWED'],
      [[shell], 'NO_BINDING'],
      [[process.pid], 'NOT_A_WORKLOAD'],
    ] as [[number, ...string[]], string][]) {
      const { code, out } = await check(...words);
      assert.equal(code, 1, out);
      assert.match(out, new RegExp(`^no token: .*SWORN_BROKER_${reason}$`, 'm'));
    }
    assert.match(
      (await check(shell)).out,
      /^policy sleepers does not match\n {2}exe +wants .*\n {2}exe_sha256 +wants /m,
    );
  });

  it('asks about the process that started it when none is named', async () => {
    const { stdout: out } = await recording.run('orders-app', [
      'sh',
      '-c',
      `echo $$; '${SWORN}' policy check --socket '${socket}'; :`,
    ]);
    const [pid, first] = out.split('\n');
    assert.match(first ?? '', new RegExp(`^process ${pid}, workload orders, session `));
  });

  it('tells a user of his own processes only', async () => {
    chmodSync(recording.folder, 0o711);
    const nobody = (script: string): Promise<Ended> =>
      runProgram('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', script]);
    const asking = (pid: string): string => `'${SWORN}' policy check --socket '${socket}' --pid ${pid}`;
    const other = await nobody(asking(`${process.pid}`));
    assert.deepEqual([other.code, other.out], [1, '']);
    assert.match(other.err, /only root may ask about processes of others/);
    const gone = await nobody(asking('4194304'));
    assert.equal(gone.err, other.err, 'nor whether there is such a process');
    assert.match((await nobody(`${asking('$$')}; :`)).out, /SWORN_BROKER_NOT_A_WORKLOAD/);
    const reload = await nobody(`'${SWORN}' policy reload --socket '${socket}'`);
    assert.match(reload.err, /only root may change the policies/);
  });

  it('does not let the name of a program act on a terminal', async () => {
    const odd = join(recording.folder, 'a\u001b[2Jb');
    execFileSync('cp', [SLEEP, odd]);
    const pid = await started(`echo $$; exec '${odd}' 600`, odd);
    const { out } = await onTerminal(['policy', 'check', '--socket', socket, '--pid', `${pid}`], 200, {
      environment: { NO_COLOR: '1' },
    });
    assert.match(out, /\\x1b\[2Jb/);
    assertTame(out);
  });

  it('lists the policies', async () => {
    const { code, out } = await policy('list');
    assert.equal(code, 0);
    assert.match(
      out,
      /^sleepers\n {2}match +workload orders, exe .*, exe_sha256 .*, uid 0\n {2}identity +orders-app$/m,
    );
    assert.match(out, /^ {2}asked by +app-service unix\n {2}kept +at most 600 s$/m);
    assert.deepEqual(await names(), ['sleepers', 'others']);
  });

  it('takes a new configuration, names what must wait for a restart, and keeps the old one when the new is broken', async () => {
    const pid = await started('echo $$; exec sleep 600', SLEEP);
    rewrite({
      policies: [{ ...sleepers, match: { workload: 'orders', exe: '/opt/moved' } }],
      capture: { poll_ms: 30 },
    });
    const { code, out } = await policy('reload');
    assert.deepEqual([code, out], [0, '1 policy holds from now on\nafter a restart: capture changed too\n']);
    assert.equal((await check(pid)).code, 1);

    for (const [broken, reason] of [
      [
        { policies: [sleepers, { ...sleepers, name: 'copy' }] },
        /policies\[1\]\.match wants the same as policy sleepers/,
      ],
      [{ policies: [{ ...others, match: { user: 'nobody-is-called-so' } }] }, /there is no user 'nobody-is-called-so'/],
      [{ policies: [{ ...sleepers, resources: ['vault'] }] }, /neither a URI/],
      [
        {
          identities: [
            { ...(config['identities'] as object[])[0], certificate: { key_file: '/no', certificate_file: '/no' } },
          ],
        },
        /\/no/,
      ],
    ] as [object, RegExp][]) {
      rewrite(broken);
      const failed = await policy('reload');
      assert.deepEqual([failed.code, failed.out], [1, ''], failed.err);
      assert.match(failed.err, reason);
      assert.deepEqual(await names(), ['sleepers'], 'the earlier policies hold');
    }

    rewrite({});
    process.kill(await agentPid(), 'SIGHUP');
    while ((await names()).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal((await check(pid)).code, 0);
  });

  it('is checked by `sworn agent --check`, with what hangs on the host and on the credentials', async () => {
    const checked = (): Promise<Ended> => runSworn(['agent', '--check', '--config', configFile]);
    rewrite({});
    assert.equal((await checked()).code, 0);
    const identities = [{ name: 'orders-app', tenant: TENANT, client_id: CLIENT }];
    for (const [broken, reason] of [
      [{ policies: [{ ...others, match: { user: 'nobody-is-called-so' } }] }, /there is no user 'nobody-is-called-so'/],
      [{ policies: [{ ...sleepers, resources: ['vault'] }] }, /policy sleepers: vault is neither a URI/],
      [{ identities }, /policy sleepers: identity orders-app has no credential/],
      [{ policies: [others, { ...others, name: 'copy' }] }, /policies\[1\]\.match wants the same as policy others/],
    ] as [object, RegExp][]) {
      rewrite(broken);
      const { code, out, err } = await checked();
      assert.deepEqual([code, out], [2, ''], err);
      assert.match(err, reason);
    }
    rewrite({});
  });

  it('says what is asked wrongly', async () => {
    for (const words of [['check', '--pid', 'x'], ['check', '--pid', '0'], ['nonsense']]) {
      assert.equal((await policy(...words)).code, 2, words.join(' '));
    }
    assert.match((await check(process.pid, '--interface', 'smoke')).err, /no interface smoke; there are app-service/);
    assert.match((await runSworn(['policy', 'check', '--help'])).out, /Exit codes: 0 a token would be given/);
    assert.equal((await runSworn(['policy', 'list', '--socket', '/nonexistent'])).code, 2);
  });

  /** Who listens on the control socket, as the kernel has it. */
  async function agentPid(): Promise<number> {
    const connection = connect(socket);
    await once(connection, 'connect');
    const { fd } = (connection as unknown as { _handle: { fd: number } })._handle;
    const { pid } = loadAddon().peerOf(fd);
    connection.destroy();
    return pid;
  }
});
