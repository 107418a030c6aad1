// SPDX-License-Identifier: Apache-2.0

/** Who connected a unix socket, and whether that process still is what it was. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import {
  createUnixCallerDirectory,
  type UnixCallerDirectory,
  type UnixPeers,
} from '../../agent/broker/attest/unix-caller-directory.ts';
import { startNsOf } from '../../agent/broker/testing/staged-broker.ts';
import { type Addon, loadAddon } from '../../agent/source/ebpf/addon.ts';
import { type Actor, Stage } from './actor.ts';
import { unless } from './bpf-host.ts';
import { Observer } from './observer.ts';
import { scratchFolder } from './trigger.ts';

const NS_PER_TICK = 10_000_000n;

describe('callers on a unix socket', unless('bpf'), () => {
  let observer: Observer;
  let addon: Addon;
  let server: Server;
  let stage: Stage;
  const path = join(scratchFolder(), `unix-callers-${process.pid}`);
  const accepted: Socket[] = [];

  before(async () => {
    addon = loadAddon();
    observer = await Observer.open({ timing: { sweepMs: 50, rescanMs: 60_000 } });
    server = createServer().listen({ path, writableAll: true });
    await once(server, 'listening');
    stage = new Stage();
  });
  after(async () => {
    await stage?.close();
    server?.close();
    await observer?.close();
  });
  afterEach(() => {
    for (const socket of accepted.splice(0)) socket.destroy();
  });

  const directoryOver = (peers: UnixPeers): UnixCallerDirectory =>
    createUnixCallerDirectory({
      peers,
      kernel: observer.source,
      workloadOf: ({ selectionId }) => ({ selectionName: `${selectionId}` }),
    });
  /** As on kernels before 6.5. */
  const withoutPidfd = (): UnixPeers => ({ ...addon, peerPidfdOf: () => undefined });

  async function connectBy(actor: Actor): Promise<Socket> {
    const connected = once(server, 'connection') as Promise<[Socket]>;
    await actor.do('c = socket.socket(socket.AF_UNIX)', `c.connect("${path}")`);
    const [socket] = await connected;
    socket.on('error', () => {});
    accepted.push(socket);
    return socket;
  }

  for (const [how, peers] of [
    ['by its pidfd', () => addon],
    ['by its start time', withoutPidfd],
  ] as const) {
    test(`${how}: a process of a workload, in its session, with what it runs`, async () => {
      const actor = await stage.start(observer, `unix ${how}`, { uid: 64_991, gid: 64_992 });
      const socket = await connectBy(actor);
      const directory = directoryOver(peers());
      const { startNs, ...caller } = directory.callerOf(socket) ?? { startNs: 0n };
      assert.equal(startNs / NS_PER_TICK, startNsOf(actor.pid) / NS_PER_TICK);
      assert.deepEqual(caller, {
        pid: actor.pid,
        uid: 64_991,
        gid: 64_992,
        selectionName: '7',
        sessionKey: actor.run.sessionKey,
        execs: 1,
        openedExecs: 1,
      });
      actor.send(`execute("unix exec ${how}", c.fileno())`);
      await stage.actor(`unix exec ${how}`);
      const now = directory.callerOf(socket);
      assert.deepEqual([now?.pid, now?.execs, now?.openedExecs], [actor.pid, 2, 1]);
    });

    test(`${how}: an outsider is named as one`, async () => {
      const actor = await stage.start(observer, `unix outsider ${how}`, { outside: true });
      const caller = directoryOver(peers()).callerOf(await connectBy(actor));
      assert.deepEqual([caller?.pid, caller?.selectionName, caller?.sessionKey], [actor.pid, undefined, 0n]);
    });

    test(`${how}: one that has ended is nobody, though another has its connection`, async () => {
      const parent = await stage.start(observer, `unix parent ${how}`);
      await parent.do(`fork("unix child ${how}")`);
      const child = await stage.actor(`unix child ${how}`);
      const socket = await connectBy(child);
      const directory = directoryOver(peers());
      assert.equal(directory.callerOf(socket)?.pid, child.pid);
      await child.do(`fork("unix heir ${how}")`);
      const heir = await stage.actor(`unix heir ${how}`);
      await heir.do('c.sendall(b"GET")');
      // Who sends cannot be told here.
      assert.equal(directory.callerOf(socket)?.pid, child.pid);
      child.send('os._exit(0)');
      await parent.do('os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)');
      assert.equal(directory.callerOf(socket), undefined, 'it has ended');
      assert.equal(directoryOver(peers()).callerOf(socket), undefined, 'at the first look');
      await parent.do('os.wait()');
      assert.equal(directory.callerOf(socket), undefined, 'nobody remembers it');
      assert.equal(directoryOver(peers()).callerOf(socket), undefined, 'at the first look');
      await heir.do('c.sendall(b"PUT")');
    });
  }

  test('the descriptor of the process is closed with the connection', async () => {
    const pidfds = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).includes('pidfd');
        } catch {
          return false;
        }
      }).length;
    const before = pidfds();
    const actor = await stage.start(observer, 'unix short');
    const [socket, directory] = [await connectBy(actor), directoryOver(addon)];
    directory.callerOf(socket);
    directory.callerOf(socket);
    assert.equal(pidfds(), before + 1);
    socket.destroy();
    assert.equal(directory.callerOf(socket), undefined);
    await once(socket, 'close');
    assert.equal(pidfds(), before);
  });

  test('a descriptor that is none is refused', () => {
    for (const call of [addon.peerOf, addon.peerPidfdOf, addon.isPidfdAlive]) {
      assert.throws(() => call(2 ** 31 - 1), { code: 'EBADF' });
      assert.throws(() => (call as (fd: unknown) => unknown)('1'), TypeError);
    }
  });
});
