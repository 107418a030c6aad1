// SPDX-License-Identifier: Apache-2.0

/**
 * getent and curl, whose C library asks a real systemd-resolved (nss-resolve, over its socket), against the log of the dnsmasq
 * that it asks: all in namespaces of their own.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dnsmasqArguments } from '../../../agent/protocol/dns/capture/dnsmasq.ts';
import { fromDebian, root, takenOut } from '../../runtimes/toolbox.ts';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const script = join(root, 'agent/protocol/varlink/capture/serve-resolved.sh');
const READY = 'resolved answers';

/** The folder of its one library, whatever the architecture is called. */
function libraryFolder(): string {
  const folder = join(takenOut('libnss-resolve'), 'usr/lib');
  const found = readdirSync(folder).find((name) => existsSync(join(folder, name, 'libnss_resolve.so.2')));
  return join(folder, found ?? '');
}

describe('programs whose C library asks systemd-resolved', { skip: whyNoRecording() }, () => {
  let server: ChildProcess | undefined;
  let recording: Recording;
  let record: RunRecord;
  let log = '';

  before(async () => {
    fromDebian('/usr/sbin/dnsmasq', 'dnsmasq-base');
    const resolved = join(takenOut('systemd-resolved'), 'lib/systemd/systemd-resolved');
    const library = libraryFolder();
    const words = [
      '-n',
      '-m',
      '--kill-child',
      '-p',
      '-f',
      'sh',
      script,
      resolved,
      library,
      '',
      ...dnsmasqArguments(53),
    ];
    const started = spawn('unshare', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    server = started;
    await new Promise<void>((resolve, reject) => {
      started.once('exit', (code) => reject(new Error(`it ended with ${code}: ${log}`)));
      started.stderr.on('data', (bytes: Buffer) => {
        log += bytes.toString();
        if (log.includes(READY)) resolve();
      });
    });
    // It believes nobody whose process it cannot see: clients are in its pid namespace too.
    const pid = readFileSync(`/proc/${started.pid}/task/${started.pid}/children`, 'utf8').trim();
    recording = await startRecording({ identities: ['resolving-agent'] });
    const enter = ['nsenter', '-t', pid, '-n', '-m', '-p', 'env', `LD_LIBRARY_PATH=${library}`];
    const questions = ['ahosts alias.example.test', 'ahosts missing.example.test', 'hosts 192.0.2.10'];
    // Nobody listens where curl goes: the connection fails, and has its name.
    const lines = [...questions.map((one) => `getent ${one}`), 'curl -s http://local.example.test:8099/', 'true'];
    await recording.run('resolving-agent', [...enter, 'sh', '-c', lines.join('; ')]);
    record = await recording.finish();
  });

  after(async () => {
    await recording?.stop();
    if (server?.exitCode === null) {
      const exited = once(server, 'exit');
      server.kill('SIGKILL');
      await exited;
    }
  });

  test('every name that was looked up is recorded, with what became of it', () => {
    const asked = record.commands.filter(({ protocol }) => protocol === 'varlink');
    assert.deepEqual(
      asked.map(({ operation, resource, status, errorCode, attributes }) =>
        [operation, resource, status, errorCode || attributes['addresses']].join(' ').trimEnd(),
      ),
      [
        'ResolveHostname alias.example.test ok ["127.0.0.1"]',
        'ResolveHostname missing.example.test error io.systemd.Resolve.DNSError',
        'ResolveAddress io.systemd.Resolve.ResolveAddress ok',
        'ResolveHostname local.example.test ok ["127.0.0.1"]',
      ],
    );
    const logged = new Set(
      [...log.slice(log.indexOf(READY)).matchAll(/query\[A\] (\S+) from/g)].map(([, name]) => String(name)),
    );
    // What it remembers (where the alias leads) it does not ask again.
    for (const name of logged) assert.ok(asked.map(({ resource }) => resource).includes(name), name);
    assert.ok(logged.has('alias.example.test') && logged.has('missing.example.test'), log);
  });

  test('nothing of it is left over, and the connection has its name', () => {
    const sockets = record.connections.filter(({ protocol, action }) => protocol === 'varlink' && action === 'closed');
    assert.equal(sockets.length, 4);
    for (const { sent, received } of sockets) {
      assert.equal(sent.moved + received.moved, sent.decoded + received.decoded);
    }
    const curl = record.connections.filter(({ remotePort }) => remotePort === 8099);
    assert.ok(curl.length > 0);
    for (const { attributes } of curl) {
      assert.equal(attributes['remote_name'], 'local.example.test');
      assert.equal(attributes['remote_name_by'], 'varlink');
    }
  });
});
