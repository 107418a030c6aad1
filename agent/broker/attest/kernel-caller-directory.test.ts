// SPDX-License-Identifier: Apache-2.0

/** What is made of the kernel side's answers; that those are right is shown in native/test/broker-callers.test.ts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { BrokerCaller, KnownProcess, SocketUser } from '../../model/broker-caller.ts';
import { startNsOf } from '../testing/staged-broker.ts';
import type { BrokerConnection, Caller } from './caller-directory.ts';
import { createKernelCallerDirectory } from './kernel-caller-directory.ts';

const NAMESPACE = 4_026_531_840;
const SCOPE = { selectionId: 3, sessionKey: 9n };
const OTHER_SCOPE = { selectionId: 3, sessionKey: 10n };

const user = (pid: number, more: Partial<SocketUser> = {}): SocketUser => ({
  process: { pid, startNs: startNsOf(pid) },
  scope: SCOPE,
  execs: 1,
  uid: 1000,
  gid: 1000,
  ...more,
});

describe('callers by the kernel side', () => {
  let server: Server;
  let client: Socket;
  let connection: BrokerConnection;
  /** This process holds the connection; its parent does not. */
  const self = user(process.pid);
  const other = user(process.ppid);

  before(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [{ localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 }] = await accepted;
    connection = { localAddress, localPort, remoteAddress, remotePort };
  });
  after(() => {
    client.destroy();
    server.close();
  });

  function callerFor(record: Partial<BrokerCaller>, now?: Partial<KnownProcess>): Caller | undefined {
    const directory = createKernelCallerDirectory({
      kernel: {
        callerOf: ({ localPort, remotePort }) => {
          assert.deepEqual([localPort, remotePort], [connection.remotePort, connection.localPort]);
          return {
            opener: self,
            sender: self,
            connectionKey: 5,
            networkNamespace: NAMESPACE,
            changes: 0,
            hasStrangers: false,
            isUntold: false,
            isRedirected: false,
            ...record,
          };
        },
        processOf: (pid) => now && { process: user(pid).process, scope: SCOPE, execs: 1, ...now },
      },
      workloadOf: ({ sessionKey }) => ({ selectionName: 'orders', sessionId: `s${sessionKey}` }),
      networkNamespace: NAMESPACE,
    });
    return directory.callerOf(connection);
  }

  test('the sender, as it is by now', () => {
    assert.deepEqual(callerFor({ sender: other }, { scope: OTHER_SCOPE, execs: 4 }), {
      ...other.process,
      uid: 1000,
      gid: 1000,
      selectionName: 'orders',
      sessionId: 's10',
      sessionKey: 10n,
      networkNamespace: NAMESPACE,
      execs: 4,
      openedExecs: 1,
      openedBy: { ...self.process, selectionName: 'orders', sessionKey: 9n },
      connectionKey: 5,
      senderChanges: 0,
    });
  });

  test('what a later process with the pid is has nothing to do with it', () => {
    const caller = callerFor({}, { process: { pid: process.pid, startNs: 1n }, scope: OTHER_SCOPE, execs: 9 });
    assert.deepEqual([caller?.sessionKey, caller?.execs], [9n, 1]);
  });

  test('nobody of another network namespace', () => {
    assert.equal(callerFor({ networkNamespace: NAMESPACE + 1 }), undefined);
  });

  test('what could not be told is the opener’s while it holds the socket, and nobody else’s', () => {
    for (const record of [{ isUntold: true }, { sender: undefined }, { sender: undefined, isUntold: true }]) {
      assert.equal(callerFor(record)?.pid, process.pid);
      assert.equal(
        callerFor({ ...record, opener: other, ...('sender' in record ? {} : { sender: other }) }),
        undefined,
      );
    }
    assert.equal(callerFor({ isUntold: true, sender: other }), undefined);
  });

  test('where strangers had a part it is nobody’s, unless the last was one', () => {
    assert.equal(callerFor({ hasStrangers: true }), undefined);
    assert.equal(callerFor({ hasStrangers: true, sender: undefined }), undefined);
    assert.equal(callerFor({ hasStrangers: true, sender: other }), undefined);
    const stranger = callerFor({ hasStrangers: true, sender: { ...other, scope: undefined } });
    assert.deepEqual([stranger?.pid, stranger?.selectionName], [process.ppid, undefined]);
  });
});
