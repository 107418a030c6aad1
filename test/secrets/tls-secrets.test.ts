// SPDX-License-Identifier: Apache-2.0

/**
 * The secrets of TLS live in the agent's memory only, and only as long as their connections: workloads talk to a real
 * server over TLS 1.2 and 1.3, and the server's key log says which secrets that took. They stand in nothing that is
 * written, and when their connections have ended not in the agent's memory either.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server } from 'node:tls';
import { makeAuthority } from '../../agent/delivery/grpc/test-certificates.ts';
import type { RunRecord } from '../oracle/recording/record.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';
import type { RunningProgram } from '../oracle/recording/workload.ts';
import { contentOf, sightings } from './places.ts';

const IDENTITY = 'private-agent';
const CONNECTIONS = 20;
const VERSIONS = ['1.2', '1.3'];
const CHUNK_BYTES = 4 << 20;

describe('secrets of TLS', { skip: whyNoRecording() }, () => {
  const keyLog: string[] = [];
  let server: Server;
  let recording: Recording;
  let record: RunRecord;
  let whileOpen: readonly string[];
  let afterwards: readonly string[];

  before(async () => {
    const { cert, key } = await (await makeAuthority('secrets')).issue('localhost');
    server = createServer({ cert, key }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'));
    });
    server.on('keylog', (line: Buffer) => keyLog.push(line.toString('latin1').trim()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    recording = await startRecording({ identities: [IDENTITY], collector: true });
    for (const version of VERSIONS) {
      const ask = `for i in $(seq ${CONNECTIONS}); do curl -sk --tlsv${version} --tls-max ${version} https://127.0.0.1:${port}/$i; done`;
      await recording.run(IDENTITY, ['/bin/sh', '-c', ask]);
    }
    const open = await openOne(recording, port);
    const pid = agentPid(recording.folder);
    await untilWritten(recording, VERSIONS.length * CONNECTIONS + 1);
    whileOpen = foundIn(pid, secretsOf(keyLog));
    await open.stop();
    while ((await recording.status()).sessions.length > 0) await sleep(50);
    // Sessions end a moment after their last process.
    await sleep(1500);
    afterwards = foundIn(pid, secretsOf(keyLog));
    record = await recording.finish();
  });
  after(async () => {
    await recording?.stop();
    server?.close();
  });

  it('were used: all that was said under them is in the record', () => {
    assert.equal(
      record.commands.filter(({ protocol }) => protocol === 'http').length,
      VERSIONS.length * CONNECTIONS + 1,
    );
    assert.deepEqual(record.losses, []);
  });

  it('are in the agent’s memory while their connection lives', () => {
    assert.ok(whileOpen.length > 0, 'a search that finds nothing proves nothing');
  });

  it('are gone from it when their connections have ended', () => {
    assert.deepEqual(afterwards, []);
  });

  it('stand nowhere in what the agent and the collector keep or log', () => {
    const secrets = new Map([...secretsOf(keyLog)].flatMap(([name, secret]) => waysToWrite(name, secret)));
    for (const folder of ['agent', 'collector', 'log', 'run']) {
      for (const file of filesBelow(join(recording.folder, folder))) {
        const content = contentOf(file);
        assert.deepEqual(sightings(file, content, secrets), []);
        for (const [name, secret] of secretsOf(keyLog)) assert.ok(!content.includes(secret), `${name} in ${file}`);
      }
    }
  });
});

/** By name and connection; a master secret, or a traffic secret that encrypts. */
function secretsOf(keyLog: readonly string[]): ReadonlyMap<string, Buffer> {
  const secrets = new Map<string, Buffer>();
  for (const line of keyLog) {
    const [label, random, secret] = line.split(' ') as [string, string, string];
    if (label.includes('TRAFFIC') || label === 'CLIENT_RANDOM') {
      secrets.set(`${label} of ${random.slice(0, 8)}`, Buffer.from(secret, 'hex'));
    }
  }
  return secrets;
}

function waysToWrite(name: string, secret: Buffer): [string, string][] {
  return [
    [`${name}, hex`, secret.toString('hex')],
    [`${name}, HEX`, secret.toString('hex').toUpperCase()],
    [`${name}, base64`, secret.toString('base64').replace(/=+$/, '')],
    [`${name}, base64url`, secret.toString('base64url')],
  ];
}

/** A connection in TLS 1.3 that has asked once, and stays. */
async function openOne(recording: Recording, port: number): Promise<RunningProgram> {
  const code = `const socket = require('node:tls').connect({ port: ${port}, host: '127.0.0.1', rejectUnauthorized: false });
    socket.write('GET /open HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');
    socket.once('data', () => console.log('answered'));`;
  const program = recording.start(IDENTITY, [node, '-e', code]);
  await program.firstLine();
  return program;
}

/** Errors: an Error when the agent has not written so many commands in time. */
async function untilWritten(recording: Recording, commands: number): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (((await recording.status()).counts['commands'] ?? 0) >= commands) return;
    await sleep(50);
  }
  throw new Error(`${commands} commands were not written`);
}

function agentPid(folder: string): number {
  const config = join(folder, 'agent.yaml');
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      if (argv.includes(config) && argv.includes('agent')) return Number(pid);
    } catch {
      // Gone in between.
    }
  }
  throw new Error(`no agent runs with ${config}`);
}

/** Names of the secrets that stand in the memory of a process: what a core dump of it would hold, and more. */
function foundIn(pid: number, secrets: ReadonlyMap<string, Buffer>): string[] {
  const found = new Set<string>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) r/.exec(line) ?? [];
      if (from === undefined || to === undefined || line.includes('[v')) continue;
      for (const chunk of chunksOf(memory, BigInt(`0x${from}`), BigInt(`0x${to}`))) {
        for (const [name, secret] of secrets) if (chunk.includes(secret)) found.add(name);
      }
    }
  } finally {
    closeSync(memory);
  }
  return [...found];
}

/** Overlapping, so that nothing falls between two. */
function* chunksOf(memory: number, from: bigint, to: bigint): Generator<Buffer> {
  for (let at = from; at < to; at += BigInt(CHUNK_BYTES - 64)) {
    const left = to - at;
    const chunk = Buffer.alloc(left < CHUNK_BYTES ? Number(left) : CHUNK_BYTES);
    try {
      const read = readSync(memory, chunk, 0, chunk.length, at);
      yield chunk.subarray(0, read);
    } catch {
      // Not backed by anything.
      return;
    }
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}
