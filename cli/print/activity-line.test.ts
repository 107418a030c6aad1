// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ActivityRow, activityLine } from './activity-line.ts';

const shared = {
  time: '2026-01-31 08:00:00.123456789',
  end_time: '2026-01-31 08:00:01.623456789',
  pid: 7,
  exe: '/bin/x',
};
const line = (row: ActivityRow, width?: number): string =>
  activityLine({ ...shared, ...row }, { identity: false, width });

describe('a line of the record', () => {
  const command = { kind: 'command', protocol: 'postgresql', operation: 'SELECT', duration_ns: '1500000' };
  const cases: [title: string, row: ActivityRow, expected: string][] = [
    [
      'a command with its rows and parameters',
      { ...command, status: 'ok', rows: '2', statement: 'SELECT $1', parameters: '["9",null]' },
      '08:00:00.123  x[7]                  postgresql  ok             1.5 ms       2  SELECT $1  ["9",null]',
    ],
    [
      'an error with its code and message',
      {
        ...command,
        status: 'error',
        rows: null,
        error_code: '42P01',
        error_message: 'no such thing',
        statement: 'SELECT x',
      },
      '08:00:00.123  x[7]                  postgresql  42P01          1.5 ms          SELECT x  no such thing',
    ],
    [
      'a command without a reply',
      { ...command, status: 'unknown', statement: 'SELECT 1' },
      '08:00:00.123  x[7]                  postgresql  no reply       1.5 ms          SELECT 1',
    ],
    [
      'an operation that the statement does not begin with',
      { ...command, operation: 'PREPARE', status: 'ok', statement: 'SELECT $1', parameters: '[]' },
      '08:00:00.123  x[7]                  postgresql  ok             1.5 ms          PREPARE: SELECT $1',
    ],
    [
      'a login',
      { ...command, operation: 'LOGIN', status: 'ok', statement: '', target: 'db@h:1', attributes: { user: 'bob' } },
      '08:00:00.123  x[7]                  postgresql  ok             1.5 ms          LOGIN bob at db@h:1',
    ],
    [
      'an exec with all of its words',
      { kind: 'process', action: 'exec', argv: ['sh', '-c', 'a\nb'] },
      '08:00:00.123  x[7]                  exec                                       sh -c a⏎b',
    ],
    [
      'an exit by a signal',
      { kind: 'process', action: 'exit', signal: 9, argv: [] },
      '08:00:00.123  x[7]                  exit        signal 9                       /bin/x',
    ],
    [
      'a connection at its end',
      {
        ...{ kind: 'connection', action: 'closed', transport: 'tcp', remote_address: '::1', remote_port: 80 },
        ...{ protocol: 'http', sent_moved: '5', received_moved: '6', received_lost: '1' },
      },
      '08:00:01.623  x[7]                  closed                  1500.0 ms          tcp [::1]:80  5 B out, 6 B in, http  1 B lost',
    ],
    [
      'a connection that failed',
      {
        kind: 'connection',
        action: 'failed',
        transport: 'unix',
        remote_address: '',
        local_address: '',
        error_code: 'ECONNREFUSED',
      },
      '08:00:01.623  x[7]                  failed      ECONNREFUSED   1500.0 ms          unix socket pair  0 B out, 0 B in, unknown',
    ],
    [
      'a loss',
      { kind: 'loss', pid: 0, place: 'ring', reason: 'full', bytes: '77', message: 'too fast' },
      '08:00:00.123                        LOSS                                       ring/full  77 bytes  too fast',
    ],
    [
      'a finding',
      {
        kind: 'finding',
        finding_kind: 'tls_unreadable',
        subject: '/usr/bin/tool',
        events: '3',
        bytes: '700',
        message: 'no probe',
      },
      '08:00:00.123  x[7]                  FINDING                                    tls_unreadable /usr/bin/tool  3 times  700 bytes  no probe',
    ],
    [
      'a finding that happened once',
      { kind: 'finding', pid: 0, finding_kind: 'io_uring', subject: '', events: '1', bytes: '0', message: '' },
      '08:00:00.123                        FINDING                                    io_uring',
    ],
    [
      'an alert',
      { kind: 'alert', level: 'high', rule_title: 'Bulk delete', summary: 'who: what' },
      '08:00:00.123  x[7]                  ALERT       high                           Bulk delete: who: what',
    ],
    [
      'the end of a session',
      { kind: 'session', action: 'ended', session_commands: '3', session_processes: '2', session_losses: '0' },
      '08:00:01.623  x[7]                  session     ended       1500.0 ms          3 commands, 2 processes, 0 losses',
    ],
  ];
  for (const [title, row, expected] of cases) it(`shows ${title}`, () => assert.equal(line(row), expected));

  it('ends where the terminal ends, and not before', () => {
    const row = { ...command, status: 'ok', statement: `SELECT ${'x'.repeat(500)}` };
    assert.equal(line(row, 120).length, 120);
    assert.match(line(row, 120), /…$/);
  });

  it('takes anything for a row', () => {
    for (const row of [{}, { kind: 'nonsense' }, { kind: 'command', attributes: null, rows: {}, statement: 5 }])
      assert.equal(typeof line(row as ActivityRow), 'string');
  });
});
