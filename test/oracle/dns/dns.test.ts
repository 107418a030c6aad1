// SPDX-License-Identifier: Apache-2.0

/** getent, dig, curl and Node against the log of a real resolver, at port 53 of a network namespace of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dnsmasqArguments } from '../../../agent/protocol/dns/capture/dnsmasq.ts';
import { fromDebian } from '../../runtimes/toolbox.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const START_MS_MAX = 30_000;

describe('clients of DNS against the log of dnsmasq', { skip: whyNoRecording() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-dns-'));
  let server: ChildProcess | undefined;
  let recording: Recording;
  let record: RunRecord;
  let log = '';

  before(async () => {
    const program = fromDebian('/usr/sbin/dnsmasq', 'dnsmasq-base');
    const resolver = join(folder, 'resolv.conf');
    writeFileSync(resolver, 'nameserver 127.0.0.1\n');
    const script = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
    const words = ['-n', '-m', 'sh', '-c', script, 'sh', resolver, program, ...dnsmasqArguments(53)];
    const started = spawn('unshare', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    server = started;
    started.stderr.on('data', (bytes: Buffer) => {
      log += bytes.toString();
    });
    for (const end = Date.now() + START_MS_MAX; !/started, version/.test(log); await sleep(20))
      if (Date.now() > end) throw new Error(`dnsmasq does not come: ${log}`);
    recording = await startRecording({ identities: ['dns-agent'] });
    const inside = (...command: string[]) =>
      recording.run('dns-agent', ['nsenter', '-t', String(started.pid), '-n', '-m', ...command]);
    await inside('getent', 'ahosts', 'alias.example.test');
    const dig = fromDebian('dig', 'bind9-dnsutils');
    await inside(dig, 'example.test', 'MX', 'svc.example.test', 'HTTPS', 'missing.example.test', 'A');
    await inside(dig, '+bufsize=512', 'large.example.test', 'TXT');
    const ask = `require('node:dns').resolve4('www.example.test', (error, found) => console.log(error, found))`;
    await inside(node, '-e', ask);
    // Nobody listens there: the connection fails, and has its name.
    await inside('sh', '-c', 'curl -s http://local.example.test:8099/ || true');
    record = await recording.finish();
  });

  after(async () => {
    await recording?.stop();
    server?.kill();
    rmSync(folder, { recursive: true });
  });

  test('every query that the server has in its log is recorded once, and no other', () => {
    const logged = [...log.matchAll(/query\[([\w=]+)\] (\S+) from/g)].map(
      ([, type, name]) => `${type?.replace(/^type=/, 'TYPE').replace('TYPE65', 'HTTPS')} ${name}`,
    );
    const asked = record.commands.filter(({ protocol }) => protocol === 'dns');
    assert.deepEqual(asked.map(({ operation, resource }) => `${operation} ${resource}`).sort(), logged.sort());
    assert.ok(logged.length >= 9, log);
    assert.ok(asked.every(({ status }) => String(status) !== 'unknown'));
    assert.ok(asked.some(({ errorCode }) => errorCode === 'NXDOMAIN'));
  });

  test('what did not fit a datagram was asked again over TCP, and both are read', () => {
    const large = record.commands.filter(({ resource }) => resource === 'large.example.test');
    assert.deepEqual(
      large.map(({ attributes }) => attributes['reply_truncated']),
      ['true', undefined],
    );
  });

  test('a connection has the name that its address was found by', () => {
    const curl = record.connections.filter(({ remotePort }) => remotePort === 8099);
    assert.ok(curl.length > 0);
    for (const { attributes } of curl) assert.equal(attributes['remote_name'], 'local.example.test');
  });
});
