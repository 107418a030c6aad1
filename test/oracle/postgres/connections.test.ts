// SPDX-License-Identifier: Apache-2.0

/**
 * Ways to a server: IPv4, IPv6, unix sockets, TLS; logins of each kind, granted and refused; against the server's log.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { PGBENCH } from './pgbench.ts';
import { type PostgresServer, SERVER_UID, startPostgres } from './postgres-server.ts';
import { assertProved, judgeByServer, type ServerVerdict } from './server-verdict.ts';
import { askServer } from './statement-statistics.ts';

const IDENTITY_OF_ROLE = {
  open_role: 'open-agent',
  scram_role: 'login-agent',
  clear_role: 'login-agent',
  md5_role: 'login-agent',
  refused_role: 'login-agent',
  crowded_role: 'login-agent',
  lost_role: 'login-agent',
  nobody_role: 'login-agent',
  tls_role: 'tls-agent',
};
const HBA = [
  'host all refused_role all reject',
  'host all scram_role all scram-sha-256',
  'host all clear_role all password',
  'host all md5_role all md5',
  'hostssl all tls_role all trust',
  'host all all all trust',
  'local all all trust',
];
const PASSWORD = 'Passwort-7f3a-über';
const WRONG = 'wrong-Passwort-91c2';

const skip = whyNoRecording() || (PGBENCH === undefined && 'pgbench is missing: deploy/setup fetches it');

describe('connections and logins against the log of the server', { skip }, () => {
  let server: PostgresServer;
  let recording: Recording;
  let record: RunRecord;
  let verdict: ServerVerdict;
  const keys = mkdtempSync(join(tmpdir(), 'sworn-oracle-tls-'));

  before(async () => {
    server = await startPostgres({
      listen: ['127.0.0.1', '::1'],
      hba: HBA,
      settings: { ssl: 'on', ...makeKey(keys) },
    });
    askServer(
      server,
      `CREATE ROLE open_role LOGIN; CREATE ROLE tls_role LOGIN; CREATE ROLE refused_role LOGIN; CREATE ROLE lost_role LOGIN;
       CREATE ROLE crowded_role LOGIN CONNECTION LIMIT 0;
       CREATE ROLE scram_role LOGIN PASSWORD '${PASSWORD}'; CREATE ROLE clear_role LOGIN PASSWORD '${PASSWORD}';
       SET md5_password_warnings = off; SET password_encryption = 'md5'; CREATE ROLE md5_role LOGIN PASSWORD '${PASSWORD}';
       CREATE TABLE numbers AS SELECT g AS n FROM generate_series(1, 1000) g; GRANT SELECT ON numbers TO PUBLIC;`,
    );
    recording = await startRecording({ identities: ['open-agent', 'login-agent', 'tls-agent'] });

    const hosts = ['127.0.0.1', '::1', server.socketFolder];
    for (const host of hosts) {
      await psql('open-agent', 'open_role', { PGHOST: host, PGAPPNAME: `by ${host}` });
      const environment = { ...server.environment, PGSSLMODE: 'disable', PGHOST: host, PGUSER: 'open_role' };
      const script = ['-n', '-f', '-', '-M', 'extended', '-c', '3', '-j', '2', '-t', '20'];
      const input = '\\set n random(1, 1000)\nSELECT n FROM numbers WHERE n <= :n ORDER BY n;\n';
      await recording.run('open-agent', [PGBENCH as string, ...script], { environment, input });
    }
    for (const role of ['scram_role', 'clear_role', 'md5_role']) {
      await psql('login-agent', role, { PGPASSWORD: PASSWORD });
      await psql('login-agent', role, { PGPASSWORD: WRONG }, true);
    }
    // Asked for a password that it does not have, psql goes away without a word.
    await psql('login-agent', 'scram_role', {}, true);
    await psql('login-agent', 'lost_role', { PGDATABASE: 'no_such_database' }, true);
    await psql('login-agent', 'refused_role', {}, true);
    await psql('login-agent', 'crowded_role', {}, true);
    await psql('login-agent', 'nobody_role', { PGHOST: server.socketFolder }, true);
    await psql('tls-agent', 'tls_role', { PGSSLMODE: 'require' });
    record = await recording.finish();
    verdict = judgeByServer(record, server.logText(), IDENTITY_OF_ROLE);
  });

  async function psql(identity: string, role: string, settings: Record<string, string>, fails = false): Promise<void> {
    const environment = { ...server.environment, PGSSLMODE: 'disable', PGUSER: role, ...settings };
    const command = [
      '/usr/bin/psql',
      '-X',
      '-w',
      '-c',
      'SELECT count(*) FROM numbers',
      '-c',
      'SELECT 1 / 0',
      '-c',
      'SELECT 2',
    ];
    await recording.run(identity, command, { environment, fails });
  }

  after(async () => {
    await recording?.stop();
    await server?.stop();
    rmSync(keys, { recursive: true, force: true });
  });

  test('every statement and every login is recorded once, unaltered, in order, with its identity', (t) => {
    assertProved(record, verdict, { ...IDENTITY_OF_ROLE });
    t.diagnostic(`${verdict.matches.length} statements matched, ${verdict.logins.length} logins`);
  });

  test('IPv4, IPv6 and unix sockets are told apart, with their addresses', () => {
    const ends = record.connections.filter(
      ({ action, identityName }) => action === 'closed' && identityName === 'open-agent',
    );
    const ways = ends.map(({ transport, remoteAddress, remotePort, role, protocol }) =>
      [transport, remoteAddress, remotePort, role, protocol].join(' '),
    );
    const socket = join(server.socketFolder, `.s.PGSQL.${server.port}`);
    const wanted = [`tcp 127.0.0.1 ${server.port}`, `tcp ::1 ${server.port}`, `unix ${socket} 0`];
    // psql, three clients of pgbench, and one with which it looks round first.
    const all = wanted.flatMap((way) => Array.from({ length: 4 }, () => `${way} client postgresql`));
    assert.deepEqual([...new Set(ways)].sort(), [...new Set(all)].sort());
    for (const way of new Set(all)) assert.ok(ways.filter((one) => one === way).length >= 4, way);
  });

  test('logins say how they were proved and why they were refused', () => {
    const seen = verdict.commands
      .filter(({ operation, identityName }) => operation === 'LOGIN' && identityName === 'login-agent')
      .map(({ attributes, status, errorCode }) =>
        [attributes['user'], attributes['auth_method'] ?? '', status, errorCode].join(' ').trim(),
      );
    assert.deepEqual(seen.sort(), [
      'clear_role password error 28P01',
      'clear_role password ok',
      'crowded_role none error 53300',
      'lost_role none error 3D000',
      'md5_role md5 error 28P01',
      'md5_role md5 ok',
      'nobody_role none error 28000',

      'refused_role  error 28000',
      'scram_role sasl unknown',
      'scram_role scram-sha-256 error 28P01',
      'scram_role scram-sha-256 ok',
    ]);
  });

  test('an encrypted connection is read as any other, to the byte', () => {
    const [ended, ...others] = record.connections.filter(
      ({ action, identityName }) => action === 'closed' && identityName === 'tls-agent',
    );
    assert.deepEqual(others, []);
    assert.equal(ended?.protocol, 'postgresql');
    for (const direction of [ended?.sent, ended?.received]) assert.equal(direction?.unreadable, 0);
    // As the server logged them, which the first test holds against the record.
    assert.deepEqual(
      verdict.commands.filter(({ identityName }) => identityName === 'tls-agent').map(({ operation }) => operation),
      ['LOGIN', 'SELECT', 'SELECT', 'SELECT'],
    );
  });

  test('no password is anywhere in the record', () => {
    const texts = record.commands.flatMap(({ attributes, statement, parameters, errorMessage, request, response }) => [
      ...[statement, parameters, errorMessage, request.toString('latin1'), response.toString('latin1')],
      ...Object.values(attributes),
    ]);
    for (const secret of [PASSWORD, WRONG]) {
      for (const spelling of [secret, Buffer.from(secret).toString('latin1'), Buffer.from(secret).toString('hex')]) {
        assert.deepEqual(
          texts.filter((text) => text.includes(spelling)),
          [],
        );
      }
    }
  });
});

/** Of a server for TLS; readable by it alone, as it demands. */
function makeKey(folder: string): Record<string, string> {
  const key = join(folder, 'server.key');
  const certificate = join(folder, 'server.pem');
  const subject = ['-subj', '/CN=localhost', '-days', '2', '-nodes'];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', ...subject, '-keyout', key, '-out', certificate];
  execFileSync('openssl', args, { stdio: 'ignore' });
  for (const path of [folder, key, certificate]) chownSync(path, SERVER_UID, SERVER_UID);
  chmodSync(key, 0o600);
  return { ssl_key_file: key, ssl_cert_file: certificate };
}
