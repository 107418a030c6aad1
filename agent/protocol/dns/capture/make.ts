// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures in `../captures/` anew: dig, a real dnsmasq, and a relay between them that writes down what it passes on.
 *
 *     bin/node agent/protocol/dns/capture/make.ts
 *
 * Wants dnsmasq-base and bind9-dnsutils of Debian.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { writeCapture } from '../../testing/capture-file.ts';
import { ends, type Script, type Step, sends } from '../../testing/script.ts';
import { dnsmasqArguments } from './dnsmasq.ts';

const captures = new URL('../captures/', import.meta.url);
const SERVER_PORT = 15_353;
const RELAY_PORT = 15_354;
const date = new Date().toISOString().slice(0, 10);
const QUESTIONS = [
  ['www.example.test', 'A'],
  ['www.example.test', 'AAAA'],
  ['alias.example.test', 'A'],
  ['example.test', 'MX'],
  ['example.test', 'TXT'],
  ['example.test', 'CAA'],
  ['_http._tcp.example.test', 'SRV'],
  ['svc.example.test', 'HTTPS'],
  ['10.2.0.192.in-addr.arpa', 'PTR'],
  ['missing.example.test', 'A'],
  ['version.bind', 'TXT', '-c', 'CH'],
  ['large.example.test', 'TXT', '+ignore'],
] as const;

const run = promisify(execFile);
const dig = (...options: string[]) => run('dig', ['@127.0.0.1', '-p', String(RELAY_PORT), ...options]);
const server = spawn('dnsmasq', dnsmasqArguments(SERVER_PORT), { stdio: ['ignore', 'ignore', 'pipe'] });
await once(server.stderr, 'data');
const versions = {
  server: /dnsmasq version \S+/i.exec(execFileSync('dnsmasq', ['--version'], { encoding: 'utf8' }))?.[0] ?? 'dnsmasq',
  client: execFileSync('sh', ['-c', 'dig -v 2>&1'], { encoding: 'utf8' }).trim(),
};

async function overUdp(): Promise<Script> {
  const steps: Step[] = [];
  const front = createSocket('udp4');
  const backs: Socket[] = [];
  front.on('message', (bytes, from) => {
    const back = createSocket('udp4');
    backs.push(back);
    steps.push(sends('client', bytes));
    back.on('message', (reply) => {
      steps.push(sends('server', reply));
      front.send(reply, from.port, from.address);
    });
    back.send(bytes, SERVER_PORT, '127.0.0.1');
  });
  front.bind(RELAY_PORT, '127.0.0.1');
  await once(front, 'listening');
  for (const [name, type, ...options] of QUESTIONS) await dig(name, type, ...options);
  for (const socket of [front, ...backs]) socket.close();
  return steps;
}

/** One connection for all questions. */
async function overTcp(): Promise<Script> {
  const steps: Step[] = [];
  const relay = createServer((client) => {
    const upstream = connect(SERVER_PORT, '127.0.0.1');
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
  relay.listen(RELAY_PORT, '127.0.0.1');
  await once(relay, 'listening');
  await dig('+tcp', '+keepopen', ...QUESTIONS.flatMap((words) => words.slice(0, 2)));
  relay.close();
  return [...steps, ends('client'), ends('server')];
}

try {
  const about = { ...versions, date };
  const asked = QUESTIONS.map((words) => words.join(' ')).join(', ');
  writeCapture(new URL('udp-dig.jsonl', captures), {
    note: { ...about, command: `dig ${asked}` },
    script: await overUdp(),
  });
  writeCapture(new URL('tcp-dig.jsonl', captures), {
    note: { ...about, command: `dig +tcp +keepopen ${asked}` },
    script: await overTcp(),
  });
} finally {
  server.kill();
}
