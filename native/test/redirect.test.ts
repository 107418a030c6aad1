// SPDX-License-Identifier: Apache-2.0

/**
 * Connects to the instance metadata service that are turned to the broker: whose, from where, and what is told of them.
 *
 * All of it happens in a network namespace of its own, in which a service of this test has the address of the real one: what
 * is not turned ends there, and nothing leaves.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { createKernelCallerDirectory } from '../../agent/broker/attest/kernel-caller-directory.ts';
import type { ConnectionClosed, ConnectionOpened } from '../../agent/model/kernel-event.ts';
import { type Capture, loadAddon } from '../../agent/source/ebpf/addon.ts';
import { type Actor, Stage } from './actor.ts';
import { unless } from './bpf-host.ts';
import { Observer, type Run } from './observer.ts';

const IMDS = '169.254.169.254';
/** Of the observer's runs. */
const SELECTION = 7;
const ASK = 'c.sendall(b"GET")';
const IN_NAMESPACE = 'SWORN_TEST_IN_NAMESPACE';

if (process.env[IN_NAMESPACE] === undefined) {
  test('in a network namespace of its own', unless('bpf', 'netns'), () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout } = spawnSync('unshare', ['--net', process.execPath, import.meta.filename], {
      encoding: 'utf8',
      env: { ...env, [IN_NAMESPACE]: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.equal(status, 0, stdout);
  });
} else {
  redirectTests();
}

function redirectTests(): void {
  let observer: Observer;
  let imds: Server;
  let broker: Server;
  let port = 0;
  let stage: Stage;

  before(async () => {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    execFileSync('ip', ['address', 'add', `${IMDS}/32`, 'dev', 'lo']);
    observer = await Observer.open({ capture: { imdsRedirect: true }, timing: { sweepMs: 50, rescanMs: 60_000 } });
    broker = createServer((socket) => {
      const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
      const callers = createKernelCallerDirectory({
        kernel: observer.source,
        workloadOf: ({ selectionId }) => ({ selectionName: `${selectionId}` }),
      });
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.end(`${callers.callerOf({ localAddress, localPort, remoteAddress, remotePort })?.pid}\n`);
      });
    }).listen(0, '127.0.0.1');
    await once(broker, 'listening');
    port = (broker.address() as AddressInfo).port;
    imds = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('the real one\n'));
    }).listen(80, IMDS);
    await once(imds, 'listening');
    stage = new Stage();
  });
  after(async () => {
    await stage?.close();
    broker?.close();
    imds?.close();
    await observer?.close();
  });

  const redirect = (...selectionIds: number[]) => observer.source.setImdsRedirect({ port, selectionIds });
  const connectTo = (address: string, to = 80, family = 'AF_INET') => [
    `c = socket.socket(socket.${family})`,
    `result = "no"\ntry: c.connect(("${address}", ${to})); result = "yes"\nexcept OSError: pass`,
  ];
  async function opened(run: Run, remotePort: number): Promise<ConnectionOpened> {
    const find = () => run.of('connection-opened').find((event) => event.remotePort === remotePort);
    await observer.until(`a connection to ${remotePort}`, () => find() !== undefined);
    return find() as ConnectionOpened;
  }

  async function isTurned(actor: Actor): Promise<boolean> {
    assert.equal(await actor.do(...connectTo(IMDS)), 'yes');
    await actor.do(ASK);
    const answer = await actor.do('result = c.makefile().readline()');
    if (answer === 'the real one\n') return false;
    assert.equal(answer, `${actor.pid}\n`);
    return true;
  }

  test('a workload that asks for it reaches the broker, which knows it; the record has the address it asked for', async () => {
    const actor = await stage.start(observer, 'workload');
    redirect(SELECTION);
    assert.ok(await isTurned(actor));
    assert.deepEqual(await actor.do('result = c.getpeername()'), [IMDS, 80]);
    await actor.do('c.close()');
    const event = await opened(actor.run, 80);
    assert.deepEqual([event.remoteAddress, event.isRedirected, event.localAddress], [IMDS, true, '127.0.0.1']);
    const closed = () => actor.run.of('connection-closed')[0] as ConnectionClosed | undefined;
    await observer.until('its end', () => closed() !== undefined);
    assert.deepEqual([closed()?.remoteAddress, closed()?.remotePort, closed()?.sentBytes], [IMDS, 80, 3]);
  });

  test('a socket of IPv6 that asks for the IPv4 address, as those of Java do', async () => {
    const actor = await stage.start(observer, 'java');
    redirect(SELECTION);
    assert.equal(await actor.do(...connectTo(`::ffff:${IMDS}`, 80, 'AF_INET6')), 'yes');
    await actor.do(ASK);
    assert.equal(await actor.do('result = c.makefile().readline()'), `${actor.pid}\n`);
    assert.deepEqual(await actor.do('result = c.getpeername()[:2]'), [`::ffff:${IMDS}`, 80]);
    assert.equal((await opened(actor.run, 80)).remoteAddress, IMDS);
  });

  test('nobody else: outsiders, other selections, other ports and addresses', async () => {
    const [outsider, actor] = [
      await stage.start(observer, 'outsider', { outside: true }),
      await stage.start(observer, 'other workload'),
    ];
    redirect(SELECTION);
    assert.ok(!(await isTurned(outsider)));
    assert.equal(await actor.do(...connectTo(IMDS, 81)), 'no');
    assert.equal(await actor.do(...connectTo('169.254.169.253', 80)), 'no');
    // To the broker's port by its own name: known to it, and not renamed.
    assert.equal(await actor.do(...connectTo('127.0.0.1', port)), 'yes');
    assert.deepEqual(await actor.do('result = c.getpeername()'), ['127.0.0.1', port]);
    assert.equal((await opened(actor.run, port)).isRedirected, undefined);
    redirect(SELECTION + 1);
    assert.ok(!(await isTurned(actor)));
  });

  test('a socket that is connected again goes where it asks to then', async () => {
    const actor = await stage.start(observer, 'again');
    redirect(SELECTION);
    assert.ok(await isTurned(actor));
    await actor.do(
      'libc = ctypes.CDLL(None, use_errno=True)',
      'result = libc.connect(c.fileno(), struct.pack("16x"), 16)',
      `c.connect(("127.0.0.1", ${port}))`,
    );
    assert.deepEqual(await actor.do('result = c.getpeername()'), ['127.0.0.1', port]);
  });

  test('what is in another network namespace is left alone, and counted', async () => {
    const actor = await stage.start(observer, 'apart');
    redirect(SELECTION);
    await actor.do(
      'if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0: raise OSError(ctypes.get_errno(), "")',
    );
    const count = () => observer.source.health.counters['redirectNamespace']?.events ?? 0;
    const before = count();
    assert.equal(await actor.do(...connectTo(IMDS)), 'no');
    assert.equal(count(), before + 1);
  });

  test('it is over when nobody asks for it', async () => {
    const actor = await stage.start(observer, 'off');
    redirect(SELECTION);
    redirect();
    assert.ok(!(await isTurned(actor)));
    redirect(SELECTION);
    assert.ok(await isTurned(actor));
  });

  test('its programs are attached while a selection asks for it, and loaded only when one may', () => {
    const { Capture } = loadAddon();
    const redirects = (capture: Capture) => capture.programs().filter(({ name }) => name.startsWith('redirect_'));
    for (const imdsRedirect of [false, true]) {
      const capture = new Capture({ ringBytes: 65_536, imdsRedirect });
      try {
        assert.equal(redirects(capture).length, imdsRedirect ? 4 : 0);
        if (!imdsRedirect) continue;
        for (const [to, ids, expected] of [
          [port, [], 0],
          [port, [SELECTION], 4],
          [port, [SELECTION, SELECTION + 1], 4],
          [0, [SELECTION], 0],
        ] as const) {
          capture.redirectImds(to, ids);
          assert.equal(redirects(capture).filter((program) => program.attached).length, expected);
        }
      } finally {
        capture.close();
      }
    }
  });
}
