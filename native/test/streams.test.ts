// SPDX-License-Identifier: Apache-2.0

/** Pipes and terminals of real programs, against what these wrote and read. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { unless } from './bpf-host.ts';
import type { ObservedConnection } from './observed-connection.ts';
import { Observer, type Run } from './observer.ts';

const PYTHON = '/usr/bin/python3';
/** A server that answers each line, and a client that asks it. */
const CONVERSATION = `
import subprocess, sys
server = subprocess.Popen([sys.executable, '-c', """
import sys
for line in sys.stdin:
    print('answer to', line, end='', flush=True)
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for size in (1, 5000, 70000):
    server.stdin.write(b'q' * size + b'\\n'); server.stdin.flush()
    server.stdout.readline()
server.stdin.close(); server.wait()
`;

describe('pipes and terminals', unless('bpf'), () => {
  let observer: Observer;
  const runs: Run[] = [];

  before(async () => {
    observer = await Observer.open({
      streams: 'terminals_and_pipes',
      timing: { sweepMs: 200, rescanMs: 30_000, udpIdleMs: 30_000 },
    });
  });

  after(async () => {
    for (const run of runs) run.kill('SIGKILL');
    await observer?.close();
  });

  async function pipesOf(program: string, args: readonly string[]) {
    const run = await observer.run(program, args);
    runs.push(run);
    await run.finished();
    return run.connections.filter(({ opened }) => opened?.transport === 'pipe' && opened.process.pid !== 0);
  }

  test('a program that is asked and answers over two pipes is one connection, exact to the byte', async () => {
    const all = await pipesOf(PYTHON, ['-c', CONVERSATION]);
    const conversations = all.filter(({ opened }) => opened?.role === 'client');
    assert.equal(conversations.length, 1);
    const [conversation] = conversations;
    const lines = [1, 5000, 70_000].map((size) => `${'q'.repeat(size)}\n`);
    const sums = [lines.join(''), lines.map((line) => `answer to ${line}`).join('')];
    assert.deepEqual([conversation?.sent.sha256, conversation?.received.sha256], sums.map(sha256));
    assert.deepEqual(
      [conversation?.closed?.sentBytes, conversation?.closed?.receivedBytes],
      sums.map((text) => text.length),
    );
    assert.deepEqual([...(conversation?.sent.gaps ?? []), ...(conversation?.received.gaps ?? [])], []);
    assert.deepEqual([conversation?.opens, conversation?.closes], [1, 1]);
  });

  test('each pipe of a pipeline is a connection of one direction, told once', async () => {
    const all = await pipesOf('/bin/sh', ['-c', 'seq 1 30000 | sort -rn | tail -n 1 > /dev/null']);
    const numbers = Array.from({ length: 30_000 }, (_, n) => String(n + 1));
    const sums = [`${numbers.join('\n')}\n`, `${numbers.toReversed().join('\n')}\n`].map(sha256);
    const seen = all.map(({ sent }) => sent.sha256);
    for (const sum of sums) assert.equal(seen.filter((one) => one === sum).length, 1);
    assert.ok(
      all.every(({ received }) => received.bytes === 0 || received.bytes === 1),
      'but for the gate of the test',
    );
  });

  test('what is spliced is counted to the byte, and missing', async () => {
    const script = `
import os, tempfile
a, b = os.pipe()
f = tempfile.TemporaryFile(); f.write(b'x' * 3000); f.flush(); os.lseek(f.fileno(), 0, 0)
assert os.splice(f.fileno(), b, 3000) == 3000
assert len(os.read(a, 5000)) == 3000
`;
    const all = await pipesOf(PYTHON, ['-c', script]);
    const [spliced] = all.filter(({ sent }) => sent.gapBytes > 0);
    assert.deepEqual(spliced?.sent.gaps, [{ bytes: 3000, reason: 'no_buffer' }]);
    assert.equal(spliced?.closed?.sentBytes, 3000);
  });

  test('of a terminal each side is told in order, with its settings', async () => {
    const script = `
import os, pty, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.write(1, b'name? '); name = os.read(0, 100)
    settings = termios.tcgetattr(0); settings[3] &= ~termios.ECHO; termios.tcsetattr(0, termios.TCSANOW, settings)
    os.write(1, b'secret? '); os.read(0, 100)
    os.writev(1, [b'by', b'e', b'\\n']); os._exit(0)
def until(text):
    got = b''
    while not got.endswith(text): got += os.read(fd, 100)
until(b'name? '); os.write(fd, b'ada\\n')
until(b'secret? '); os.write(fd, b'hunter2\\n')
until(b'bye\\r\\n'); os.waitpid(pid, 0)
`;
    const run = await observer.run(PYTHON, ['-c', script]);
    runs.push(run);
    await run.finished();
    const told = run.of('terminal-moved').map(({ direction, bytes, echoes, isByLine }) => {
      return `${direction} ${JSON.stringify(Buffer.from(bytes).toString())} ${echoes} ${isByLine}`;
    });
    assert.deepEqual(told, [
      'shown "name? " true true',
      'typed "ada\\n" true true',
      'shown "secret? " false true',
      'typed "hunter2\\n" false true',
      'shown "by" false true',
      'shown "e" false true',
      'shown "\\n" false true',
    ]);
    assert.match(run.of('terminal-moved')[0]?.device ?? '', /^\/dev\/pts\/\d+$/);
  });

  test('a terminal that has the number of one that is gone is another terminal', async () => {
    const script = `
import os, pty
for word in (b'one', b'two', b'three'):
    pid, fd = pty.fork()
    if pid == 0:
        os.write(1, word); os.read(0, 1); os._exit(0)
    got = b''
    while got != word: got += os.read(fd, 100)
    os.write(fd, b'\\n'); os.waitpid(pid, 0); os.close(fd)
`;
    const run = await observer.run(PYTHON, ['-c', script]);
    runs.push(run);
    await run.finished();
    const shown = run.of('terminal-moved').filter(({ direction }) => direction === 'shown');
    assert.deepEqual(
      shown.map(({ bytes }) => Buffer.from(bytes).toString()),
      ['one', 'two', 'three'],
    );
    assert.equal(new Set(shown.map(({ device }) => device)).size, 1, 'the kernel gives the number again');
    assert.equal(new Set(shown.map(({ startedNs }) => startedNs)).size, 3);
  });

  test('nothing is attached while nothing is recorded', async () => {
    await observer.until(
      () => 'the programs to be detached',
      () => !observer.source.health.programs.some(({ name }) => name.startsWith('stream_')),
    );
  });
});

/** Keeps this thread from everything else until a child of it has ended; it waits to be reaped then. */
function blockUntilEnded(pid: number): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) Atomics.wait(nobody, 0, 0, 5);
}

const FLOOD_BYTES = 2_000_000;
/** The same into a terminal and into a pipe, and each read by a process of its own. */
const FLOOD = `
import os, pty
def flood(fd):
    left = ${FLOOD_BYTES}
    while left: left -= os.write(fd, b'x' * min(left, 4096))
pid, fd = pty.fork()
if pid == 0:
    flood(1); os.read(0, 1); os._exit(0)
left = ${FLOOD_BYTES}
while left: left -= len(os.read(fd, 65536))
os.write(fd, b'\\n'); os.waitpid(pid, 0)
a, b = os.pipe()
if os.fork() == 0:
    os.close(a); flood(b); os._exit(0)
os.close(b)
while os.read(a, 65536): pass
os.wait()
`;

describe('pipes and terminals, while nobody reads the ring', unless('bpf'), () => {
  test('what found no room is told with its session, and adds up', async () => {
    const observer = await Observer.open({
      streams: 'terminals_and_pipes',
      timing: { sweepMs: 200, rescanMs: 30_000, udpIdleMs: 30_000 },
      capture: { ringBytes: 65_536, bufferBytes: 512 * 1024 },
    });
    try {
      const run = observer.start(PYTHON, ['-c', FLOOD]);
      blockUntilEnded(run.pid);
      await run.ended;
      const lossOf = (where: string): number =>
        run.of('missed').reduce((sum, missed) => sum + (missed.where === where ? missed.bytes : 0), 0);
      // Told by the end whose call ends first, which may be either.
      const isPipe = ({ closed }: ObservedConnection): boolean =>
        closed?.transport === 'pipe' && closed.sentBytes + closed.receivedBytes === FLOOD_BYTES;
      await observer.until(
        () => `the ends of both: ${JSON.stringify(run.of('missed').map(({ where, bytes }) => [where, bytes]))}`,
        () => lossOf('terminal') > 0 && (lossOf('pipe') > 0 || run.connections.some(isPipe)),
      );
      const told = run.of('terminal-moved').reduce((sum, { bytes }) => sum + bytes.length, 0);
      // And the line feed that it was ended by.
      assert.equal(told + lossOf('terminal'), FLOOD_BYTES + 1);
      const pipe = run.connections.find(isPipe);
      pipe?.settle();
      const streams = pipe === undefined ? [] : [pipe.sent, pipe.received];
      const inPipe = streams.reduce((sum, { bytes, gapBytes }) => sum + bytes + gapBytes, 0);
      assert.equal(inPipe + lossOf('pipe'), FLOOD_BYTES);
      assert.ok(told > 0);
    } finally {
      await observer.close();
    }
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
