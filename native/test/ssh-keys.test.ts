// SPDX-License-Identifier: Apache-2.0

/** Keys that real SSH clients give their ciphers, as probes see them, compared with those that the server has derived. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import type { SshCipherKey } from '../../agent/model/ssh-key.ts';
import { OpenFile } from '../../agent/probe/file-reader.ts';
import { inspectImage } from '../../agent/probe/inspect-image.ts';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';
import { scratchFolder } from './trigger.ts';

const SERVER = join(import.meta.dirname, 'ssh/server.py');
const CLIENTS = join(import.meta.dirname, '../../test/ssh/clients');
const PYTHON = '/usr/bin/python3';
const SAYS = 'it is so';
const OPEN_SSH = '/usr/bin/ssh';

interface Client {
  readonly what: string;
  /** What of it has the probes. */
  readonly file: () => string;
  readonly ciphers: readonly string[];
  readonly command: (port: number, cipher: string) => readonly [string, ...string[]];
  /** The place of the probe tells directions apart. */
  readonly tellsDirection: boolean;
}

const CTR = ['aes128-ctr', 'aes192-ctr', 'aes256-ctr'];
const REST = ['aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com', 'aes256-cbc'];
const ssh = (port: number, cipher: string): string[] => [
  ...['-F', 'none', '-p', String(port), '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
  ...['-o', 'LogLevel=ERROR', '-c', cipher, 'agent@127.0.0.1', SAYS],
];
const pyca = (): string => {
  const folders = execFileSync(PYTHON, ['-c', 'import cryptography as it; print(it.__path__[0])'], {
    encoding: 'utf8',
  });
  const files = globSync(join(folders.trim(), 'hazmat/bindings/*.so'));
  return files.find((file) => file.includes('_openssl')) ?? (files[0] as string);
};

const clients: readonly Client[] = [
  {
    what: 'OpenSSH',
    file: () => OPEN_SSH,
    ciphers: [...CTR, 'aes128-gcm@openssh.com', ...REST],
    command: (port, cipher) => [OPEN_SSH, ...ssh(port, cipher)],
    tellsDirection: true,
  },
  {
    what: 'paramiko',
    file: pyca,
    ciphers: [...CTR, 'aes256-cbc'],
    command: (port, cipher) => [PYTHON, join(CLIENTS, 'paramiko_client.py'), String(port), cipher, '', SAYS],
    tellsDirection: true,
  },
  {
    what: 'asyncssh',
    file: pyca,
    ciphers: ['aes256-ctr', ...REST],
    command: (port, cipher) => [PYTHON, join(CLIENTS, 'asyncssh_client.py'), String(port), cipher, '', SAYS],
    // ChaCha20 encrypts and decrypts alike, so it is always told to encrypt.
    tellsDirection: false,
  },
  {
    what: 'libssh2, by curl',
    file: () =>
      realpathSync(
        /=> (\S*libssh2\.so\.\d+)/.exec(execFileSync('ldd', ['/usr/bin/curl'], { encoding: 'utf8' }))?.[1] ?? '',
      ),
    // It takes the first that it has.
    ciphers: ['aes256-ctr'],
    command: (port) => ['/usr/bin/curl', '-sSk', '-u', 'agent:', `sftp://127.0.0.1:${port}/said`],
    tellsDirection: true,
  },
];

const hasPython = existsSync(PYTHON) && runs(PYTHON, '-W', 'ignore', '-c', 'import asyncssh, paramiko');
const skip = unless('bpf', 'gcc').skip || (!hasPython && 'python3-asyncssh or python3-paramiko is not installed');

describe('keys of SSH', { skip }, () => {
  let observer: Observer;
  let server: ChildProcess;
  let port: number;
  let said: { readonly letter: string; readonly key: string }[] = [];
  const probed = new Set<string>();

  before(async () => {
    observer = await Observer.open();
    const folder = join(scratchFolder(), 'sftp');
    mkdirSync(folder);
    writeFileSync(join(folder, 'said'), `${SAYS}\n`);
    server = spawn(PYTHON, [SERVER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    port = await new Promise((resolve, reject) => {
      server.once('exit', (code) => reject(new Error(`the server has ended: ${code}`)));
      createInterface({ input: server.stdout! }).on('line', (line) => {
        const words = JSON.parse(line) as { port?: number; letter: string; key: string };
        if (words.port === undefined) said.push(words);
        else resolve(words.port);
      });
    });
  });
  after(async () => {
    server?.kill('SIGKILL');
    await observer?.close();
  });

  function probe(path: string): void {
    if (probed.has(path)) return;
    const file = new OpenFile(path);
    const { probes } = inspectImage(file, path);
    assert.ok(probes.length > 0, `${path} has a place for a probe`);
    for (const { kind, fileOffset } of probes) observer.source.attach(kind, path, fileOffset);
    file.close();
    probed.add(path);
  }

  async function talk(client: Client, cipher: string): Promise<{ run: Run; keys: SshCipherKey[] }> {
    probe(client.file());
    said = [];
    const [program, ...args] = client.command(port, cipher);
    const run = await observer.run(program, args);
    assert.equal(run.output, `${SAYS}\n`);
    return { run, keys: run.of('ssh-key-derived').map(({ key }) => key) };
  }

  for (const client of clients) {
    for (const cipher of client.ciphers) {
      test(`${client.what}, ${cipher}`, async () => {
        const { keys } = await talk(client, cipher);
        const of = (letter: string): string => said.find((one) => one.letter === letter)?.key ?? 'not derived';
        const told = keys.map(({ key }) => key.toString('hex'));
        // The two keys of chacha20-poly1305 as one, or one by one.
        const isParted = cipher.startsWith('chacha20') && keys[0]?.key.length === 32;
        const wanted = ['C', 'D'].flatMap((letter) => (isParted ? halves(of(letter)) : of(letter)));
        assert.deepEqual([...new Set(told)].sort(), wanted.sort());
        const sent = keys.find(({ key }) => of('C').includes(key.toString('hex')))!;
        const received = keys.find(({ key }) => of('D').includes(key.toString('hex')))!;
        assert.equal(sent.cipher, hintOf(cipher));
        if (client.tellsDirection) assert.deepEqual([sent.encrypts, received.encrypts], [true, false]);
        if (cipher.startsWith('chacha20')) return;
        assert.equal(sent.iv.toString('hex'), of('A'));
        assert.equal(received.iv.toString('hex'), of('B'));
      });
    }
  }

  test('a key is told before the first packet that was encrypted with it', async () => {
    const { run } = await talk(clients[0]!, 'aes128-ctr');
    const order = observer.orderOf(run.sessionKey);
    const keyAt = order.findLastIndex(({ type }) => type === 'ssh-key-derived');
    const bytes = order.flatMap(({ type }, index) => (type === 'bytes-moved' ? index : []));
    // Greeting, algorithms, exchange, new keys; what comes then is encrypted.
    assert.ok(bytes.filter((at) => at > keyAt).length >= 4, `${keyAt} of ${bytes}`);
  });

  test('keys are told anew when they are changed', async () => {
    probe(OPEN_SSH);
    said = [];
    const long = ['-o', 'RekeyLimit=1K', ...ssh(port, 'aes256-ctr').slice(0, -1), 'x'.repeat(8192)];
    const run = await observer.run(OPEN_SSH, long);
    const keys = run.of('ssh-key-derived').map(({ key }) => key.key.toString('hex'));
    assert.ok(keys.length > 2, `${keys.length} keys`);
    const derived = said.filter(({ letter }) => letter === 'C' || letter === 'D').map(({ key }) => key);
    // The client may end in the middle of an exchange that the server has done.
    assert.deepEqual(
      keys.filter((key) => !derived.includes(key)),
      [],
    );
  });

  test('keys that protect a user’s own key are not told', async () => {
    probe(OPEN_SSH);
    const identity = join(scratchFolder(), 'identity');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a phrase', '-f', identity]);
    const ask = join(scratchFolder(), 'ask');
    writeFileSync(ask, '#!/bin/sh\necho a phrase\n', { mode: 0o755 });
    const environment = { ...process.env, SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force' } as Record<string, string>;
    said = [];
    const run = await observer.run(OPEN_SSH, ['-i', identity, ...ssh(port, 'aes256-ctr')], { env: environment });
    assert.equal(run.of('ssh-key-derived').length, 2);
  });

  test('of an outsider nothing is told', async () => {
    probe(OPEN_SSH);
    const count = (): number => observer.events.filter(({ type }) => type === 'ssh-key-derived').length;
    const before = count();
    const outside = observer.start(OPEN_SSH, ssh(port, 'aes128-ctr'), { outside: true });
    await outside.ended;
    assert.equal(outside.output, `${SAYS}\n`);
    // What comes behind it in the ring is there, so what was before it would be.
    await observer.run('true', []);
    assert.equal(count(), before);
  });
});

function hintOf(cipher: string): SshCipherKey['cipher'] {
  if (cipher.startsWith('chacha20')) return 'chacha20';
  return `aes-${/gcm|ctr|cbc/.exec(cipher)?.[0]}` as SshCipherKey['cipher'];
}

function halves(hex: string): [string, string] {
  return [hex.slice(0, 64), hex.slice(64)];
}

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
