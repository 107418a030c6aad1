// SPDX-License-Identifier: Apache-2.0

/**
 * A TLS connection that was open before its process was recorded: what was said before is a loss, what is said under the
 * old key is unreadable and found, and it is read from its next key on.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority } from '../../agent/delivery/grpc/test-certificates.ts';
import { cgroupRoot } from '../../agent/source/ebpf/cgroup.ts';
import { type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';
import { readEncryptedRecord } from './encrypted-record.ts';

const IDENTITY = 'late-agent';
const REQUEST = 'GET /PLACE HTTP/1.1\r\nHost: localhost\r\n\r\n';

describe('a TLS connection that is joined late', { skip: whyNoRecording() }, () => {
  const name = `sworn-late-${process.pid}`;
  const folder = join(cgroupRoot() ?? '/', name);
  const asked: string[] = [];
  let server: Server;
  let client: ChildProcess;
  let recording: Recording;

  before(async () => {
    const { cert, key } = await (await makeAuthority('late')).issue('localhost');
    server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (request, response) => {
      asked.push(request.url ?? '');
      response.end('hello');
    });
    // The connection stays while nothing is asked.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    mkdirSync(folder);
    const { port } = server.address() as AddressInfo;
    client = spawn('openssl', ['s_client', '-tls1_3', '-connect', `127.0.0.1:${port}`], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    writeFileSync(join(folder, 'cgroup.procs'), String(client.pid));
    await ask('first');
    recording = await startRecording({
      identities: [IDENTITY],
      config: () => ({ workloads: [{ name: IDENTITY, identity: IDENTITY, select: [{ cgroup: `/${name}` }] }] }),
    });
  });
  after(async () => {
    client?.kill('SIGKILL');
    await recording?.stop();
    server?.closeAllConnections();
    server?.close();
    rmdirSync(folder);
  });

  /** Until the server was asked. */
  async function ask(place: string): Promise<void> {
    client.stdin?.write(REQUEST.replace('PLACE', place));
    for (let i = 0; !asked.includes(`/${place}`); i++) {
      assert.ok(i < 500 && client.exitCode === null, `the server was not asked for ${place}`);
      await sleep(20);
    }
    await sleep(100);
  }

  it('is read from the next key on, and the record says what came before', async () => {
    await ask('second');
    // New keys for both sides.
    client.stdin?.write('K\n');
    await sleep(500);
    await ask('third');
    await ask('fourth');
    const ended = once(client, 'exit');
    client.kill('SIGTERM');
    await ended;
    const { commands, losses } = await recording.finish();
    const { connections, findings } = await readEncryptedRecord(recording);
    // What it is told on its standard input crosses a socket, too.
    const [secure] = connections;
    assert.deepEqual(
      commands.filter(({ connectionId }) => connectionId === secure?.connectionId).map(({ statement }) => statement),
      ['GET /third', 'GET /fourth'],
    );
    assert.ok(losses.some(({ reason }) => reason === 'joined_late'));
    const unreadable = connections.reduce((sum, connection) => sum + connection.unreadableBytes, 0);
    assert.ok(unreadable > REQUEST.length);
    const found = findings.filter(({ kind }) => kind === 'tls_unreadable');
    assert.deepEqual([...new Set(found.map(({ attributes }) => attributes['reason']))], ['joined_late']);
    assert.equal(
      found.reduce((sum, { bytes }) => sum + bytes, 0),
      unreadable,
    );
  });
});
