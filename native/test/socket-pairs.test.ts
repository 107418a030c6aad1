// SPDX-License-Identifier: Apache-2.0

/** Programs whose standard input and output are sockets of unnamed pairs, as Node makes them for its children. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { unless } from './bpf-host.ts';
import { Observer } from './observer.ts';

/** A server that answers each line, and a client that asks it, when it is ready: what comes first in the ring is no question. */
const CONVERSATION = `
import socket, subprocess, sys
to_server, server_in = socket.socketpair()
from_server, server_out = socket.socketpair()
server = subprocess.Popen([sys.executable, '-c', """
import sys
print('ready', flush=True)
for line in sys.stdin:
    print('answer to', line, end='', flush=True)
"""], stdin=server_in, stdout=server_out)
server_in.close(); server_out.close()
answers = from_server.makefile('rb')
answers.readline()
for size in (1, 5000, 70000):
    to_server.sendall(b'q' * size + b'\\n')
    answers.readline()
to_server.close(); server.wait()
`;

/** Two programs side by side, the first of which writes to the second. */
const PIPELINE = `
import socket, subprocess, sys
a, b = socket.socketpair()
first = subprocess.Popen(['/usr/bin/seq', '1', '1000'], stdin=subprocess.DEVNULL, stdout=a)
last = subprocess.Popen(['/usr/bin/sort', '-o', '/dev/null'], stdin=b, stdout=subprocess.DEVNULL)
a.close(); b.close(); first.wait(); last.wait()
`;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('pairs of unix sockets that are standard input and output', unless('bpf'), () => {
  let observer: Observer;

  before(async () => {
    observer = await Observer.open({ timing: { sweepMs: 50 } });
  });

  after(async () => {
    await observer?.close();
  });

  async function socketsOf(script: string) {
    const run = await observer.run('/usr/bin/python3', ['-c', script]);
    await run.finished();
    return run.connections.filter(({ opened }) => opened?.transport === 'unix');
  }

  test('a program that is asked and answers is one connection of its starter, exact to the byte', async () => {
    const all = await socketsOf(CONVERSATION);
    assert.equal(all.length, 1);
    const [conversation] = all;
    const lines = [1, 5000, 70_000].map((size) => `${'q'.repeat(size)}\n`);
    const sums = [lines.join(''), `ready\n${lines.map((line) => `answer to ${line}`).join('')}`];
    assert.deepEqual([conversation?.sent.sha256, conversation?.received.sha256], sums.map(sha256));
    assert.deepEqual(
      [conversation?.closed?.sentBytes, conversation?.closed?.receivedBytes],
      sums.map((text) => text.length),
    );
    assert.deepEqual([conversation?.opens, conversation?.closes], [1, 1]);
    const { role, peer, peerPid } = conversation?.opened ?? {};
    assert.deepEqual([role, peer?.pid], ['client', peerPid]);
  });

  test('two programs side by side are told at both ends', async () => {
    const all = await socketsOf(PIPELINE);
    const numbers = sha256(Array.from({ length: 1000 }, (_, n) => `${n + 1}\n`).join(''));
    assert.deepEqual(
      all.map(({ sent, received }) => [sent, received].map(({ sha256: sum }) => sum === numbers)).toSorted(),
      [
        [false, true],
        [true, false],
      ],
    );
  });
});
