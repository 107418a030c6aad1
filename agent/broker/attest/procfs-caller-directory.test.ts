// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { startNsOf } from '../testing/staged-broker.ts';
import type { BrokerConnection } from './caller-directory.ts';
import { createProcfsCallerDirectory, type ScopeOf } from './procfs-caller-directory.ts';
import { whileHeldByOpener } from './socket-holder.ts';

let server: Server;
const accepted: Socket[] = [];
const children: ChildProcess[] = [];

/** A Python program with `c` connected to the server; `after` is run in it, and it says something when that was done. */
async function connectFromPython(
  afterwards: string,
  address = '127.0.0.1',
): Promise<{ child: ChildProcess; connection: BrokerConnection; said: string; nextLine: () => Promise<string> }> {
  const { port } = server.address() as AddressInfo;
  const family = address.includes(':') ? 'AF_INET6' : 'AF_INET';
  const program = `
import os, socket, sys, time
c = socket.socket(socket.${family})
c.connect(('${address}', ${port}))
def say(*words):
    print(*words, flush=True)
${afterwards}
time.sleep(60)`;
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const child = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [socket] = await connected;
  accepted.push(socket);
  // By lines, not by what one read brings: an unbuffered Python writes a line and its end apart.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => (await lines.next()).value ?? '';
  const said = await nextLine();
  const plain = (text: string | undefined) => (text ?? '').replace('::ffff:', '');
  return {
    child,
    said,
    nextLine,
    connection: {
      localAddress: plain(socket.localAddress),
      localPort: socket.localPort ?? 0,
      remoteAddress: plain(socket.remoteAddress),
      remotePort: socket.remotePort ?? 0,
    },
  };
}

const scopes = new Map<number, { selectionName: string; sessionKey: bigint }>();
const scopeOf: ScopeOf = ({ pid }) => scopes.get(pid);
const directory = createProcfsCallerDirectory({ scopeOf });

describe('the directory over /proc', () => {
  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  test('names the process at the other end, with its start, its user and its workload', async () => {
    const { child, connection } = await connectFromPython('say("up")');
    const pid = child.pid ?? 0;
    const outside = directory.callerOf(connection);
    assert.deepEqual(outside, {
      pid,
      startNs: startNsOf(pid),
      uid: process.getuid?.(),
      selectionName: undefined,
      sessionKey: 0n,
    });
    scopes.set(pid, { selectionName: 'orders', sessionKey: 3n });
    assert.deepEqual(directory.callerOf(connection), { ...outside, selectionName: 'orders', sessionKey: 3n });
  });

  test('finds callers that use an IPv6 socket for an IPv4 address, as Java does', async () => {
    const { child, connection } = await connectFromPython('say("up")', '::ffff:127.0.0.1');
    assert.equal(directory.callerOf(connection)?.pid, child.pid);
  });

  test('knows nobody for a connection that is not there, or whose holder has ended', async () => {
    const { child, connection } = await connectFromPython('say("up")');
    assert.equal(directory.callerOf({ ...connection, remotePort: connection.remotePort === 1 ? 2 : 1 }), undefined);
    assert.equal(directory.callerOf({ ...connection, remoteAddress: 'nonsense' }), undefined);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(directory.callerOf(connection), undefined);
  });

  test('names the oldest of several holders in one session, and nobody when they are in different ones', async () => {
    const { child, connection, said } = await connectFromPython('p = os.fork()\nif p: say(p)');
    const [parent, forked] = [child.pid ?? 0, Number(said)];
    try {
      scopes.set(parent, { selectionName: 'orders', sessionKey: 4n });
      assert.equal(directory.callerOf(connection), undefined, 'the other holder is outside any workload');
      scopes.set(forked, { selectionName: 'orders', sessionKey: 4n });
      assert.equal(directory.callerOf(connection)?.pid, parent);
      scopes.set(forked, { selectionName: 'orders', sessionKey: 5n });
      assert.equal(directory.callerOf(connection), undefined);
    } finally {
      process.kill(forked, 'SIGKILL');
    }
  });

  test('names the new holder once the first has passed the connection on and closed it', async () => {
    const { child, connection, said } = await connectFromPython('p = os.fork()\nif p:\n    c.close()\n    say(p)');
    try {
      assert.notEqual(Number(said), child.pid);
      assert.equal(directory.callerOf(connection)?.pid, Number(said));
    } finally {
      process.kill(Number(said), 'SIGKILL');
    }
  });

  test('lets a directory of openers name the opener only while it holds the connection', async () => {
    const { child, connection, said, nextLine } = await connectFromPython(
      'p = os.fork()\nif p:\n    say(p)\n    sys.stdin.read(1)\n    c.close()\n    say("closed")',
    );
    try {
      const pid = child.pid ?? 0;
      const opener = { pid, startNs: startNsOf(pid), uid: 0, selectionName: 'orders', sessionKey: 6n };
      const confirmed = whileHeldByOpener({ callerOf: () => opener });
      assert.equal(confirmed.callerOf(connection), opener);
      assert.equal(whileHeldByOpener({ callerOf: () => undefined }).callerOf(connection), undefined);
      assert.equal(confirmed.callerOf({ ...connection, remotePort: connection.remotePort - 1 }), undefined);
      child.stdin?.end('x');
      assert.equal(await nextLine(), 'closed');
      assert.equal(confirmed.callerOf(connection), undefined);
      assert.throws(() => whileHeldByOpener({ callerOf: () => opener }, '/nonexistent').callerOf(connection));
    } finally {
      process.kill(Number(said), 'SIGKILL');
    }
  });

  test('throws when /proc is not there: that is no answer', () => {
    const blind = createProcfsCallerDirectory({ scopeOf, proc: '/nonexistent' });
    const connection = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
    assert.throws(() => blind.callerOf(connection));
  });
});
