// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures in `../captures/` anew: redis-cli and bytes written by hand, a real server, a proxy between them.
 *
 *     bin/node agent/protocol/redis/capture/make.ts
 *
 * Wants redis-server and redis-cli of Debian.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRecordingProxy } from '../../postgres/capture/recording-proxy.ts';
import { writeCapture } from '../../testing/capture-file.ts';

const captures = new URL('../captures/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'sworn-redis-capture-'));
const port = await freePort();
const server = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', folder], { stdio: 'ignore' });
const versionOf = (program: string) =>
  /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? '';

interface Case {
  readonly name: string;
  /** Lines for redis-cli, or what is written to the socket, a pause behind each. */
  readonly cli?: readonly string[];
  readonly options?: readonly string[];
  readonly raw?: readonly string[];
}

const bulk = (...args: string[]) =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;

const CASES: readonly Case[] = [
  {
    name: 'cli-commands',
    cli: [
      'set greeting "Grüße \\"quoted\\" \\\\ \\x00\\xff\\n" EX 100',
      'get greeting',
      'get nothing',
      'mset a 1 b 2',
      'mget a b nothing',
      'incr a',
      'lpush list x y z',
      'lrange list 0 -1',
      'hset hash field value other 2',
      'hgetall hash',
      'zadd board 1.5 one 2 two',
      'zrange board 0 -1 withscores',
      'incr list',
      'nosuchcommand with arguments',
      'config set maxmemory 100mb',
      'config get maxmemory',
      'eval "return {1, redis.call(\'get\', KEYS[1]), {}}" 1 b',
      'xadd stream 1-1 field value',
      'xread count 2 streams stream 0',
      'select 3',
      'set there 1',
      'client setname an-agent',
      'object encoding there',
      'flushdb',
    ],
  },
  {
    name: 'cli-resp3',
    options: ['-3'],
    cli: [
      'hset h f v',
      'hgetall h',
      'sadd s 1',
      'smembers s',
      'zadd z 1.5 m',
      'zscore z m',
      'get nothing',
      'lolwut version 1',
    ],
  },
  {
    name: 'cli-transaction',
    cli: [
      'multi',
      'set t 1',
      'lpush t 2',
      'incr t',
      'exec',
      'multi',
      'set t 5',
      'discard',
      'multi',
      'nosuchcommand',
      'set t 6',
      'exec',
    ],
  },
  {
    name: 'credentials',
    raw: [
      bulk('CONFIG', 'SET', 'requirepass', 'first-s3cret'),
      bulk('ACL', 'SETUSER', 'ann', 'on', '>second-s3cret', '~*', '+@all'),
      bulk('AUTH', 'first-s3cret'),
      bulk('AUTH', 'ann', 'wrong-s3cret'),
      bulk('AUTH', 'ann', 'second-s3cret'),
      bulk('CONFIG', 'GET', '*pass'),
      bulk('HELLO', '3', 'AUTH', 'ann', 'second-s3cret', 'SETNAME', 'named'),
      bulk('CONFIG', 'GET', 'requirepass'),
      bulk('ACL', 'GENPASS'),
      bulk('MIGRATE', '127.0.0.1', '1', 'nokey', '0', '10', 'AUTH2', 'ann', 'third-s3cret'),
      'AUTH ann second-s3cret\r\n',
      'CONFIG SET requirepass ""\r\n',
      bulk('RESET'),
      bulk('GET', 'a'),
    ],
  },
  {
    name: 'pipeline',
    raw: [
      `${bulk('SET', 'p', '1')}${bulk('INCR', 'p')}PING\r\n${bulk('LPUSH', 'p', 'x')}\r\n${bulk('GET', 'p')}`,
      `${bulk('CLIENT', 'REPLY', 'SKIP')}${bulk('SET', 'p', '2')}${bulk('GET', 'p')}`,
      `${bulk('CLIENT', 'REPLY', 'OFF')}${bulk('SET', 'p', '3')}${bulk('CLIENT', 'REPLY', 'ON')}${bulk('GET', 'p')}`,
      'SET \'in line\' "a\\x41\\n"\r\n',
      'GET "in line"\r\n',
      bulk('QUIT'),
    ],
  },
  {
    name: 'publish-subscribe',
    raw: [
      bulk('SUBSCRIBE', 'news', 'other'),
      bulk('PSUBSCRIBE', 'n*'),
      'PUBLISH',
      bulk('PING'),
      bulk('UNSUBSCRIBE'),
      bulk('PUNSUBSCRIBE', 'n*'),
      bulk('UNSUBSCRIBE'),
      bulk('HELLO', '3'),
      bulk('SUBSCRIBE', 'news'),
      'PUBLISH',
      bulk('GET', 'tracked'),
      bulk('CLIENT', 'TRACKING', 'ON'),
      bulk('GET', 'tracked'),
      bulk('SET', 'tracked', '1'),
      bulk('GET', 'tracked'),
      bulk('UNSUBSCRIBE'),
    ],
  },
  { name: 'monitor', raw: [bulk('MONITOR'), 'PUBLISH', bulk('RESET'), bulk('PING')] },
  {
    name: 'large-values',
    raw: [bulk('SET', 'large', 'v'.repeat(300_000)), bulk('GET', 'large'), bulk('MGET', 'large', 'nothing', 'large')],
  },
];

await untilReady();
for (const { name, cli, options = [], raw = [] } of CASES) {
  const proxy = await startRecordingProxy(port);
  if (cli !== undefined) {
    const client = spawn('redis-cli', ['-p', String(proxy.port), ...options], { stdio: ['pipe', 'ignore', 'inherit'] });
    client.stdin.end(`${cli.join('\n')}\n`);
    await once(client, 'exit');
  } else {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.resume();
    await once(socket, 'connect');
    for (const part of raw) {
      if (part === 'PUBLISH') execFileSync('redis-cli', ['-p', String(port), 'publish', 'news', 'a message']);
      else socket.write(part);
      await sleep(60);
    }
    socket.end();
  }
  for (let i = 0; i < 50 && proxy.openConnections > 0; i++) await sleep(20);
  proxy.close();
  const note = {
    server: `redis ${versionOf('redis-server')}`,
    client: cli === undefined ? 'a socket of Node' : `redis-cli ${versionOf('redis-cli')}`,
    command: cli === undefined ? 'capture/make.ts' : ['redis-cli', ...options].join(' '),
    date: new Date().toISOString().slice(0, 10),
  };
  proxy.connections.forEach((script, i) => {
    const number = proxy.connections.length > 1 ? `.${i + 1}` : '';
    writeCapture(new URL(`${name}${number}.jsonl`, captures), { note, script });
  });
}
server.kill();
await once(server, 'exit');
rmSync(folder, { recursive: true, force: true });

async function untilReady(): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await sleep(50);
  }
  throw new Error('the server does not answer');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      listener.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
