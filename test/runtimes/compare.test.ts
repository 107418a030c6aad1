// SPDX-License-Identifier: Apache-2.0

/** The comparing itself: a record that is whole passes, and the same record with one thing changed does not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ServerLog } from '../oracle/http/server-log.ts';
import type { RecordedCommand, RunRecord } from '../oracle/recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';
import { compareHttp, comparePostgres } from './compare.ts';
import { type EncryptedRecord, readEncryptedRecord } from './encrypted-record.ts';
import type { Plaintext } from './plaintext.ts';
import { type Stage, setStage } from './stage.ts';
import { STATEMENTS } from './statements.ts';
import { clients } from './tools.ts';

const IDENTITY = 'postgres';
const skip = whyNoRecording();

describe('the comparing', { skip }, () => {
  let stage: Stage;
  let recording: Recording;
  let http: RunRecord;
  let postgres: RunRecord;
  let encrypted: EncryptedRecord;
  let log: ServerLog;
  let plaintexts: readonly Plaintext[];
  let logText: string;
  let body: string;

  before(async () => {
    stage = await setStage();
    body = readFileSync(stage.bodyFile, 'utf8');
    const server = await stage.startHttps();
    const database = await stage.postgres('');
    recording = await startRecording({ identities: [IDENTITY] });
    const environment = { RUNTIME_CA: stage.authorityFile, RUNTIME_BODY: stage.bodyFile };
    const url = { RUNTIME_URL: `http://localhost:${server.ports['']}/client` };
    await recording.run(IDENTITY, ['sh', join(clients, 'https.sh'), 'curl', 'several'], {
      environment: { ...environment, ...url },
    });
    await recording.run(IDENTITY, ['sh', join(clients, 'psql.sh'), 'several'], {
      environment: { ...environment, ...database.environment, ...STATEMENTS, PGSSLMODE: 'disable' },
    });
    const record = await recording.finish();
    encrypted = await readEncryptedRecord(recording);
    ({ log, plaintexts } = await server.finish());
    logText = database.logText();
    [http, postgres] = [only(record, 'http'), only(record, 'postgresql')];
  });

  after(async () => {
    await recording?.stop();
    await stage?.stop();
  });

  function only(record: RunRecord, protocol: string): RunRecord {
    return {
      ...record,
      commands: record.commands.filter((one) => one.protocol === protocol),
      sessions: [],
      connections: record.connections,
    };
  }

  function changed(record: RunRecord, index: number, change: Partial<RecordedCommand> | undefined): RunRecord {
    const commands = record.commands.flatMap((one, at) => {
      if (at !== index) return [one];
      return change === undefined ? [] : [{ ...one, ...change }];
    });
    return { ...record, commands };
  }

  const byHttp = (record: RunRecord, about = encrypted) => compareHttp(record, about, log, plaintexts, IDENTITY);
  const byPostgres = (record: RunRecord) => comparePostgres(record, logText, IDENTITY, body);

  function flipped(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy[copy.length - 1]! ^= 1;
    return copy;
  }

  test('finds requests and replies that are the same', () => {
    const { differences, ...rest } = byHttp(http);
    assert.deepEqual(differences, []);
    assert.deepEqual(rest, { asked: 4, read: 4, requestsEqual: true, responsesEqual: true });
  });

  test('finds one bit that is not what the server received or sent', () => {
    const upload = http.commands[1]!;
    assert.equal(upload.operation, 'POST');
    assert.equal(byHttp(changed(http, 1, { request: flipped(upload.request) })).requestsEqual, false);
    const large = http.commands[2]!;
    assert.ok(large.response.length > 100 * 1024);
    assert.equal(byHttp(changed(http, 2, { response: flipped(large.response) })).responsesEqual, false);
  });

  test('finds a request that is not in the record, and one that the server never had', () => {
    assert.ok(byHttp(changed(http, 2, undefined)).read < 4);
    const doubled = { ...http, commands: [...http.commands, http.commands.at(-1)!] };
    assert.notDeepEqual(byHttp(doubled).differences, []);
  });

  test('finds one byte more or less, inside of TLS or on the wire', () => {
    const [first, ...others] = encrypted.connections.filter(({ localPort }) =>
      plaintexts.some(({ port }) => port === localPort),
    );
    const withOne = (change: object): EncryptedRecord => ({
      ...encrypted,
      connections: [{ ...first!, ...change }, ...others],
    });
    assert.equal(byHttp(http, withOne({ requestBytes: first!.requestBytes + 1 })).requestsEqual, false);
    assert.equal(byHttp(http, withOne({ responseBytes: first!.responseBytes - 1 })).responsesEqual, false);
    assert.notDeepEqual(byHttp(http, withOne({ sentBytes: first!.sentBytes + 1 })).differences, []);
    assert.notDeepEqual(byHttp(http, withOne({ serverName: 'elsewhere' })).differences, []);
    assert.notDeepEqual(byHttp(http, withOne({ attributes: { tls_resumed: 'true' } })).differences, []);
  });

  test('a goodbye that comes too late is no difference, and more than that is one', () => {
    const withSurplus = (bytes: string): RunRecord => ({
      ...http,
      connections: http.connections.map((one) => ({
        ...one,
        attributes: { ...one.attributes, received_surplus_bytes: bytes },
      })),
    });
    assert.deepEqual(byHttp(withSurplus('24')).differences, []);
    assert.notDeepEqual(byHttp(withSurplus('1000')).differences, []);
  });

  test('finds statements that are the same, and their rows', () => {
    const { differences, ...rest } = byPostgres(postgres);
    assert.deepEqual(differences, []);
    assert.deepEqual(rest, { asked: 4, read: 4, requestsEqual: true, responsesEqual: true });
  });

  test('finds a statement that is changed or gone, and a row that is changed', () => {
    const at = postgres.commands.findIndex(({ statement }) => statement.startsWith('SELECT n, repeat('));
    const large = postgres.commands[at]!;
    assert.equal(byPostgres(changed(postgres, at, { response: flipped(large.response) })).responsesEqual, false);
    assert.equal(byPostgres(changed(postgres, at, { rows: 1499 })).responsesEqual, false);
    assert.equal(byPostgres(changed(postgres, at, { statement: `${large.statement} -- and` })).requestsEqual, false);
    assert.equal(byPostgres(changed(postgres, at, undefined)).requestsEqual, false);
  });
});
