// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { bind, type Session, type TrackedProcess } from '../lineage/session.ts';
import {
  bigintFromUint64,
  ConnectionAction,
  IdentitySource,
  IdentityState,
  ProcessAction,
  Role,
  SessionAction,
  Status,
} from '../model/activity.ts';
import { NO_IDENTITY } from '../model/identity.ts';
import type { ConnectionClosed, ConnectionOpened, Program } from '../model/kernel-event.ts';
import { ActivityBuilder, type ConnectionView } from './activity-builder.ts';
import { Redactor } from './redaction/redactor.ts';
import { exchangeOf } from './redaction/testing/marked.ts';

const EPOCH = 1_790_000_000_000_000_123n;
const SCOPE = { selectionId: 1, sessionKey: 7n };
const KEY = { pid: 100, startNs: 5n };
const CONTAINER = 'c'.repeat(64);

const builder = new ActivityBuilder(
  { boot: 'b00tb00t', toUnixNs: (atNs) => EPOCH + BigInt(atNs) },
  new Redactor(new Uint8Array(32)),
);

const PROGRAM: Program = {
  exe: '/usr/bin/psql',
  cwd: '/srv',
  cgroup: `/system.slice/docker-${CONTAINER}.scope`,
  argv: ['psql', '--password', 'hunter2'],
  argvBytes: 24,
  argvComplete: true,
  uid: 1001,
  gid: 1002,
  loginUid: 1000,
};

function session(): Session {
  return {
    id: 'session-1',
    workload: 'w',
    selectedBy: 'run',
    scope: SCOPE,
    startedNs: 1000,
    argv: PROGRAM.argv,
    bindings: [
      {
        sinceNs: 0,
        binding: {
          ...NO_IDENTITY,
          identityId: 'by-policy',
          identityName: 'agent',
          state: IdentityState.POLICY,
          source: IdentitySource.POLICY,
        },
      },
    ],
    alive: new Set(),
    first: undefined,
    processes: 3,
    commands: 4,
    losses: 5,
    exitCode: 6,
    signal: 0,
    over: false,
  };
}

function processOf(of: Session, about: Partial<TrackedProcess> = {}): TrackedProcess {
  const process: TrackedProcess = {
    key: KEY,
    parent: { pid: 99, startNs: 4n },
    session: of,
    startedNs: 1000,
    program: PROGRAM,
    executedNs: 1000,
    exitedNs: undefined,
    exitSeen: false,
    ...about,
  };
  return process;
}

const OPENED: ConnectionOpened = {
  type: 'connection-opened',
  atNs: 2500,
  startedNs: 2000,
  connectionKey: 77,
  scope: SCOPE,
  process: KEY,
  transport: 'tcp',
  role: 'client',
  localAddress: '10.0.0.1',
  localPort: 50000,
  remoteAddress: '10.0.0.2',
  remotePort: 5432,
  joinedLate: false,
  peerPid: 0,
};

const CLOSED: ConnectionClosed = {
  ...OPENED,
  type: 'connection-closed',
  atNs: 9000,
  failed: false,
  error: 0,
  sentBytes: 10,
  receivedBytes: 20,
  unsentBytes: 0,
  unreadBytes: 0,
  droppedSentBytes: 0,
  droppedReceivedBytes: 0,
  heldUs: 0,
};

function view(opened: Partial<ConnectionOpened> = {}, about: Partial<ConnectionView> = {}): ConnectionView {
  return {
    opened: { ...OPENED, ...opened },
    role: 'client',
    protocol: 'postgresql',
    tls: undefined,
    account: (direction) => ({
      moved: direction === 'sent' ? 10 : 20,
      decoded: direction === 'sent' ? 10 : 20,
      notUnderstood: 0,
      unreadable: 0,
      cut: 0,
      lost: 0,
    }),
    surplus: () => 0,
    ...about,
  };
}

describe('a command', () => {
  it('says what the exchange says, with its times on the clock of the wall', () => {
    const of = session();
    const built = builder.command(
      view(),
      exchangeOf({
        operation: 'SELECT',
        target: 'shop',
        statement: 'SELECT 1',
        statementShape: 'select ?',
        rows: 0,
        attributes: { portal: 'p' },
        requestBytes: 11,
        responseBytes: 22,
        requestAt: 3000,
        responseAt: 3500,
        responseEndAt: 4000,
      }),
      of,
      processOf(of),
      100,
    );
    assert.equal(built.detail, 'command');
    assert.equal(bigintFromUint64(built.timeNs), EPOCH + 3000n);
    assert.equal(bigintFromUint64(built.endTimeNs), EPOCH + 4000n);
    const { command } = built as Extract<typeof built, { detail: 'command' }>;
    assert.equal(command.durationNs, 1000);
    assert.equal(command.target, 'shop@10.0.0.2:5432');
    assert.equal(command.statementShape, 'select ?');
    assert.equal(command.rows, 0, 'none is a number as well');
    assert.equal(command.status, Status.OK);
    assert.equal(command.role, Role.CLIENT);
    assert.deepEqual({ ...command.attributes }, { portal: 'p' });
    assert.deepEqual([command.requestBytes, command.responseBytes], [11, 22]);
    assert.equal(built.processId, builder.processId(processOf(of)));
    assert.equal(built.exe, '/usr/bin/psql');
  });

  it('has no rows where the protocol does not count them, and no time below zero', () => {
    const exchange = exchangeOf({ status: 'unknown', requestAt: 5000, responseEndAt: 4000 });
    const built = builder.command(view(), exchange, session(), undefined, 0);
    assert.ok(built.detail === 'command');
    assert.equal(built.command.rows, null);
    assert.equal(built.command.durationNs, 0);
    assert.equal(built.command.status, Status.UNKNOWN);
    assert.equal(built.processId, '');
    assert.equal(built.exe, '');
  });

  it('that was cut says so, with size and digest of the whole payload', () => {
    const whole = Buffer.from('0123456789');
    const sha256 = createHash('sha256').update(whole).digest();
    const request = { bytes: whole.subarray(0, 4), totalBytes: whole.length, sha256 };
    const built = builder.command(view(), exchangeOf({ request, truncated: true }), session(), undefined, 0);
    assert.ok(built.detail === 'command');
    const { command } = built;
    assert.equal(command.truncated, true);
    assert.equal(command.requestPayloadBytes, 10);
    assert.deepEqual(Buffer.from(command.request), Buffer.from('0123'));
    assert.deepEqual(Buffer.from(command.requestSha256), sha256);
    assert.equal(command.responsePayloadBytes, 0);
    assert.equal(command.responseSha256.length, 0, 'of what was kept whole there is no digest');
  });

  it('is redacted in all its parts; its size is that of what crossed', () => {
    const text = '{"password":"hunter2"}';
    const payload = { bytes: Buffer.from(text), totalBytes: text.length };
    const built = builder.command(
      view({}, { protocol: 'http' }),
      exchangeOf({
        resource: '/?password=hunter2',
        statement: 'POST /?password=hunter2',
        errorMessage: 'password=hunter2',
        attributes: { note: 'password=hunter2' },
        request: payload,
        response: payload,
      }),
      session(),
      undefined,
      0,
    );
    assert.ok(built.detail === 'command');
    const { request, response, ...texts } = built.command;
    const seen = `${JSON.stringify(texts)}${Buffer.from(request)}${Buffer.from(response)}`;
    assert.ok(!seen.includes('hunter2'), seen);
    assert.equal(built.command.requestPayloadBytes, text.length);
  });

  it('goes to an address, a name at an address, or what HTTP names', () => {
    const targetOf = (connection: ConnectionView, target: string): string => {
      const built = builder.command(connection, exchangeOf({ target }), session(), undefined, 0);
      assert.ok(built.detail === 'command');
      return built.command.target;
    };
    assert.equal(targetOf(view(), ''), '10.0.0.2:5432');
    assert.equal(targetOf(view({ remoteAddress: '2001:db8::1' }), 'shop'), 'shop@[2001:db8::1]:5432');
    assert.equal(targetOf(view({ transport: 'unix', remoteAddress: '/run/x.sock' }), 'shop'), 'shop@/run/x.sock');
    assert.equal(targetOf(view({}, { role: 'server' }), ''), '10.0.0.1:50000');
    assert.equal(targetOf(view({}, { protocol: 'http' }), 'api.example.net'), 'api.example.net');
    assert.equal(targetOf(view({}, { protocol: 'http' }), ''), '10.0.0.2:5432');
  });

  it('has the identity that was known when it was sent', () => {
    const of = session();
    bind(of, 5000, {
      ...NO_IDENTITY,
      identityId: 'proven',
      identityName: 'agent',
      state: IdentityState.VERIFIED,
      source: IdentitySource.BROKER,
      tokenId: 'uti',
    });
    const identityAt = (requestAt: number) =>
      builder.command(view(), exchangeOf({ requestAt, responseEndAt: 9000 }), of, undefined, 0);
    assert.equal(identityAt(4999).identityId, 'by-policy');
    assert.equal(identityAt(5000).identityId, 'proven');
    assert.equal(identityAt(5000).tokenId, 'uti');
  });
});

describe('a process', () => {
  it('that executes a program has its words, without secrets, and what they were in the kernel', () => {
    const of = session();
    const built = builder.executed(processOf(of), PROGRAM, 3000);
    assert.ok(built.detail === 'process');
    const { process } = built;
    assert.equal(process.action, ProcessAction.EXEC);
    assert.match(process.argv.join(' '), /^psql --password \[redacted:[0-9a-f]{12}\]$/);
    assert.equal(process.argvBytes, 24);
    assert.equal(process.truncated, false);
    assert.deepEqual([process.uid, process.gid, process.loginUid], [1001, 1002, 1000]);
    assert.equal(process.containerId, CONTAINER);
    assert.deepEqual(built.timeNs, built.endTimeNs);
  });

  it('whose words were cut says so', () => {
    const of = session();
    const built = builder.executed(processOf(of), { ...PROGRAM, argvComplete: false, argvBytes: 9000 }, 3000);
    assert.ok(built.detail === 'process');
    assert.equal(built.process.truncated, true);
    assert.equal(built.process.argvBytes, 9000);
  });

  it('that is not known is nobody, and not root', () => {
    const built = builder.joined(processOf(session(), { program: undefined }), undefined, 3000);
    assert.ok(built.detail === 'process');
    assert.deepEqual([built.process.uid, built.process.gid, built.process.loginUid], Array(3).fill(4294967295));
    assert.equal(built.exe, '');
    assert.deepEqual(built.process.argv, []);
  });

  it('that forks or ends does not tell its words again', () => {
    const of = session();
    const forked = builder.forked(processOf(of), 3000);
    const exited = builder.exited(processOf(of), { exitCode: 3, signal: 9, coreDumped: true, statusKnown: true }, 4000);
    assert.ok(forked.detail === 'process' && exited.detail === 'process');
    assert.deepEqual(forked.process.argv, []);
    assert.equal(forked.process.cwd, '');
    assert.deepEqual([exited.process.exitCode, exited.process.signal, exited.process.coreDumped], [3, 9, true]);
    assert.equal(exited.process.parentPid, 99);
    assert.equal(exited.process.parentProcessId, 'b00tb00t-2r-4');
  });
});

describe('a session', () => {
  it('has its command line without secrets, and its sums', () => {
    const built = builder.sessionEnded(session(), 9000);
    assert.ok(built.detail === 'session');
    assert.equal(built.session.action, SessionAction.ENDED);
    assert.match(built.session.commandLine, /^psql --password '\[redacted:[0-9a-f]{12}\]'$/);
    const { processes, commands, losses, exitCode } = built.session;
    assert.deepEqual([processes, commands, losses, exitCode], [3, 4, 5, 6]);
    assert.equal(bigintFromUint64(built.timeNs), EPOCH + 1000n);
    assert.equal(bigintFromUint64(built.endTimeNs), EPOCH + 9000n);
  });
});

describe('a connection', () => {
  it('has one id from its opening to its end, another one for a unix socket', () => {
    const opened = builder.connectionOpened(view({ peerPid: 12 }), session(), undefined, 100);
    const closed = builder.connectionClosed(view(), CLOSED, session(), undefined, 100, 9000);
    assert.equal(opened.connectionId, closed.connectionId);
    assert.equal(opened.connectionId, 'b00tb00t-t25-1jk');
    assert.equal(builder.connectionId({ connectionKey: -77, startedNs: 2000 }), 'b00tb00t-u25-1jk');
    assert.ok(opened.detail === 'connection' && closed.detail === 'connection');
    assert.deepEqual({ ...opened.connection.attributes }, { peer_pid: '12' });
    const led = builder.connectionOpened(view({ isRedirected: true }), session(), undefined, 100);
    assert.ok(led.detail === 'connection');
    assert.deepEqual({ ...led.connection.attributes }, { redirected_to: 'broker' });
    assert.equal(closed.connection.action, ConnectionAction.CLOSED);
    assert.equal(closed.connection.sent.moved, 10);
    assert.deepEqual({ ...closed.connection.attributes }, {});
  });

  it('says what TLS showed of itself', () => {
    const tls = {
      version: 'TLS 1.3',
      cipherSuite: 'TLS_AES_256_GCM_SHA384',
      serverName: 'db.example',
      protocol: 'http/1.1',
      resumed: false,
      certificate: { subject: 'CN=db.example', issuer: 'CN=authority.example', sha256: 'ab'.repeat(32) },
      clientCertificate: undefined,
    };
    const closed = builder.connectionClosed(view({}, { tls }), CLOSED, session(), undefined, 100, 9000);
    assert.ok(closed.detail === 'connection');
    assert.equal(closed.connection.tls, 'TLS 1.3');
    assert.equal(closed.connection.serverName, 'db.example');
    assert.deepEqual(closed.connection.attributes, {
      tls_cipher_suite: 'TLS_AES_256_GCM_SHA384',
      tls_alpn: 'http/1.1',
      tls_certificate_subject: 'CN=db.example',
      tls_certificate_issuer: 'CN=authority.example',
      tls_certificate_sha256: 'ab'.repeat(32),
    });
  });

  it('says what is odd about its end', () => {
    const attributesOf = (event: ConnectionClosed | undefined, about: Partial<ConnectionView> = {}) => {
      const built = builder.connectionClosed(view({}, about), event, session(), undefined, 0, 9000);
      assert.ok(built.detail === 'connection');
      return { ...built.connection.attributes };
    };
    assert.deepEqual(attributesOf(undefined), { ended_by: 'recorder' });
    assert.deepEqual(attributesOf({ ...CLOSED, unreadBytes: 8 }), { unread_bytes: '8' });
    assert.deepEqual(attributesOf({ ...CLOSED, heldUs: 200_123 }), { held_us: '200123' });
    assert.deepEqual(attributesOf(CLOSED, { surplus: (direction) => (direction === 'sent' ? 3 : 0) }), {
      sent_surplus_bytes: '3',
    });
  });

  it('shows the first bytes of what nobody decodes, as text or in hex, without credentials', () => {
    const headsOf = (sent: string, received: Uint8Array) => {
      const head = (direction: string) => (direction === 'sent' ? Buffer.from(sent) : received);
      const built = builder.connectionClosed(view({}, { head }), CLOSED, session(), undefined, 0, 9000);
      assert.ok(built.detail === 'connection');
      return { ...built.connection.attributes };
    };
    assert.deepEqual(headsOf('HELLO é\r\n', Buffer.of(1, 0, 255)), {
      sent_head: 'HELLO é\r\n',
      received_head_hex: '0100ff',
    });
    assert.deepEqual(headsOf('', Buffer.from('é').subarray(0, 1)), { received_head: '' });
    assert.match(
      headsOf('login password=Tr0ub4dor&3xyz\n', Buffer.of(0))['sent_head'] ?? '',
      /^login password=\[redacted:/,
    );
  });

  it('that nobody understood is of an unknown protocol; the error has its name', () => {
    const built = builder.connectionClosed(
      view({}, { protocol: '' }),
      { ...CLOSED, error: 104 },
      session(),
      undefined,
      0,
      9000,
    );
    assert.ok(built.detail === 'connection');
    assert.equal(built.connection.protocol, 'unknown');
    assert.equal(built.connection.error, 'ECONNRESET');
  });

  it('whose opening was never told has lost all its bytes; of UDP they were never had', () => {
    const accountsOf = (event: ConnectionClosed) => {
      const built = builder.connectionUnopened(event, session(), undefined, 0);
      assert.ok(built.detail === 'connection');
      return built.connection;
    };
    const lost = accountsOf({ ...CLOSED, unreadBytes: 5 });
    assert.deepEqual([lost.sent.moved, lost.sent.lost, lost.received.moved, lost.received.lost], [10, 10, 25, 25]);
    const udp = accountsOf({ ...CLOSED, transport: 'udp' });
    assert.deepEqual([udp.sent.notUnderstood, udp.sent.lost], [10, 0]);
    const failed = accountsOf({ ...CLOSED, failed: true, error: 111, sentBytes: 0, receivedBytes: 0 });
    assert.equal(failed.action, ConnectionAction.FAILED);
    assert.equal(failed.error, 'ECONNREFUSED');
    assert.equal(failed.protocol, '');
  });
});

describe('a loss', () => {
  const report = {
    where: 'ring',
    reason: 'ring_full',
    events: 2,
    bytes: 3,
    sinceNs: 5000,
    untilNs: 4000,
    message: 'm',
  } as const;

  it('belongs to its session and connection, and does not end before it begins', () => {
    const built = builder.loss({ ...report, direction: 'sent' }, session(), 'connection-1');
    assert.ok(built.detail === 'loss');
    assert.equal(built.sessionId, 'session-1');
    assert.equal(built.connectionId, 'connection-1');
    assert.deepEqual(built.timeNs, built.endTimeNs);
    assert.deepEqual(built.loss, {
      where: 'ring',
      reason: 'ring_full',
      events: 2,
      bytes: 3,
      direction: 'sent',
      message: 'm',
    });
  });

  it('without a session is the recorder’s own', () => {
    const built = builder.loss(report, undefined, '');
    assert.equal(built.sessionId, '');
    assert.equal(built.identityState, IdentityState.NONE);
  });
});

describe('a finding', () => {
  const report = {
    kind: 'tls_unreadable',
    subject: '/usr/bin/tool',
    message: 'nothing is known that reads its TLS',
    events: 2,
    bytes: 300,
    sinceNs: 5000,
    untilNs: 4000,
    attributes: {
      reason: 'no_probe',
      build_id: '8f3c9d2a4b5e6f708192a3b4c5d6e7f801234567',
      tls_certificate_sha256: 'ab'.repeat(32),
    },
  } as const;

  it('belongs to its session, process and connection, and does not end before it begins', () => {
    const owner = session();
    const built = builder.finding(report, owner, processOf(owner), 'connection-1');
    assert.ok(built.detail === 'finding');
    assert.equal(built.sessionId, 'session-1');
    assert.equal(built.identityState, IdentityState.POLICY);
    assert.equal(built.pid, 100);
    assert.equal(built.connectionId, 'connection-1');
    assert.deepEqual(built.timeNs, built.endTimeNs);
    const { kind, subject, message, events, bytes, attributes } = report;
    assert.deepEqual(built.finding, { kind, subject, message, events, bytes, attributes });
  });

  it('without a session is the recorder’s own', () => {
    const built = builder.finding({ ...report, untilNs: 6000 }, undefined, undefined, '');
    assert.equal(built.sessionId, '');
    assert.equal(built.pid, 0);
    assert.equal(built.identityState, IdentityState.NONE);
    assert.notDeepEqual(built.timeNs, built.endTimeNs);
  });

  it('has no credentials, wherever they stand', () => {
    const secret = 'hunter2hunter2';
    const text = `postgresql://app:${secret}@db/shop`;
    const spoilt = { ...report, subject: text, message: `reached ${text}`, attributes: { destination: text } };
    const built = builder.finding(spoilt, session(), undefined, '');
    assert.ok(built.detail === 'finding');
    assert.equal(JSON.stringify(built.finding).includes(secret), false);
    assert.equal(JSON.stringify(built.finding).split('[redacted:').length, 4);
  });
});
