// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures beside it anew: `bin/node agent/protocol/opaque/capture.ts`. What clients say first, to a server
 * that says nothing. Needs curl, git, openssl and ssh; talks on loopback only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { portOf, record } from '../http1/capture/recorder.ts';
import { writeCapture } from '../testing/capture-file.ts';

const clients: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'tls-curl',
    ['curl', '-s', '-m', '1', '--resolve', 'vault.example:{port}:127.0.0.1', 'https://vault.example:{port}/'],
    ['--version'],
  ],
  [
    'tls-openssl-without-names',
    ['openssl', 's_client', '-connect', '127.0.0.1:{port}', '-noservername', '-tls1_2'],
    ['version'],
  ],
  ['git', ['git', 'ls-remote', 'git://127.0.0.1:{port}/project.git'], ['--version']],
  ['mqtt', ['curl', '-s', '-m', '1', 'mqtt://127.0.0.1:{port}/topic'], ['--version']],
  ['ldap', ['curl', '-s', '-m', '1', 'ldap://127.0.0.1:{port}/dc=example'], ['--version']],
  ['ssh', ['ssh', '-o', 'ConnectTimeout=1', '-p', '{port}', 'nobody@127.0.0.1'], ['-V']],
];

for (const [name, command, versionArguments] of clients) {
  const silent = createServer((socket) => socket.resume().on('error', () => {}));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const recorder = await record(portOf(silent));
  const [program = '', ...rest] = command.map((text) => text.replace('{port}', String(recorder.port)));
  const child = spawn(program, rest, { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill(), 1500);
  await exited;
  clearTimeout(timer);
  recorder.close();
  silent.close();
  const version = spawnSync(program, [...versionArguments], { encoding: 'utf8' });
  const script = (recorder.scripts[0] ?? []).filter((step) => step.kind === 'bytes');
  writeCapture(new URL(`./captures/${name}.jsonl`, import.meta.url), {
    note: {
      server: 'a listener that says nothing',
      client: `${version.stdout}${version.stderr}`.split('\n')[0]!.split(/ \(|,/)[0]!.trim(),
      command: command.join(' '),
      date: new Date().toISOString().slice(0, 10),
    },
    script,
  });
}
