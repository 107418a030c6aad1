// SPDX-License-Identifier: Apache-2.0

/** Who calls the broker: who opened a connection, who sends on it, which program that runs by now. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { type Caller, isSameCaller } from '../../agent/broker/attest/caller-directory.ts';
import { createKernelCallerDirectory } from '../../agent/broker/attest/kernel-caller-directory.ts';
import { type Actor, Stage } from './actor.ts';
import { unless } from './bpf-host.ts';
import { Observer } from './observer.ts';

const SEND_DESCRIPTOR = 'socket.send_fds(pair, [b"x"], [c.fileno()])';
const TAKE_DESCRIPTOR = 'c = socket.socket(fileno=socket.recv_fds(pair, 1, 1)[1][0])';

describe('callers of the broker', unless('bpf'), () => {
  let observer: Observer;
  let broker: Server;
  let port = 0;
  let stage: Stage;

  before(async () => {
    observer = await Observer.open({ timing: { sweepMs: 50, rescanMs: 60_000 } });
    // Half-open connections stay: who calls must be known while one waits for its answer.
    broker = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(broker, 'listening');
    port = (broker.address() as AddressInfo).port;
    observer.source.setBrokerPorts([port]);
    stage = new Stage();
  });
  after(async () => {
    await stage?.close();
    broker?.close();
    await observer?.close();
  });
  const accepted: Socket[] = [];
  afterEach(() => {
    for (const socket of accepted.splice(0)) socket.destroy();
  });

  const directory = () =>
    createKernelCallerDirectory({
      kernel: observer.source,
      workloadOf: ({ selectionId, sessionKey }) => ({ selectionName: `${selectionId}`, sessionId: `${sessionKey}` }),
    });

  interface Call {
    readonly socket: Socket;
    /** What the broker is told now. */
    caller(): Caller | undefined;
    /** Until these bytes have come. */
    came(text: string): Promise<void>;
    answer(): void;
  }

  async function connectBy(actor: Actor, ...before: string[]): Promise<Call> {
    const connected = once(broker, 'connection') as Promise<[Socket]>;
    await actor.do('c = socket.socket()', ...before, `c.connect(("127.0.0.1", ${port}))`);
    const [socket] = await connected;
    accepted.push(socket);
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
    const callers = directory();
    return {
      socket,
      caller: () => callers.callerOf({ localAddress, localPort, remoteAddress, remotePort }),
      came: (wanted) => observer.until(`'${wanted}' instead of '${text}'`, () => text === wanted),
      answer: () => void socket.write('answer'),
    };
  }

  test('the process that opened the connection and sends on it', async () => {
    const actor = await stage.start(observer, 'opener');
    const call = await connectBy(actor);
    await actor.do('c.sendall(b"GET")');
    await call.came('GET');
    const { startNs, ...caller } = call.caller() as Caller;
    assert.ok(startNs > 0n);
    assert.deepEqual(
      { ...caller, connectionKey: 1, networkNamespace: 1 },
      {
        pid: actor.pid,
        uid: 0,
        gid: 0,
        selectionName: '7',
        sessionId: `${actor.run.sessionKey}`,
        sessionKey: actor.run.sessionKey,
        networkNamespace: 1,
        // The gate was watched, and executed the program.
        execs: 1,
        openedExecs: 1,
        connectionKey: 1,
        senderChanges: 0,
      },
    );
  });

  test('an outsider is named as one', async () => {
    const actor = await stage.start(observer, 'outsider', { outside: true });
    const call = await connectBy(actor);
    await actor.do('c.sendall(b"GET")');
    await call.came('GET');
    const caller = call.caller();
    assert.deepEqual([caller?.pid, caller?.selectionName, caller?.execs], [actor.pid, undefined, 0]);
  });

  test('a child that goes on with what it inherited is named itself, in the session of its parent', async () => {
    const parent = await stage.start(observer, 'parent');
    const call = await connectBy(parent);
    await parent.do('fork("child")');
    const child = await stage.actor('child');
    await child.do('c.sendall(b"GET")');
    await call.came('GET');
    const caller = call.caller();
    assert.equal(caller?.pid, child.pid);
    assert.equal(caller.sessionKey, parent.run.sessionKey);
    assert.deepEqual(
      [caller.openedBy?.pid, caller.openedBy?.sessionKey, caller.openedBy?.selectionName],
      [parent.pid, parent.run.sessionKey, '7'],
    );
    assert.equal(caller.senderChanges, 0);
    // The next request is the parent's again.
    call.answer();
    await parent.do('c.recv(100)', 'c.sendall(b"PUT")');
    await call.came('GETPUT');
    assert.deepEqual([call.caller()?.pid, call.caller()?.senderChanges], [parent.pid, 0]);
  });

  test('two that each send half of a request are noticed', async () => {
    const parent = await stage.start(observer, 'halves');
    const call = await connectBy(parent);
    await parent.do('fork("other half")');
    const child = await stage.actor('other half');
    await parent.do('c.sendall(b"GE")');
    await call.came('GE');
    const first = call.caller();
    await child.do('c.sendall(b"T")');
    await call.came('GET');
    assert.deepEqual([first?.pid, call.caller()?.pid, call.caller()?.senderChanges], [parent.pid, child.pid, 1]);
    assert.ok(!isSameCaller(first as Caller, call.caller() as Caller));
  });

  for (const [name, kept] of [
    ['keeps it open', ''],
    ['closes it', 'c.close()'],
  ] as const) {
    test(`an outsider who is passed a connection is named, also while the opener ${name}`, async () => {
      const opener = await stage.start(observer, `giver ${name}`);
      const call = await connectBy(opener);
      // The other end of the pair comes to the outsider by its own connect.
      const address = `\\0sworn-${process.pid}-${name}`;
      await opener.do('l = socket.socket(socket.AF_UNIX)', `l.bind("${address}")`, 'l.listen()');
      const outsider = await stage.start(observer, `taker ${name}`, { outside: true });
      await outsider.do('pair = socket.socket(socket.AF_UNIX)', `pair.connect("${address}")`);
      await opener.do('pair = l.accept()[0]', SEND_DESCRIPTOR, kept);
      await outsider.do(TAKE_DESCRIPTOR, 'c.sendall(b"GET")');
      await call.came('GET');
      const caller = call.caller();
      assert.deepEqual([caller?.pid, caller?.selectionName, caller?.sessionKey], [outsider.pid, undefined, 0n]);
      assert.deepEqual([caller?.openedBy?.pid, caller?.openedBy?.sessionKey], [opener.pid, opener.run.sessionKey]);
      if (kept !== '') return;
      // What a stranger had a part in stays nobody's, however often the opener sends.
      call.answer();
      await opener.do('c.recv(100)', 'c.sendall(b"PUT")');
      await call.came('GETPUT');
      assert.equal(call.caller(), undefined);
    });
  }

  test('half of a request by a stranger, the other by the opener: nobody', async () => {
    const opener = await stage.start(observer, 'mixed');
    const call = await connectBy(opener);
    const address = `\\0sworn-${process.pid}-mixed`;
    await opener.do('l = socket.socket(socket.AF_UNIX)', `l.bind("${address}")`, 'l.listen()');
    const outsider = await stage.start(observer, 'stranger', { outside: true });
    await outsider.do('pair = socket.socket(socket.AF_UNIX)', `pair.connect("${address}")`);
    await opener.do('pair = l.accept()[0]', SEND_DESCRIPTOR);
    await outsider.do(TAKE_DESCRIPTOR, 'c.sendall(b"GE")');
    await call.came('GE');
    assert.equal(call.caller()?.pid, outsider.pid);
    await opener.do('c.sendall(b"T")');
    await call.came('GET');
    assert.equal(call.caller(), undefined);
  });

  test('what waited is its writer’s, whoever makes it leave', async () => {
    const parent = await stage.start(observer, 'corks');
    const call = await connectBy(parent, 'c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)');
    await parent.do('fork("writer")');
    const child = await stage.actor('writer');
    await child.do('c.sendall(b"GET")');
    await parent.do('c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)');
    await call.came('GET');
    assert.deepEqual([call.caller()?.pid, call.caller()?.senderChanges], [child.pid, 1]);
  });

  test('what leaves by itself is its writer’s', async () => {
    const parent = await stage.start(observer, 'timer');
    const call = await connectBy(parent, 'c.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)');
    await parent.do('fork("waiter")');
    const child = await stage.actor('waiter');
    // A cork lets go after 200 ms, in an interrupt.
    await child.do('c.sendall(b"GET")');
    await call.came('GET');
    assert.deepEqual([call.caller()?.pid, call.caller()?.senderChanges], [child.pid, 0]);
  });

  test('another program in the same process: its count of execs is another', async () => {
    const actor = await stage.start(observer, 'before exec');
    const call = await connectBy(actor);
    await actor.do('c.sendall(b"GET")');
    await call.came('GET');
    const before = call.caller() as Caller;
    actor.send('execute("after exec", c.fileno())');
    const successor = await stage.actor('after exec');
    assert.equal(successor.pid, actor.pid);
    const now = call.caller() as Caller;
    assert.deepEqual([before.execs, before.openedExecs, now.execs, now.openedExecs], [1, 1, 2, 1]);
    assert.ok(!isSameCaller(before, now));
    // Also of a child that sent on its parent's connection.
    await successor.do('fork("child of it")');
    const child = await stage.actor('child of it');
    await child.do(
      `c = socket.socket(fileno=max(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd) and "socket" in os.readlink("/proc/self/fd/" + fd) and socket.socket(fileno=os.dup(int(fd))).family == socket.AF_INET))`,
    );
    await child.do('c.sendall(b"PUT")');
    await call.came('GETPUT');
    assert.deepEqual([call.caller()?.pid, call.caller()?.execs, call.caller()?.openedExecs], [child.pid, 0, 0]);
    child.send('execute("child after exec", c.fileno())');
    await stage.actor('child after exec');
    assert.deepEqual([call.caller()?.pid, call.caller()?.execs, call.caller()?.openedExecs], [child.pid, 1, 0]);
  });

  test('a connection that is over has no caller, and one with the same addresses its own', async () => {
    const [first, second] = [await stage.start(observer, 'first'), await stage.start(observer, 'second')];
    const reuse = 'c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)';
    const reset = 'c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))';
    const call = await connectBy(first, reuse, reset, 'c.bind(("127.0.0.1", 0))');
    await first.do('c.sendall(b"GET")');
    await call.came('GET');
    const before = call.caller();
    assert.equal(before?.pid, first.pid);
    await first.do('c.close()');
    assert.equal(call.caller(), undefined);
    const again = await connectBy(second, reuse, `c.bind(("127.0.0.1", ${call.socket.remotePort}))`);
    assert.equal(again.socket.remotePort, call.socket.remotePort);
    await second.do('c.sendall(b"PUT")');
    await again.came('PUT');
    assert.equal(call.caller()?.pid, second.pid);
    assert.notEqual(call.caller()?.connectionKey, before?.connectionKey);
    // One that has sent all and waits for its answer is still there.
    await second.do('c.shutdown(socket.SHUT_WR)');
    await observer.until('its end', () => again.socket.readableEnded);
    assert.equal(again.caller()?.pid, second.pid);
  });

  test('the same addresses but the broker’s own: another connection', async () => {
    const [actor, other] = [await stage.start(observer, 'to the broker'), await stage.start(observer, 'elsewhere')];
    const elsewhere = createServer().listen(port, '127.0.0.2');
    await once(elsewhere, 'listening');
    try {
      const call = await connectBy(
        actor,
        'c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)',
        'c.bind(("127.0.0.1", 0))',
      );
      await actor.do('c.sendall(b"GET")');
      await call.came('GET');
      await other.do(
        'c = socket.socket()',
        'c.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)',
        `c.bind(("127.0.0.1", ${call.socket.remotePort}))`,
        `c.connect(("127.0.0.2", ${port}))`,
        'c.sendall(b"GET")',
      );
      assert.equal(call.caller()?.pid, actor.pid);
      await other.do('c.close()');
      assert.equal(call.caller()?.pid, actor.pid);
    } finally {
      elsewhere.close();
    }
  });

  test('another network namespace has the same addresses; what happens there is no call', async () => {
    const [here, there] = [await stage.start(observer, 'here'), await stage.start(observer, 'there')];
    // The stage is a unix socket, and is reached from there, too.
    await there.do(
      'if ctypes.CDLL(None, use_errno=True).unshare(0x40000000) != 0: raise OSError(ctypes.get_errno(), "")',
      'request = struct.pack("16sH14x", b"lo", 1)',
      'fcntl.ioctl(socket.socket(), 0x8914, request)',
      'l = socket.socket()',
      `l.bind(("127.0.0.1", ${port}))`,
      'l.listen()',
    );
    const call = await connectBy(here, 'c.bind(("127.0.0.1", 0))');
    await here.do('c.sendall(b"GET")');
    await call.came('GET');
    const before = call.caller();
    await there.do(
      'c = socket.socket()',
      `c.bind(("127.0.0.1", ${call.socket.remotePort}))`,
      `c.connect(("127.0.0.1", ${port}))`,
      'c.sendall(b"PUT")',
    );
    assert.equal(before?.pid, here.pid);
    assert.deepEqual(call.caller(), before);
    await there.do('c.close()');
    assert.deepEqual(call.caller(), before);
    // A socket of that namespace that is not in the way of one here.
    await there.do('c = socket.socket()', `c.connect(("127.0.0.1", ${port}))`, 'result = c.getsockname()[1]');
    const remotePort = (await there.do('result = c.getsockname()[1]')) as number;
    const ends = { localAddress: '127.0.0.1', localPort: port, remoteAddress: '127.0.0.1', remotePort };
    assert.equal(directory().callerOf(ends), undefined);
  });

  test('a request that leaves bit by bit, in interrupts and while another reads, is its writer’s', async () => {
    const actor = await stage.start(observer, 'slow');
    const call = await connectBy(actor);
    await actor.do('fork("reader")');
    const child = await stage.actor('reader');
    // The broker reads nothing, so most of it waits, and leaves bit by bit while the other process asks for the answer.
    call.socket.pause();
    await actor.do('c.setblocking(False)', 'result = c.send(b"x" * 8_000_000)');
    const [sent] = [call.caller()?.pid];
    await child.do('c.setblocking(False)', 'try: c.recv(1)', 'except BlockingIOError: pass');
    call.socket.resume();
    await observer.until('it has come', () => call.socket.bytesRead > 1_000_000);
    assert.deepEqual([sent, call.caller()?.pid, call.caller()?.senderChanges], [actor.pid, actor.pid, 0]);
  });
});
