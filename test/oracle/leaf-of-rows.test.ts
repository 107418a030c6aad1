// SPDX-License-Identifier: Apache-2.0

/**
 * What an auditor does: rows of ClickHouse, and leaves computed from them by a program that knows docs/RECORD.md and none
 * of our code.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Recording, root, startRecording, whyNoRecording } from './recording/recording.ts';

const ORACLE = join(root, 'proto/leaf.oracle.py');

type Row = Record<string, unknown>;

describe('leaves from rows', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let rows: Row[] = [];
  before(async () => {
    recording = await startRecording({ identities: ['auditee'], collector: true });
    const server = createServer((request, response) => {
      request.resume();
      response.setHeader('content-type', 'application/octet-stream');
      request.on('end', () => response.end(Buffer.from([0, 1, 254, 255])));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const url = `http://127.0.0.1:${port}/a?b=c%20d`;
      await recording.run('auditee', [
        'sh',
        '-c',
        `curl -sS -o /dev/null -d 'Grüße' '${url}'; : ${'x'.repeat(5000)} é`,
      ]);
      await recording.run('auditee', ['sh', '-c', 'kill -KILL $$'], { fails: true });
    } finally {
      server.close();
    }
    await recording.finish();
    const sql = execFileSync('python3', [ORACLE, '--query'], { encoding: 'utf8' });
    const [{ agent }] = (await recording.client.rows<{ agent: string }>(
      `SELECT DISTINCT agent_id AS agent FROM sworn.recorders`,
    )) as [{ agent: string }];
    rows = await recording.client.rows<Row>(sql, { agent });
  });
  after(() => recording.stop());

  function check(given: readonly Row[]): { code: number | null; verdicts: string[] } {
    const input = given.map((row) => JSON.stringify(row)).join('\n');
    const arguments_ = [ORACLE, join(root, 'docs/RECORD.md'), '--rows'];
    const { status, stdout, stderr } = spawnSync('python3', arguments_, { input, encoding: 'utf8' });
    assert.equal(stderr, '');
    return {
      code: status,
      verdicts: stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[3] as string),
    };
  }

  it('are those of the record, for every kind of activity', () => {
    const kinds = new Set(rows.map((row) => row['kind']));
    for (const kind of ['command', 'process', 'connection', 'session', 'recorder']) assert.ok(kinds.has(kind), kind);
    const { code, verdicts } = check(rows);
    assert.equal(code, 0);
    assert.deepEqual(
      verdicts,
      rows.map(() => 'same'),
    );
  });

  const changes: [kind: string, column: string, value: unknown][] = [
    ['command', 'statement', 'POST /b'],
    ['command', 'response_base64', 'AAH+/g=='],
    ['command', 'identity_state', 'verified'],
    ['command', 'rows', '0'],
    ['process', 'argv', ['sh', '-c', 'true']],
    ['process', 'time_ns', '1'],
    ['connection', 'sent_lost', '1'],
    ['session', 'host', 'elsewhere'],
    ['recorder', 'seq', '77'],
  ];
  for (const [kind, column, value] of changes) {
    it(`differ where ${column} of a ${kind} was changed, and nowhere else`, () => {
      const at = rows.findIndex((row) => row['kind'] === kind);
      const { code, verdicts } = check(rows.with(at, { ...rows[at], [column]: value }));
      assert.equal(code, 1);
      assert.deepEqual(
        verdicts,
        rows.map((_row, index) => (index === at ? 'DIFFERS' : 'same')),
      );
    });
  }
});
