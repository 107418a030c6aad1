// SPDX-License-Identifier: Apache-2.0

/** Secrets that real TLS programs derive, as probes see them, compared with what those programs log themselves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import type { ProbeKind } from '../../agent/model/code-image.ts';
import type { SecretDerived } from '../../agent/model/kernel-event.ts';
import type { TlsSecret } from '../../agent/model/tls-secret.ts';
import { freePort } from '../../deploy/testing/free-ports.ts';
import { unless } from './bpf-host.ts';
import { fileOffsetOf, keyLogLines, offsetOf, serverFiles } from './key-log.ts';
import { Observer, type Run } from './observer.ts';
import { scratchFolder } from './trigger.ts';

const VERSIONS: readonly SecureVersion[] = ['TLSv1.3', 'TLSv1.2'];
const LABELS: Readonly<Record<string, string>> = {
  CLIENT_EARLY_TRAFFIC_SECRET: 'client-early',
  CLIENT_HANDSHAKE_TRAFFIC_SECRET: 'client-handshake',
  SERVER_HANDSHAKE_TRAFFIC_SECRET: 'server-handshake',
  CLIENT_TRAFFIC_SECRET_0: 'client-application',
  SERVER_TRAFFIC_SECRET_0: 'server-application',
};

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const kindOf = (label: string): TlsSecret['kind'] => (label === 'CLIENT_RANDOM' ? 'master' : 'traffic');

function secretsOf(run: Run): TlsSecret[] {
  return run.of('secret-derived').map((event: SecretDerived) => event.secret);
}

/** Each secret of the key log was told, and no other; a connection may derive the same one twice. */
function assertLogged(secrets: readonly TlsSecret[], keyLog: string): void {
  const lines = keyLogLines(keyLog);
  assert.ok(lines.length > 0, 'the program has logged secrets');
  const told = new Set(secrets.map(({ kind, secret }) => `${kind} ${hex(secret)}`));
  assert.deepEqual([...told].sort(), lines.map(({ label, secret }) => `${kindOf(label)} ${secret}`).sort());
  for (const { label, clientRandom, secret } of lines) {
    const one = secrets.find((candidate) => hex(candidate.secret) === secret);
    if (one?.clientRandom !== undefined) assert.equal(hex(one.clientRandom), clientRandom);
    if (one?.kind === 'traffic' && one.label !== undefined) assert.equal(one.label, LABELS[label]);
    if (one?.kind === 'master') assert.equal(one.clientRandom.length, 32);
  }
}

describe('secrets of TLS', unless('bpf', 'gcc'), () => {
  let observer: Observer;
  let server: Server;
  let port: string;
  const probes = new Map<string, number>();

  before(async () => {
    observer = await Observer.open();
    const { key, cert } = serverFiles();
    const read = (path: string): Buffer => execFileSync('cat', [path]);
    server = createServer({ key: read(key), cert: read(cert) }, (_, response) => response.end('it is so'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = String((server.address() as AddressInfo).port);
  });
  after(async () => {
    server?.close();
    await observer?.close();
  });

  function probe(path: string, offset: number, kind: ProbeKind = 'openssl-kdf'): void {
    if (!probes.has(path)) probes.set(path, observer.source.attach(kind, path, offset));
  }

  function probeOpenssl(): void {
    const linked = execFileSync('ldd', ['/usr/bin/openssl'], { encoding: 'utf8' });
    const library = /=> (\S*libcrypto\.so\.3)/.exec(linked)?.[1];
    assert.ok(library !== undefined, 'openssl is linked with libcrypto.so.3');
    const path = execFileSync('readlink', ['-f', library], { encoding: 'utf8' }).trim();
    probe(path, offsetOf(path, 'EVP_KDF_derive'));
  }

  const keyLogPath = (name: string): string => join(scratchFolder(), `${name}.keylog`);

  for (const version of VERSIONS) {
    const flag = version === 'TLSv1.3' ? '-tls1_3' : '-tls1_2';
    const max = version === 'TLSv1.3' ? '1.3' : '1.2';

    test(`openssl s_client, ${version}`, async () => {
      probeOpenssl();
      const keyLog = keyLogPath(`s_client${flag}`);
      // It talks to its standard error, which is a unix socket of the test runner that no end will be told of.
      const command = `exec openssl s_client -connect 127.0.0.1:${port} ${flag} -keylogfile ${keyLog} 2>/dev/null`;
      const run = await observer.run('sh', ['-c', command]);
      assertLogged(secretsOf(run), keyLog);
    });

    test(`curl, ${version}`, async () => {
      probeOpenssl();
      const keyLog = keyLogPath(`curl${flag}`);
      const run = await observer.run('curl', ['-sk', `--tls-max`, max, `https://127.0.0.1:${port}/`], {
        env: { ...(process.env as Record<string, string>), SSLKEYLOGFILE: keyLog },
      });
      assert.equal(run.output, 'it is so');
      assertLogged(secretsOf(run), keyLog);
    });

    test(`openssl s_server, ${version}`, async () => {
      probeOpenssl();
      const keyLog = keyLogPath(`s_server${flag}`);
      const { key, cert } = serverFiles();
      const files = ['-key', key, '-cert', cert, '-keylogfile', keyLog];
      const ownPort = await freePort();
      const run = observer.start('openssl', [
        's_server',
        ...files,
        '-accept',
        `127.0.0.1:${ownPort}`,
        '-naccept',
        '1',
        '-www',
      ]);
      await talk(ownPort, version);
      await run.finished();
      assertLogged(secretsOf(run), keyLog);
    });

    test(`Node, which has OpenSSL inside, ${version}`, async () => {
      probe(process.execPath, offsetOf(process.execPath, 'EVP_KDF_derive'));
      const keyLog = keyLogPath(`node${flag}`);
      const code = `require('https').get({host:'127.0.0.1',port:${port},rejectUnauthorized:false,agent:false,maxVersion:'${version}'},(r)=>r.resume())`;
      const run = await observer.run(process.execPath, [`--tls-keylog=${keyLog}`, '-e', code]);
      assertLogged(secretsOf(run), keyLog);
    });

    test(`a Go program, with symbols and without, ${version}`, async () => {
      const { program, stripped, offset } = goClient();
      for (const path of [program, stripped]) {
        probe(path, offset, 'go-key-log');
        const keyLog = keyLogPath(`go${flag}${path === stripped ? '-stripped' : ''}`);
        const run = await observer.run(path, [`https://127.0.0.1:${port}/`, max, keyLog]);
        assert.equal(run.output, 'it is so\n');
        assertLogged(secretsOf(run), keyLog);
        for (const secret of secretsOf(run)) assert.equal(secret.clientRandom?.length, 32);
      }
    });
  }

  test('a secret is told before the first byte that was encrypted with it', async () => {
    probeOpenssl();
    const run = await observer.run('curl', ['-sk', '--tls-max', '1.2', `https://127.0.0.1:${port}/`]);
    const order = observer.orderOf(run.sessionKey);
    const secretAt = order.findIndex(({ type }) => type === 'secret-derived');
    // 0x17: the first record of application data.
    const recordAt = order.findIndex((event) => event.type === 'bytes-moved' && event.firstByte === 0x17);
    assert.ok(secretAt >= 0 && recordAt > secretAt, `secret ${secretAt}, record ${recordAt}`);
  });

  test('of an outsider nothing is told', async () => {
    probeOpenssl();
    const before = observer.events.filter(({ type }) => type === 'secret-derived').length;
    const hits = (): number => observer.source.probes().reduce((sum, one) => sum + one.hits, 0);
    const hitsBefore = hits();
    const outside = observer.start('curl', ['-sk', `https://127.0.0.1:${port}/`], { outside: true });
    await outside.ended;
    assert.equal(outside.output, 'it is so');
    // What comes behind it in the ring is there, so what was before it would be.
    await observer.run('true', []);
    assert.equal(observer.events.filter(({ type }) => type === 'secret-derived').length, before);
    assert.equal(hits(), hitsBefore);
  });

  test('the canary is counted, and its secrets are nobody’s', async () => {
    probeOpenssl();
    const before = observer.events.filter(({ type }) => type === 'secret-derived').length;
    const hits = (): number => observer.source.probes().reduce((sum, one) => sum + one.hits, 0);
    const hitsBefore = hits();
    const canary = observer.start('curl', ['-sk', `https://127.0.0.1:${port}/`], {
      outside: true,
      beforeItRuns: (pid) => observer.source.setCanary(pid),
    });
    await canary.ended;
    observer.source.setCanary(0);
    await observer.run('true', []);
    assert.ok(hits() > hitsBefore);
    assert.equal(observer.events.filter(({ type }) => type === 'secret-derived').length, before);
  });

  async function talk(at: number, version: SecureVersion): Promise<void> {
    for (;;) {
      const socket = connectTls({ host: '127.0.0.1', port: at, rejectUnauthorized: false, maxVersion: version });
      try {
        await once(socket, 'secureConnect');
        socket.write('GET / HTTP/1.0\r\n\r\n');
        socket.resume();
        await once(socket, 'close');
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      }
    }
  }
});

const GO_CLIENT = `package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	log, _ := os.OpenFile(os.Args[3], os.O_CREATE|os.O_WRONLY, 0600)
	config := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: log}
	if os.Args[2] == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	response, err := client.Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	body, _ := io.ReadAll(response.Body)
	fmt.Println(string(body))
}
`;

let builtGo: { readonly program: string; readonly stripped: string; readonly offset: number } | undefined;

function goClient(): { readonly program: string; readonly stripped: string; readonly offset: number } {
  if (builtGo !== undefined) return builtGo;
  const folder = join(scratchFolder(), 'go-client');
  mkdirSync(folder);
  writeFileSync(join(folder, 'main.go'), GO_CLIENT);
  const program = join(folder, 'client');
  const stripped = join(folder, 'client-stripped');
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GO111MODULE: 'off' };
  execFileSync('go', ['build', '-o', program, 'main.go'], { cwd: folder, env });
  execFileSync('go', ['build', '-ldflags=-s -w', '-o', stripped, 'main.go'], { cwd: folder, env });
  const symbols = execFileSync('go', ['tool', 'nm', program], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const address = /^\s*([0-9a-f]+) T crypto\/tls\.\(\*Config\)\.writeKeyLog$/m.exec(symbols)?.[1];
  assert.ok(address !== undefined, 'the program has writeKeyLog');
  builtGo = { program, stripped, offset: fileOffsetOf(program, Number.parseInt(address, 16)) };
  return builtGo;
}
