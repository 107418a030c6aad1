// SPDX-License-Identifier: Apache-2.0

/**
 * getent, dig, curl (also over HTTPS), Node and Go's own resolver against the log of a real resolver, at port 53 of a network
 * namespace of its own.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dnsmasqArguments } from '../../../agent/protocol/dns/capture/dnsmasq.ts';
import { fromDebian } from '../../runtimes/toolbox.ts';
import { buildGoProgram, type GoProgram, whyNoGo } from '../log/go-program.ts';
import { assertWhole } from '../recording/accounts.ts';
import type { RunRecord } from '../recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';

const START_MS_MAX = 30_000;

describe('clients of DNS against the log of dnsmasq', { skip: whyNoRecording() || whyNoGo() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-dns-'));
  let server: ChildProcess | undefined;
  let overHttps: ChildProcess | undefined;
  let asker: GoProgram;
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
    asker = buildGoProgram('asker', import.meta.dirname);
    const enter = ['nsenter', '-t', String(started.pid), '-n', '-m'];
    const https = spawn('nsenter', [...enter.slice(1), asker.path, 'serve', '127.0.0.1:53'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    overHttps = https;
    const [said] = (await once(createInterface({ input: https.stdout }), 'line')) as [string];
    const httpsPort = said.replace('listens on ', '');
    recording = await startRecording({ identities: ['dns-agent'] });
    const inside = (...command: string[]) => recording.run('dns-agent', [...enter, ...command]);
    await inside('getent', 'ahosts', 'alias.example.test');
    const dig = fromDebian('dig', 'bind9-dnsutils');
    await inside(dig, 'example.test', 'MX', 'svc.example.test', 'HTTPS', 'missing.example.test', 'A');
    await inside(dig, '+bufsize=512', 'large.example.test', 'TXT');
    const ask = `require('node:dns').resolve4('www.example.test', (error, found) => console.log(error, found))`;
    await inside(node, '-e', ask);
    // Nobody listens there: the connection fails, and has its name.
    await inside('sh', '-c', 'curl -s http://local.example.test:8099/ || true');
    await inside(asker.path, 'visit', 'alias.example.test:8098', 'missing.example.test:8098');
    const doh = `--doh-insecure --doh-url https://127.0.0.1:${httpsPort}/dns-query`;
    await inside('sh', '-c', `curl -s ${doh} http://local.example.test:8097/ || true`);
    record = await recording.finish();
  });

  after(async () => {
    await recording?.stop();
    overHttps?.stdin?.end();
    server?.kill();
    asker?.remove();
    rmSync(folder, { recursive: true });
  });

  test('nothing is lost', () => assertWhole(record));

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

  test('questions over HTTPS are questions of DNS, at the server that was asked', () => {
    const asked = record.commands.filter(({ attributes }) => attributes['http_path'] === '/dns-query');
    assert.deepEqual(
      asked.map(({ protocol, operation, resource }) => [protocol, operation, resource].join(' ')).sort(),
      ['dns A local.example.test', 'dns AAAA local.example.test'],
    );
    assert.ok(asked.every(({ target }) => target.startsWith('127.0.0.1:')));
  });

  test('a connection has the name that its address was found by', () => {
    const places = [
      [8099, 'local.example.test'],
      [8098, 'alias.example.test'],
      [8097, 'local.example.test'],
    ] as const;
    for (const [port, name] of places) {
      const found = record.connections.filter(({ remotePort }) => remotePort === port);
      assert.ok(found.length > 0, name);
      for (const { attributes } of found) assert.equal(attributes['remote_name'], name);
    }
  });
});
