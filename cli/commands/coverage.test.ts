// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ActivityProperties } from '../../collector/model/activity.ts';
import {
  activityOf,
  HOSTILE,
  QUIET,
  type RecordedCollector,
  startRecordedCollector,
} from '../testing/recorded-collector.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

const SESSION = '01a20483-0000-7000-8000-000000000003';
const DAY_MS = 86_400_000;
const OPENED = 1;
const CLOSED = 2;

type ConnectionFields = NonNullable<ActivityProperties['connection']>;

function connection(id: string, atMs: number, fields: ConnectionFields, exe = '/usr/bin/curl'): ActivityProperties {
  const tcp = { transport: 'tcp', role: 1, remoteAddress: '10.0.0.9', remotePort: 443 };
  return activityOf(SESSION, atMs, 10, { connectionId: id, exe, connection: { ...tcp, action: CLOSED, ...fields } });
}

/** Moved 4000, read 3000 of it: 100 cut, 700 encrypted, 250 of no known protocol, 50 lost. */
const CONNECTIONS: readonly ActivityProperties[] = [
  connection('c-1', 0, { action: OPENED }),
  connection('c-1', 0, {
    protocol: 'http',
    sent: { moved: 400, decoded: 400 },
    received: { moved: 2600, decoded: 2500, cut: 100 },
  }),
  connection('c-2', 0, {
    protocol: 'tls',
    serverName: 'api.example',
    sent: { moved: 300, unreadable: 300 },
    received: { moved: 200, unreadable: 200 },
  }),
  connection('c-3', DAY_MS, { protocol: 'tls', sent: { moved: 200, unreadable: 200 } }, '/usr/bin/wget'),
  connection('c-4', DAY_MS, { protocol: 'unknown', received: { moved: 300, notUnderstood: 250, lost: 50 } }),
  connection('c-5', DAY_MS, { action: OPENED }),
  connection('c-6', DAY_MS, { action: 3, error: 'ECONNREFUSED' }),
  connection('c-7', DAY_MS, { protocol: 'unknown', joinedLate: true }),
];
const FINDING = activityOf(SESSION, 20, 10, {
  connectionId: 'c-2',
  exe: '/usr/bin/curl',
  finding: {
    kind: 'tls_unreadable',
    subject: '/usr/lib/libgnutls.so.30',
    message: 'nothing is known that reads it',
    events: 3,
    bytes: 500,
    attributes: {
      exe: '/usr/bin/curl',
      build_id: '8f3c9d',
      library: 'gnutls 3.7.9',
      server_name: 'api.example',
      destination: '10.0.0.9:443',
      alpn: 'h2',
      reason: 'no_probe',
    },
  },
});
const LOSS = activityOf(SESSION, DAY_MS, 10, {
  connectionId: 'c-4',
  loss: { where: 'flow', reason: 'gap', events: 1, bytes: 50, direction: 'received' },
});

/** Of the table under the lines, each row as its cells. */
function tableOf(out: string, header: RegExp): string[][] {
  const lines = out.split('\n');
  const from = lines.findIndex((line) => header.test(line)) + 1;
  assert.ok(from > 0, out);
  const until = lines.indexOf('', from);
  return lines.slice(from, until).map((line) => line.split(/ {2,}/).filter((cell) => cell !== ''));
}

describe('sworn coverage', () => {
  let recorded: RecordedCollector;
  const coverage = (...words: string[]): Promise<Ended> =>
    runSworn(['coverage', ...words], { environment: recorded.environment });
  before(async () => {
    recorded = await startRecordedCollector();
    await recorded.deliver([...CONNECTIONS, FINDING, LOSS]);
  });
  after(() => recorded.stop());

  it('says what share was read, of bytes and of connections, and what is not counted yet', async () => {
    const { code, out, err } = await coverage('--session', '01a20483');
    assert.deepEqual([code, err], [0, '']);
    assert.deepEqual(out.split('\n\n')[0]?.split('\n'), [
      'read      75.00 % of 4000 bytes; 1 of 4 connections whole',
      '          of these 100 bytes above a bound: hashed, not kept',
      'not read  700 bytes unreadable, 250 bytes not understood, 50 bytes lost',
      'late      1 connection joined late: what moved before is in no account',
      'open      1 connection open: their bytes are counted when they end',
    ]);
    assert.deepEqual(tableOf(out, /^protocol +connections/), [
      ['http', '1', '1', '3000', '3000', '100 %', '0', '0', '0'],
      ['tls', '2', '0', '700', '0', '0.00 %', '700', '0', '0'],
      ['unknown', '1', '0', '300', '0', '0.00 %', '0', '250', '50'],
    ]);
  });

  it('says why not, down to the program, each byte once', async () => {
    const { out } = await coverage('--session', SESSION);
    assert.deepEqual(
      tableOf(out, /^bytes +times +cause/).map(([bytes, times, ...rest]) => [bytes?.trim(), times, ...rest]),
      [
        [
          '500',
          '3',
          'encrypted',
          'no_probe',
          '/usr/bin/curl',
          'api.example at 10.0.0.9:443',
          'gnutls 3.7.9, ALPN h2, build 8f3c9d',
        ],
        ['250', '1', 'not understood', 'unknown', '/usr/bin/curl', '10.0.0.9:443'],
        ['200', '1', 'encrypted', 'no finding', '/usr/bin/wget', '10.0.0.9:443'],
        ['50', '1', 'lost', 'flow/gap', '/usr/bin/node', '-'],
      ],
    );
    const [largest] = tableOf((await coverage('--session', SESSION, '--top', '1')).out, /^bytes +times +cause/);
    assert.equal(largest?.[2], 'encrypted');
  });

  it('takes a finding that tells of several connections for all of its program', async () => {
    const other = '01a20484-0000-7000-8000-000000000004';
    const of = (activity: ActivityProperties, more: ActivityProperties) => ({ ...activity, sessionId: other, ...more });
    await recorded.deliver([
      of(CONNECTIONS[2] as ActivityProperties, { connectionId: 'd-1' }),
      of(CONNECTIONS[2] as ActivityProperties, { connectionId: 'd-2' }),
      of(FINDING, { connectionId: '' }),
    ]);
    const { out } = await coverage('--session', other);
    assert.deepEqual(
      tableOf(out, /^bytes +times +cause/).map((cells) => cells[3]),
      ['no_probe'],
    );
  });

  it('narrows by time, host, identity and protocol', async () => {
    const moved = async (...words: string[]): Promise<string> => {
      const { out } = await coverage('--session', SESSION, '--json', ...words);
      return (JSON.parse(out) as { all: { moved_bytes: string } }).all.moved_bytes;
    };
    assert.equal(await moved(), '4000');
    assert.equal(await moved('--since', '2026-02-01T00:00:00Z'), '500');
    assert.equal(await moved('--until', '2026-02-01T00:00:00Z'), '3500');
    assert.equal(await moved('--protocol', 'tls'), '700');
    assert.equal(await moved('--host', 'elsewhere'), '0');
    assert.equal(await moved('--identity', 'invoice-agent'), '4000');
    assert.equal(await moved('--identity', 'nobody'), '0');
  });

  it('narrows findings and losses to the protocol of their connection', async () => {
    const causes = async (protocol: string): Promise<string[]> => {
      const { out } = await coverage('--session', SESSION, '--json', '--protocol', protocol);
      return (JSON.parse(out) as { reasons: { cause: string }[] }).reasons.map(({ cause }) => cause);
    };
    assert.deepEqual(await causes('tls'), ['tls_unreadable', 'unreadable']);
    assert.deepEqual(await causes('unknown'), ['not_understood', 'loss']);
    const { out } = await coverage('--session', SESSION, '--protocol', 'tls');
    assert.match(out, /^open {6}1 connection open \(of any protocol\):/m);
  });

  it('groups by what is asked for', async () => {
    const { out } = await coverage('--session', SESSION, '--by', 'day,program');
    assert.deepEqual(
      tableOf(out, /^day +program/).map((cells) => cells.slice(0, 4)),
      [
        ['2026-01-31', '/usr/bin/curl', '2', '1'],
        ['2026-02-01', '/usr/bin/curl', '1', '0'],
        ['2026-02-01', '/usr/bin/wget', '1', '0'],
      ],
    );
    for (const by of ['host', 'identity', 'protocol', 'workload', 'session', 'destination', 'tls'])
      assert.equal((await coverage('--by', by)).code, 0, by);
    const wrong = await coverage('--by', 'colour');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /It is one of: host, identity/);
  });

  it('says so when nothing moved', async () => {
    assert.equal((await coverage('--host', 'elsewhere')).out, 'No connection of this kind has moved anything.\n');
  });

  it('shows SQL that sworn query runs as it is, without asking', async () => {
    const words = ['coverage', '--sql', '--since', '2026-01-01T00:00:00Z', '--by', 'host', '--protocol', 'tls'];
    const { code, out } = await runSworn(words, { environment: { SWORN_URL: 'http://127.0.0.1:9' } });
    assert.equal(code, 0);
    const questions = out.split(/\n(?=\/\* )/);
    assert.equal(questions.length, 5);
    for (const text of questions) {
      const given = [...text.matchAll(/--param '([^']*)'/g)].flatMap(([, pair]) => ['--param', String(pair)]);
      assert.ok(given.length > 0);
      const answer = await runSworn(['query', '--json', ...given, text], { environment: recorded.environment });
      assert.deepEqual([answer.code, answer.err], [0, ''], text);
    }
  });

  it('is told in a few lines where a session is shown', async () => {
    const { out } = await runSworn(['show', SESSION], { environment: recorded.environment });
    const head = (out.split('\n\n')[0] as string).split('\n');
    assert.deepEqual(head.slice(head.findIndex((line) => line.startsWith('read'))), [
      'read      75.00 % of 4000 bytes; 1 of 4 connections whole',
      '          of these 100 bytes above a bound: hashed, not kept',
      'not read  700 bytes unreadable, 250 bytes not understood, 50 bytes lost',
      'late      1 connection joined late: what moved before is in no account',
      'open      1 connection open: their bytes are counted when they end',
      '          500 bytes encrypted (no_probe)  /usr/bin/curl  api.example at 10.0.0.9:443  gnutls 3.7.9, ALPN h2, build 8f3c9d',
      '          250 bytes not understood (unknown)  /usr/bin/curl  10.0.0.9:443',
      '          200 bytes encrypted (no finding)  /usr/bin/wget  10.0.0.9:443',
    ]);
    const quiet = await runSworn(['show', QUIET], { environment: recorded.environment });
    assert.match(quiet.out, /^read {6}99\.94 % of 3520 bytes; 0 of 1 connection whole$/m);
  });

  it('warns of an account that does not add up, and ends with 1 when asked to check', async () => {
    const sound = await coverage('--check');
    assert.deepEqual([sound.code, sound.err], [0, '']);
    await recorded.deliver([connection('c-8', 2 * DAY_MS, { protocol: 'http', sent: { moved: 10, decoded: 9 } })]);
    const warned = await coverage();
    assert.equal(warned.code, 0);
    assert.match(
      warned.out,
      /^warning: the bytes of 1 connection do not add up;.*\n {2}agent_id cli-test, seq \d+, connection_id c-8$/m,
    );
    const { code, err } = await coverage('--check');
    assert.equal(code, 1);
    assert.match(err, /1 connections? do(es)? not add up\n.*WHERE NOT adds_up/);
  });

  it('tells connections of a recorder that broke off from open ones', async () => {
    const started = activityOf('', 3 * DAY_MS, 0, { recorder: { action: 1 } });
    await recorded.deliver([started]);
    const { out } = await coverage('--session', SESSION);
    assert.match(out, /^no end {4}1 connection open when the recorder broke off: no account of their bytes$/m);
    assert.doesNotMatch(out, /^open/m);
    // Seen again by the next recorder, it is open again.
    await recorded.deliver([connection('c-5', 3 * DAY_MS, { action: OPENED, joinedLate: true })]);
    assert.match((await coverage('--session', SESSION)).out, /^open {6}1 connection open/m);
  });

  it('leaves the terminal alone, whatever was recorded', async () => {
    const attack = '\u001b[2Jx\u202e';
    const hostile = { exe: `/opt/${attack}`, connectionId: attack };
    await recorded.deliver([
      {
        ...connection('', 4 * DAY_MS, {
          protocol: attack,
          remoteAddress: attack,
          sent: { moved: 9, notUnderstood: 8 },
        }),
        ...hostile,
        sessionId: HOSTILE,
      },
      {
        ...FINDING,
        sessionId: HOSTILE,
        finding: { kind: 'ssh_unreadable', bytes: 1e6, attributes: { exe: attack, library: attack, reason: attack } },
      },
    ]);
    for (const words of [
      ['coverage', '--by', 'protocol,destination,identity'],
      ['coverage', '--json'],
      ['show', HOSTILE],
    ]) {
      const environment = { ...recorded.environment, NO_COLOR: '1' };
      const { out } = await onTerminal(words, 200, { environment });
      assert.match(out, /1000000/);
      assertTame(out);
    }
  });
});
