// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures beside it anew: `bin/node agent/tls/capture.ts [name]`. Real peers talk TLS on loopback through a
 * proxy that writes the ciphertext down; what each end says that it sent and received must be the same, and is kept with
 * the secrets. Needs openssl, gnutls-cli and go; the certificates are made here and good for nothing else.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as streamText } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { type Recorder, record } from '../protocol/http1/capture/recorder.ts';
import type { Script } from '../protocol/testing/script.ts';
import { type Endpoint, freePort, nodeClient, nodeServer, program, until } from './capture/endpoints.ts';
import { type Expected, writeTlsCapture } from './capture/tls-capture.ts';

/** What is said; each part is answered before the next. 'K' and 'R' are commands that openssl obeys. */
type Part = { readonly client: Buffer; readonly server: Buffer; readonly before?: readonly [Endpoint, string] };

const folder = mkdtempSync(join(tmpdir(), 'tls-capture-'));
const wanted = process.argv[2];
const path = (name: string): string => join(folder, name);
const openssl = (...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8', cwd: folder });
  assert.equal(status, 0, stderr);
  return stdout;
};
for (const [name, key] of [
  ['rsa', ['rsa:2048']],
  ['ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']],
  ['user', ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']],
] as const) {
  const subject = name === 'user' ? '/O=Example/CN=user.example' : `/O=Example/CN=${name}.example`;
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  openssl('req', '-x509', '-newkey', ...key, '-nodes', '-days', '3650', '-subj', subject, ...files);
}
const rsa = { key: readFileSync(path('rsa.key')), cert: readFileSync(path('rsa.crt')) };
const ec = { key: readFileSync(path('ec.key')), cert: readFileSync(path('ec.crt')) };
const user = { key: readFileSync(path('user.key')), cert: readFileSync(path('user.crt')) };
const opensslVersion = spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout.split(' ').slice(0, 2).join(' ');
const NODE = `Node.js ${process.versions.node}, OpenSSL ${process.versions.openssl}`;
const date = new Date().toISOString().slice(0, 10);

/** Lines that no program takes for a command, different in each byte's neighbourhood. */
function text(seed: string, bytes: number): Buffer {
  let out = '';
  for (let i = 0; out.length < bytes; i++) out += `${seed} line ${i} of a conversation\n`;
  return Buffer.from(`${out.slice(0, bytes - 1)}\n`, 'latin1');
}

const SHORT: readonly Part[] = [
  { client: text('a client', 60), server: text('the server', 90) },
  { client: text('second', 200), server: text('again', 700) },
  { client: text('x', 5), server: text('last', 40) },
];
const LONG: readonly Part[] = [
  { client: text('upload', 20_000), server: text('small', 30) },
  { client: text('more', 64), server: text('download', 45_000) },
];

const AFTERWARDS: readonly Part[] = [
  { client: text('after that', 100), server: text('then', 300) },
  { client: text('finally', 80), server: text('goodbye', 60) },
];

async function talk(
  client: Endpoint,
  server: Endpoint,
  parts: readonly Part[],
  exact = true,
): Promise<[Buffer, Buffer]> {
  const said: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)];
  for (const part of parts) {
    if (part.before !== undefined) {
      part.before[0].write(Buffer.from(part.before[1]));
      await delay(150);
    }
    client.write(part.client);
    said[0] = Buffer.concat([said[0], part.client]);
    await until('the server has it', () => holds(server.received(), exact ? said[0] : part.client));
    server.write(part.server);
    said[1] = Buffer.concat([said[1], part.server]);
    await until('the client has it', () => holds(client.received(), exact ? said[1] : part.server));
  }
  return said;
}

function holds(received: Buffer, said: Buffer): boolean {
  return received.includes(said);
}

/** What resumed.go tells; bytes in base64. */
interface GoConnection {
  readonly Client: string;
  readonly Server: string;
  readonly Suite: string;
  readonly Resumed: boolean;
  readonly KeyLog: readonly string[] | null;
}

interface Kept {
  readonly name: string;
  readonly server: string;
  readonly client: string;
  readonly command: string;
  readonly recorder: Recorder;
  readonly index?: number;
  readonly said: readonly [Buffer, Buffer];
  readonly expected: Omit<Expected, 'client' | 'server'>;
}

function keep({ name, server, client, command, recorder, index = 0, said, expected }: Kept): void {
  const script = recorder.scripts[index] ?? [];
  recorder.close();
  const note = { server, client, command: command.replaceAll(`${folder}/`, ''), date };
  const plain = { client: said[0].toString('base64'), server: said[1].toString('base64') };
  writeTlsCapture({ name, note, script, expected: { ...expected, ...plain } });
  console.log(name);
}

function clientRandomOf(script: Script): string {
  const first = script.find((step) => step.kind === 'bytes')!;
  return first.kind === 'bytes' ? Buffer.from(first.bytes.subarray(11, 43)).toString('hex') : '';
}

const sha256 = (pem: Buffer): string => createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');

async function nodes(
  name: string,
  serverOptions: TlsOptions,
  clientOptions: ConnectionOptions,
  { parts = SHORT, resume = false, renegotiate = false } = {},
): Promise<void> {
  if (wanted !== undefined && wanted !== name) return;
  const server = await nodeServer({ ...rsa, ...serverOptions });
  const recorder = await record(server.port);
  const options = { port: recorder.port, servername: 'rsa.example', ...clientOptions };
  let session: Buffer | undefined;
  if (resume) {
    const first = await nodeClient(options);
    first.socket.on('session', (ticket) => {
      session = ticket;
    });
    await until('the server has it', () => server.endpoints[0] !== undefined);
    await talk(first.endpoint, server.endpoints[0]!, SHORT.slice(0, 1));
    // Before TLS 1.3 it is there with the handshake, and no event tells of it by now.
    if (first.socket.getProtocol() !== 'TLSv1.3') session = first.socket.getSession();
    await until('there is a session', () => session !== undefined);
    first.endpoint.end();
    await first.endpoint.closed;
  }
  const before = server.keyLog.length;
  const { endpoint, socket } = await nodeClient({ ...options, session });
  const index = resume ? 1 : 0;
  await until('the server has it', () => server.endpoints[index] !== undefined);
  let said = await talk(endpoint, server.endpoints[index]!, parts);
  if (renegotiate) {
    await new Promise<void>((resolve, reject) =>
      socket.renegotiate({ rejectUnauthorized: false }, (error) => (error ? reject(error) : resolve())),
    );
    const all = [...parts, ...SHORT];
    said = await talk(endpoint, server.endpoints[index]!, []);
    for (const part of SHORT) {
      endpoint.write(part.client);
      server.endpoints[index]!.write(part.server);
    }
    said = [Buffer.concat(all.map((part) => part.client)), Buffer.concat(all.map((part) => part.server))];
  }
  await until('the server has all', () => server.endpoints[index]!.received().equals(said[0]));
  await until('the client has all', () => endpoint.received().equals(said[1]));
  endpoint.end();
  await endpoint.closed;
  await delay(20);
  const own = serverOptions.cert === ec.cert ? ec.cert : rsa.cert;
  const shown = {
    certificate: resume ? '' : sha256(own),
    clientCertificate: clientOptions.cert ? sha256(user.cert) : '',
  };
  const keyLog = renegotiate ? server.keyLog : server.keyLog.slice(before);
  const expected = { keyLog, ...server.facts[index]!, ...shown };
  keep({ name, server: NODE, client: NODE, command: 'node:tls', recorder, index, said, expected });
  server.close();
}

const TLS12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const WEAK = ':@SECLEVEL=0';

for (const suite of [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
]) {
  const ciphers = suite + (suite.includes('CCM') ? ':DEFAULT:@SECLEVEL=0' : '');
  await nodes(`node-1.3-${suite.slice(4).toLowerCase()}`, { ciphers }, { ciphers });
}
const alpn = { ALPNProtocols: ['h2', 'http/1.1'] };
await nodes('node-1.3-alpn-long', { ...alpn, ...ec }, alpn, { parts: LONG });
await nodes('node-1.3-retry', { ecdhCurve: 'P-384' }, { ecdhCurve: 'X25519:P-384' });
await nodes('node-1.3-resumed', {}, {}, { resume: true });
await nodes('node-1.3-client-certificate', { requestCert: true, rejectUnauthorized: false }, { ...user });
for (const [openssl, certificate] of [
  ['ECDHE-RSA-AES128-GCM-SHA256', rsa],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', ec],
  ['ECDHE-ECDSA-AES128-CCM', ec],
  ['ECDHE-ECDSA-AES256-CCM8', ec],
  ['ECDHE-RSA-CHACHA20-POLY1305', rsa],
  ['ECDHE-RSA-AES128-SHA', rsa],
  ['ECDHE-RSA-AES256-SHA384', rsa],
  ['AES128-SHA256', rsa],
] as const) {
  const ciphers = openssl + WEAK;
  await nodes(`node-1.2-${openssl.toLowerCase()}`, { ...TLS12, ...certificate, ciphers }, { ...TLS12, ciphers });
}
const gcm = { ...TLS12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' };
await nodes('node-1.2-alpn-long', { ...gcm, ...alpn }, { ...gcm, ...alpn }, { parts: LONG });
await nodes('node-1.2-resumed-by-ticket', gcm, gcm, { resume: true });
await nodes('node-1.2-renegotiated', gcm, gcm, { renegotiate: true });
await nodes(
  'node-1.2-client-certificate',
  { ...gcm, requestCert: true, rejectUnauthorized: false },
  { ...gcm, ...user },
);
const noEtm = { secureOptions: 1 << 19 };
const cbc = { ...TLS12, ciphers: `ECDHE-RSA-AES256-SHA${WEAK}` };
await nodes('node-1.2-mac-then-encrypt', { ...cbc, ...noEtm }, cbc);
for (const version of ['TLSv1', 'TLSv1.1'] as const) {
  const old = { minVersion: version, maxVersion: version, ciphers: `ECDHE-RSA-AES128-SHA${WEAK}` };
  await nodes(
    `node-${version.slice(4).replace(/^$/, '1')}${version === 'TLSv1' ? '.0' : ''}`.replace('node-1.0', 'node-1.0'),
    old,
    old,
  );
}

/** `openssl s_client` or another program as the client of Node's server. */
async function programToNode(
  name: string,
  client: string,
  command: (port: number) => readonly string[],
  serverOptions: TlsOptions,
  commands: readonly string[] = [],
): Promise<void> {
  if (wanted !== undefined && wanted !== name) return;
  const server = await nodeServer({ ...rsa, ...serverOptions });
  const recorder = await record(server.port);
  const line = command(recorder.port);
  const end = program(line);
  await until('it is connected', () => server.endpoints[0] !== undefined);
  const parts = SHORT.map((part, i): Part => (commands[i] ? { ...part, before: [end, commands[i]] } : part));
  const said = await talk(end, server.endpoints[0]!, parts, false);
  assert.deepEqual(server.endpoints[0]!.received(), said[0]);
  end.end();
  await end.closed;
  await delay(20);
  const shown = { certificate: sha256(rsa.cert), clientCertificate: '' };
  const expected = { keyLog: server.keyLog, ...server.facts[0]!, ...shown };
  keep({ name, server: NODE, client, command: line.join(' '), recorder, said, expected });
  server.close();
}

const sClient = (port: number, ...more: string[]): string[] => [
  'openssl',
  's_client',
  '-connect',
  `127.0.0.1:${port}`,
  '-servername',
  'rsa.example',
  ...more,
];
await programToNode('openssl-1.3-key-update', opensslVersion, (port) => sClient(port), {}, ['', 'k\n', 'K\n']);
await programToNode('openssl-1.2-renegotiated', opensslVersion, (port) => sClient(port, '-tls1_2'), {}, ['', 'R\n']);
const gnutls = spawnSync('gnutls-cli', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0]!;
for (const [name, priority] of [
  ['gnutls-1.3', 'NORMAL:-VERS-ALL:+VERS-TLS1.3'],
  ['gnutls-1.2-encrypt-then-mac', 'NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC'],
  ['gnutls-1.2-ccm', 'NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CCM:+AES-256-CCM'],
] as const) {
  const command = (port: number) => ['gnutls-cli', '--insecure', '-p', `${port}`, '--priority', priority, '127.0.0.1'];
  const certificate = name.endsWith('ccm') ? { ciphers: `DHE-RSA-AES128-CCM${WEAK}`, dhparam: 'auto' as const } : {};
  await programToNode(name, gnutls, command, certificate);
}
writeFileSync(path('client.go'), readFileSync(new URL('./capture/client.go', import.meta.url)));
const go = spawnSync('go', ['version'], { encoding: 'utf8' })
  .stdout.split(' ')
  .slice(2, 3)
  .join('')
  .replace('go', 'Go ');
assert.equal(spawnSync('go', ['build', '-o', path('go-client'), path('client.go')], { stdio: 'inherit' }).status, 0);
for (const version of ['1.3', '1.2']) {
  await programToNode(`go-${version}`, go, (port) => [path('go-client'), `127.0.0.1:${port}`, version], {});
}

/** A session of three connections, of which Go's key log knows the first only; the others are opened by the same secret. */
async function goSession(name: string): Promise<void> {
  if (wanted !== undefined && wanted !== name) return;
  writeFileSync(path('resumed.go'), readFileSync(new URL('./capture/resumed.go', import.meta.url)));
  const port = await freePort();
  const recorder = await record(port);
  const command = ['go', 'run', 'resumed.go', `${port}`, `127.0.0.1:${recorder.port}`];
  const run = spawn(command[0]!, command.slice(1), { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const connections = (await streamText(run.stdout))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as GoConnection);
  const [, , master] = connections[0]!.KeyLog![0]!.split(' ') as [string, string, string];
  for (const [index, { Client, Server, Suite, Resumed, KeyLog }] of connections.entries()) {
    assert.deepEqual([Resumed, KeyLog?.length ?? 0], [index > 0, index > 0 ? 0 : 1]);
    const script = recorder.scripts[index]!;
    const keyLog = [`CLIENT_RANDOM ${clientRandomOf(script)} ${master}`];
    const shown = { certificate: Resumed ? '' : sha256(rsa.cert), clientCertificate: '' };
    const expected = { keyLog, version: 'TLS 1.2', cipherSuite: Suite, protocol: '', resumed: Resumed, ...shown };
    const said = [Buffer.from(Client, 'base64'), Buffer.from(Server, 'base64')] as const;
    const names = { server: go, client: go, command: command.join(' ') };
    keep({ name: `${name}-${index + 1}`, ...names, recorder, index, said, expected });
  }
}
await goSession('go-1.2-session');

/** openssl on both ends: early data, and what is asked for after the handshake. */
async function openssls(
  name: string,
  serverArguments: readonly string[],
  clientArguments: readonly string[],
  parts: (client: Endpoint, server: Endpoint) => readonly Part[],
  facts: Partial<Expected>,
  early: Buffer = Buffer.alloc(0),
): Promise<void> {
  if (wanted !== undefined && wanted !== name) return;
  const port = await freePort();
  const keys = path(`${name}.keys`);
  const command = [
    'openssl',
    's_server',
    '-accept',
    `127.0.0.1:${port}`,
    '-cert',
    path('rsa.crt'),
    '-key',
    path('rsa.key'),
  ];
  const server = program([...command, '-keylogfile', keys, ...serverArguments]);
  await until('it listens', () => server.received().includes('ACCEPT'));
  const recorder = await record(port);
  const line = sClient(recorder.port, ...clientArguments);
  const client = program(line);
  await until('it is connected', () => client.received().includes('Verify return code'));
  const said = await talk(client, server, parts(client, server), false);
  client.end();
  await client.closed;
  await delay(50);
  server.end();
  await server.closed;
  const keyLog = readFileSync(keys, 'latin1')
    .split('\n')
    .filter((each) => /^[A-Z]/.test(each));
  const expected = {
    keyLog,
    version: 'TLS 1.3',
    cipherSuite: 'TLS_AES_256_GCM_SHA384',
    protocol: '',
    resumed: false,
    ...facts,
  };
  const all = [Buffer.concat([early, said[0]]), said[1]] as const;
  const commandLine = `${[...command, ...serverArguments].join(' ')}; ${line.join(' ')}`;
  keep({ name, server: opensslVersion, client: opensslVersion, command: commandLine, recorder, said: all, expected });
}

await openssls(
  'openssl-1.3-asked-later',
  ['-verify', '1'],
  ['-enable_pha', '-cert', path('user.crt'), '-key', path('user.key')],
  (_, server) => SHORT.map((part, i): Part => (i === 1 ? { ...part, before: [server, 'c\n'] } : part)),
  { certificate: sha256(rsa.cert), clientCertificate: sha256(user.cert) },
);
await openssls(
  'openssl-1.3-key-update-both',
  [],
  [],
  (client, server) =>
    [...SHORT, ...AFTERWARDS].map((part, i): Part => {
      const before: readonly [Endpoint, string] | undefined =
        i === 1 ? [server, 'K\n'] : i === 3 ? [client, 'K\n'] : i === 4 ? [server, 'k\n'] : undefined;
      return before === undefined ? part : { ...part, before };
    }),
  {},
);
await openssls('openssl-1.3-padding', ['-record_padding', '256'], ['-record_padding', '512'], () => SHORT, {});

/** The second connection of a session that the first one began. */
async function resumed(
  name: string,
  serverArguments: readonly string[],
  clientArguments: readonly string[],
  resumedMark: string,
  facts: Omit<Expected, 'keyLog' | 'client' | 'server'>,
  early: Buffer = Buffer.alloc(0),
): Promise<void> {
  if (wanted !== undefined && !name.startsWith(wanted)) return;
  await session(name, serverArguments, clientArguments.slice(0, 1), async (port, keys, server) => {
    const recorder = await record(port);
    const line = sClient(recorder.port, '-sess_in', path(name), ...clientArguments);
    const client = program(line);
    await until('it is resumed', () => client.received().includes(resumedMark));
    client.write(SHORT[0]!.client);
    await until('the server has it', () => server.received().includes(SHORT[0]!.client));
    server.write(SHORT[0]!.server);
    await until('the client has it', () => client.received().includes(SHORT[0]!.server));
    client.end();
    await client.closed;
    const script = recorder.scripts[0]!;
    const random = clientRandomOf(script);
    const keyLog = keys().filter((each) => each.toLowerCase().includes(random));
    const said = [Buffer.concat([early, SHORT[0]!.client]), SHORT[0]!.server] as const;
    const names = { server: opensslVersion, client: opensslVersion };
    keep({ name, ...names, command: line.join(' '), recorder, said, expected: { keyLog, ...facts } });
  });
}

/** A session, kept in a file; its server takes other connections until `during` is done. */
async function session(
  file: string,
  serverArguments: readonly string[],
  clientArguments: readonly string[],
  during: (port: number, keys: () => string[], server: Endpoint) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const command = [
    'openssl',
    's_server',
    '-accept',
    `127.0.0.1:${port}`,
    '-cert',
    path('rsa.crt'),
    '-key',
    path('rsa.key'),
  ];
  const server = program([...command, '-keylogfile', path(`${file}.keys`), ...serverArguments]);
  await until('it listens', () => server.received().includes('ACCEPT'));
  const recorder = await record(port);
  const line = sClient(recorder.port, '-sess_out', path(file), ...clientArguments);
  const client = program(line);
  await until('it is connected', () => client.received().includes('Verify return code'));
  // A server that takes early data reads on, and gives a ticket, when something comes.
  client.write(text('hello', 20));
  await until('there is a session', () => existsSync(path(file)));
  await delay(200);
  client.write(Buffer.from('Q\n'));
  await client.closed;
  const keys = (): string[] =>
    readFileSync(path(`${file}.keys`), 'latin1')
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line));
  if (file.endsWith('-by-id')) {
    const said = [text('hello', 20), Buffer.alloc(0)] as const;
    const shown = { certificate: sha256(rsa.cert), clientCertificate: '' };
    const agreed = { version: 'TLS 1.2', cipherSuite: suite12, protocol: '', resumed: false };
    const names = { server: opensslVersion, client: opensslVersion, command: line.join(' ') };
    keep({ name: `${file}-first`, ...names, recorder, said, expected: { keyLog: keys(), ...agreed, ...shown } });
  } else recorder.close();
  await during(port, keys, server);
  server.end();
  await server.closed;
}

const suite12 = 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384';
const EARLY = text('early', 300);
writeFileSync(path('early'), EARLY);
const facts13 = { version: 'TLS 1.3', cipherSuite: 'TLS_AES_256_GCM_SHA384', protocol: '', certificate: '' };
await resumed(
  'openssl-1.3-early-data',
  ['-early_data', '-no_anti_replay'],
  ['-tls1_3', '-early_data', path('early')],
  'Early data was accepted',
  { ...facts13, resumed: true },
  EARLY,
);
await resumed('openssl-1.2-resumed-by-id', ['-no_ticket'], ['-tls1_2'], 'Reused, TLSv1.2', {
  version: 'TLS 1.2',
  cipherSuite: suite12,
  protocol: '',
  resumed: true,
  certificate: '',
});
if (wanted === undefined || wanted.includes('early-data-')) {
  const begin = path('refused');
  // The next server has other ticket keys, so that it cannot take what the client believes in.
  await session('refused', ['-early_data', '-no_anti_replay'], [], async () => {});
  const earlyArguments = ['-sess_in', begin, '-early_data', path('early')];
  const refused = { certificate: sha256(rsa.cert), clientCertificate: '' };
  await openssls('openssl-1.3-early-data-refused', ['-early_data'], earlyArguments, () => SHORT, refused);
  const retry = [...earlyArguments, '-groups', 'X25519:P-384'];
  await openssls('openssl-1.3-early-data-retry', ['-groups', 'P-384'], retry, () => SHORT, refused);
}
rmSync(folder, { recursive: true });
