// SPDX-License-Identifier: Apache-2.0

/**
 * No secret is kept: a workload that puts its secrets everywhere is recorded by a real agent with its broker, through a
 * real collector, against a real PostgreSQL server. Afterwards none of them stands in the journal, in a log, or in any
 * table of ClickHouse, however written; and what is no secret stands in all of them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createRawServer, type Server as RawServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type EntraStandIn, startEntraStandIn } from '../entra-stand-in/start-entra-stand-in.ts';
import { type PostgresServer, startPostgres } from '../oracle/postgres/postgres-server.ts';
import type { RunRecord } from '../oracle/recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';
import { contentOf, sightings, waysToWrite } from './places.ts';

const IDENTITY = 'careless-agent';
const GRAPH = 'https://graph.microsoft.com';
const MARKER = `marker-${randomUUID()}`;
/** Everything that people can read; views that show the same rows are read all the same. */
const TABLES = [
  ...['activities', 'commands', 'processes', 'connections', 'tokens', 'losses', 'alerts', 'sessions', 'recorders'],
];

/** A letter, a digit, and what has a meaning in base64, URLs and forms. */
const newSecret = (): string => `s3/${randomBytes(15).toString('base64')}+${randomBytes(6).toString('hex')}`;

describe('secrets of a workload', { skip: whyNoRecording() }, () => {
  const secrets = new Map<string, string>();
  const folder = mkdtempSync(join(tmpdir(), 'sworn-secrets-'));
  let postgres: PostgresServer;
  let entra: EntraStandIn;
  let service: Server;
  let unknown: RawServer;
  let recording: Recording;
  let record: RunRecord;
  let dumps: ReadonlyMap<string, Buffer>;

  before(async () => {
    const kinds = ['SCRAM_PASSWORD', 'CLEAR_PASSWORD', 'WRONG_PASSWORD', 'NEW_PASSWORD', 'ROW_PASSWORD'];
    kinds.push('COPY_PASSWORD', 'BASIC_PASSWORD', 'API_KEY', 'COOKIE', 'JSON_SECRET', 'FORM_PASSWORD', 'QUERY_KEY');
    kinds.push('ARGV_PASSWORD', 'HEAD_PASSWORD');
    for (const kind of kinds) secrets.set(kind, newSecret());
    postgres = await startServer();
    service = await startEcho();
    unknown = await startUnknown();
    const identity = makeIdentity(folder);
    const tenant = randomUUID();
    entra = await startEntraStandIn({
      tenants: [
        {
          tenantId: tenant,
          applications: [{ ...identity.application, certificates: [readFileSync(identity.certificateFile, 'utf8')] }],
          resources: [{ identifier: GRAPH, appId: '00000003-0000-0000-c000-000000000000', tokenVersion: 1 }],
        },
      ],
    });
    const caFile = join(folder, 'entra-ca.pem');
    execFileSync('tee', [caFile], { input: entra.caCertificatePem, stdio: ['pipe', 'ignore', 'inherit'] });
    recording = await startRecording({
      identities: [IDENTITY],
      collector: true,
      config: () => ({
        log_level: 'trace',
        broker: { port: 0, authority: entra.authority, authority_ca_file: caFile },
        identities: [
          {
            name: IDENTITY,
            tenant,
            client_id: identity.application.clientId,
            object_id: identity.application.objectId,
            certificate: { key_file: identity.keyFile, certificate_file: identity.certificateFile },
          },
        ],
        workloads: [{ name: IDENTITY, identity: IDENTITY, select: [{ run: ['root'] }], resources: [GRAPH] }],
      }),
    });
    const toldFile = join(folder, 'told');
    await recording.run(IDENTITY, ['/bin/sh', join(import.meta.dirname, 'workload.sh')], {
      environment: {
        ...postgres.environment,
        ...Object.fromEntries(secrets),
        CLEAR_PASSWORD_URL: encodeURIComponent(secrets.get('CLEAR_PASSWORD') as string),
        QUERY_KEY_URL: encodeURIComponent(secrets.get('QUERY_KEY') as string),
        SERVICE: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
        UNKNOWN_PORT: String((unknown.address() as AddressInfo).port),
        MARKER,
        TOLD_FILE: toldFile,
      },
    });
    const [token, header] = readFileSync(toldFile, 'utf8').split('\n') as [string, string];
    assert.match(token, /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    secrets.set('access token', token).set('signature of the token', token.split('.')[2] as string);
    secrets.set('header of the identity endpoint', header);
    record = await recording.finish();
    dumps = await dump(recording);
  });
  after(async () => {
    await recording?.stop();
    await entra?.stop();
    service?.closeAllConnections();
    service?.close();
    unknown?.close();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('were used: the record has what was done with them', () => {
    const { commands, processes, tokens, losses } = record;
    const logins = commands.filter(({ operation, status }) => operation === 'LOGIN' && status === 'ok');
    const methods = new Set(logins.map(({ attributes }) => attributes['auth_method']));
    assert.ok(methods.has('scram-sha-256') && methods.has('password'), [...methods].join());
    assert.ok(commands.some(({ operation, errorCode }) => operation === 'LOGIN' && errorCode === '28P01'));
    const paths = commands.filter(({ protocol }) => protocol === 'http').map(({ resource }) => resource.split('?')[0]);
    for (const path of ['/bearer', '/basic', '/headers', '/json', '/form', '/query'])
      assert.ok(paths.includes(path), path);
    assert.ok(processes.some(({ argv }) => argv[0] === '/bin/true' && argv[1] === '--password'));
    assert.ok(tokens.some(({ action }) => action === 'issued') && tokens.some(({ action }) => action === 'observed'));
    assert.deepEqual(losses, []);
  });

  it('stand nowhere in ClickHouse', () => {
    for (const [table, content] of dumps) {
      assert.deepEqual(sightings(table, content, secrets), []);
    }
    for (const table of ['activities', 'commands', 'processes']) assert.ok(dumps.get(table)?.includes(MARKER), table);
  });

  it('are taken out of the first bytes of what nobody understands', () => {
    const heads = record.connections.flatMap(({ attributes }) => [
      attributes['sent_head'] ?? '',
      Buffer.from(attributes['received_head_hex'] ?? '', 'hex').toString('latin1'),
    ]);
    const said = heads.filter((head) => head.includes('HALLO'));
    assert.equal(said.length, 2, 'what was sent, and what came back');
    for (const head of said) {
      assert.ok(head.includes(MARKER), head);
      assert.match(head, /\[redacted:[0-9a-f]{12}\]/);
      assert.match(head, /\[token:[0-9a-f]{64}\]/);
    }
  });

  it('stand nowhere in the journal', () => {
    const files = filesBelow(recording.journalFolder);
    const all = Buffer.concat(files.map((file) => readFileSync(file)));
    assert.ok(all.includes(MARKER));
    assert.deepEqual(sightings('journal', all, secrets), []);
  });

  it('stand nowhere in what the agent and the collector keep or log', () => {
    const kept = ['agent', 'collector', 'log', 'certificate'].flatMap((name) =>
      filesBelow(join(recording.folder, name)),
    );
    assert.ok(recording.logs.every((file) => statSync(file).size > 0));
    for (const file of kept) assert.deepEqual(sightings(file, contentOf(file), secrets), []);
  });

  it('have equal marks where they were equal, and none is the mark of two', () => {
    const marks = (text: string): string[] => text.match(/\[redacted:[0-9a-f]{12}\]/g) ?? [];
    const [option] = record.processes.filter(({ argv }) => argv[0] === '/bin/true' && argv[1] === '--password');
    const [assignment] = record.processes.filter(({ argv }) => argv[1]?.startsWith('DB_PASSWORD='));
    assert.deepEqual(marks(option?.argv[2] ?? ''), marks(assignment?.argv[1] ?? ' '));
    const rows = record.commands.filter(({ statement }) => /vault (?:\(name|WHERE)/.test(statement));
    const inserted = marks(rows.find(({ operation }) => operation === 'INSERT')?.statement ?? '');
    const selected = rows.find(({ operation }) => operation === 'SELECT');
    assert.equal(inserted.length, 1);
    assert.deepEqual(marks(selected?.statement ?? ''), inserted);
    assert.deepEqual(marks(selected?.response.toString('utf8') ?? ''), inserted, 'also in the row that came back');
    assert.notDeepEqual(marks(option?.argv[2] ?? ''), inserted);
  });

  it('would be found if they stood there', () => {
    for (const value of secrets.values()) {
      for (const written of waysToWrite(value).values()) {
        const content = Buffer.from(`x${written}y`);
        assert.ok(sightings('here', content, new Map([['it', value]])).length > 0, written);
      }
      const basic = Buffer.from(`bob:${value}`).toString('base64');
      assert.ok(sightings('here', Buffer.from(basic), new Map([['it', value]])).length > 0, 'basic');
    }
  });

  async function startServer(): Promise<PostgresServer> {
    const server = await startPostgres({
      hba: [
        'host all clear_role 127.0.0.1/32 password',
        'host all scram_role 127.0.0.1/32 scram-sha-256',
        'host all all 127.0.0.1/32 trust',
      ],
    });
    const roles = ['scram_role', 'clear_role', 'other_role'].map((role) => {
      const password = secrets.get(role === 'scram_role' ? 'SCRAM_PASSWORD' : 'CLEAR_PASSWORD');
      return `CREATE ROLE ${role} LOGIN PASSWORD '${password}';`;
    });
    execFileSync('psql', ['-X', '-q', '-c', roles.join(' ')], { env: { ...process.env, ...server.environment } });
    return server;
  }
});

/** Gives back what it was asked, headers and all, as services for trying out do; and a cookie of its own. */
async function startEcho(): Promise<Server> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': request.headers.cookie ?? 'a=b' });
      response.end(JSON.stringify({ url: request.url, headers: request.headers, body }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** Says back what it hears, behind bytes that are no text: a language that nobody knows. */
async function startUnknown(): Promise<RawServer> {
  const server = createRawServer((socket) => {
    socket.on('error', () => {});
    const heard: Buffer[] = [Buffer.from([0, 255, 39, 254, 0])];
    socket.on('data', (bytes: Buffer) => {
      heard.push(bytes);
      if (Buffer.concat(heard).includes('GOODBYE')) socket.end(Buffer.concat(heard));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function makeIdentity(folder: string) {
  const keyFile = join(folder, 'identity.key');
  const certificateFile = join(folder, 'identity.pem');
  const subject = ['-subj', `/CN=${IDENTITY}`, '-days', '2', '-nodes', '-keyout', keyFile, '-out', certificateFile];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject], { stdio: 'ignore' });
  return { keyFile, certificateFile, application: { name: IDENTITY, clientId: randomUUID(), objectId: randomUUID() } };
}

/** Every value of every row, as it is, a line each. */
async function dump({ client }: Recording): Promise<ReadonlyMap<string, Buffer>> {
  const dumps = new Map<string, Buffer>();
  for (const table of TABLES) {
    const rows = await client.rows<object>(`SELECT * FROM sworn.${table}`);
    const lines: string[] = [];
    const take = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) lines.push(String(value));
      else {
        // Also the keys: attributes are a map.
        lines.push(...Object.keys(value));
        Object.values(value).forEach(take);
      }
    };
    rows.forEach(take);
    dumps.set(table, Buffer.from(lines.join('\n')));
  }
  return dumps;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
