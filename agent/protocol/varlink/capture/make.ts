// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures in `../captures/` anew: what getent and systemd-resolved say to each other by nss-resolve, with a relay
 * between them that writes it down.
 *
 *     bin/node agent/protocol/varlink/capture/make.ts RESOLVED LIBRARY
 *
 * Wants root, dnsmasq-base, and the files of systemd-resolved and libnss-resolve, unpacked: serve-resolved.sh says which.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { dnsmasqArguments } from '../../dns/capture/dnsmasq.ts';
import { writeCapture } from '../../testing/capture-file.ts';
import { ends, type Step, sends } from '../../testing/script.ts';

const SOCKET = '/run/systemd/resolve/io.systemd.Resolve';
const QUESTIONS: readonly (readonly [string, ...string[]])[] = [
  ['found', 'ahosts', 'alias.example.test'],
  ['found-ip6', 'ahostsv6', 'www.example.test'],
  ['missing', 'ahosts', 'missing.example.test'],
  ['reverse', 'hosts', '192.0.2.10'],
];

const [first = '', library = ''] = process.argv.slice(2);
if (first === '--inside') {
  await capture(library);
} else {
  const again = `${process.execPath} ${import.meta.filename} --inside "$(${first} --version | head -n 1)"`;
  const script = join(import.meta.dirname, 'serve-resolved.sh');
  const words = ['-n', '-m', '-p', '-f', '--kill-child', 'sh', script, first, library, again, ...dnsmasqArguments(53)];
  spawn('unshare', words, { stdio: ['ignore', 'inherit', 'ignore'] });
}

async function capture(server: string): Promise<void> {
  renameSync(SOCKET, `${SOCKET}.real`);
  let steps: Step[] = [];
  const relay = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(`${SOCKET}.real`);
    client.on('data', (bytes) => {
      steps.push(sends('client', bytes));
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      steps.push(sends('server', bytes));
      client.write(bytes);
    });
    client.on('end', () => upstream.end());
    for (const socket of [client, upstream]) socket.on('error', () => {});
  });
  relay.listen(SOCKET);
  await once(relay, 'listening');
  const client = execFileSync('getent', ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  for (const [name, ...question] of QUESTIONS) {
    steps = [];
    // It says 2 of a name that nobody has.
    await new Promise((resolve) => execFile('getent', question, resolve));
    writeCapture(new URL(`../captures/${name}.jsonl`, import.meta.url), {
      note: { server, client, command: `getent ${question.join(' ')}`, date: new Date().toISOString().slice(0, 10) },
      script: [...steps, ends('client'), ends('server')],
    });
  }
  relay.close();
}
