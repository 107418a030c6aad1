// SPDX-License-Identifier: Apache-2.0

/** What real clients and servers said to each other in SSH, read from the socket's bytes with their keys. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_BOUNDS } from '../protocol/decoder.ts';
import { readCapture } from '../protocol/testing/capture-file.ts';
import { SshKeyPool } from '../ssh/key-pool.ts';
import { ConnectionFlow } from './connection-flow.ts';
import { closed, moved, opened } from './testing/arrivals.ts';
import { DIRECTIONS, Witness } from './testing/watched-flow.ts';

const folder = new URL('../ssh/captures/', import.meta.url);
const names = readdirSync(folder).flatMap((name) => (name.endsWith('.jsonl') ? [name.replace(/\.jsonl$/, '')] : []));

interface StoredKey {
  readonly key: string;
  readonly iv: string;
  readonly encrypts: boolean;
}

function play(name: string) {
  const pool = new SshKeyPool();
  const keys = JSON.parse(readFileSync(new URL(`${name}.keys.json`, folder), 'utf8')) as readonly StoredKey[];
  for (const { key, iv, encrypts } of keys) {
    pool.add({ cipher: 'unknown', key: Buffer.from(key, 'hex'), iv: Buffer.from(iv, 'hex'), encrypts }, 100, 1);
  }
  const said = new Witness();
  const sshKeysOf = () => pool.storeFor(() => [100]);
  const flow = new ConnectionFlow(opened({ role: 'client' }), { bounds: DEFAULT_BOUNDS, sshKeysOf }, said);
  const ends = { sent: 0, received: 0 };
  for (const step of readCapture(new URL(`${name}.jsonl`, folder)).script) {
    if (step.kind !== 'bytes') continue;
    const direction = step.from === 'client' ? 'sent' : 'received';
    flow.moved(moved(direction, ends[direction], Buffer.from(step.bytes)));
    ends[direction] += step.bytes.length;
  }
  flow.close(closed(ends.sent, ends.received));
  assert.deepEqual([...flow.unreadable], []);
  assert.deepEqual(said.troubles, []);
  for (const direction of DIRECTIONS) assert.equal(flow.account(direction).decoded, ends[direction]);
  return { said, exchanges: said.exchanges.filter(({ routine }) => !routine) };
}

for (const name of names) {
  test(`${name} is read to the last byte`, () => {
    const { said, exchanges } = play(name);
    const lines = exchanges.map(({ operation, status, errorCode }) => `${operation} ${status} ${errorCode}`.trim());
    const exec = exchanges.find(({ operation }) => operation === 'exec');
    if (name.startsWith('client-')) {
      assert.deepEqual(lines, ['login ok', 'exec error 4']);
      assert.equal(exec?.statement, 'uname -a');
      assert.equal(Buffer.from(exec.response.bytes).toString(), 'ran uname -a\n'.repeat(20));
      return;
    }
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('sftp')),
      ['login ok', 'exec error 3', 'shell ok', 'subsystem ok', 'forward ok'],
    );
    assert.equal(Buffer.from(exec?.request.bytes ?? []).toString(), 'typed in\n');
    assert.equal(Buffer.from(exec?.response.bytes ?? []).toString(), 'out\ntyped in\n');
    assert.equal(exec?.attributes['stderr'], 'err\n');
    assert.match(exec.attributes['server_version'] ?? '', /^SSH-2\.0-OpenSSH_9/);
    const write = exchanges.find(({ operation }) => operation === 'sftp write');
    assert.equal(Buffer.from(write?.request.bytes ?? []).toString(), 'a line of a file\n'.repeat(50));
    const read = exchanges.find(({ operation }) => operation === 'sftp read');
    assert.deepEqual(read?.response.bytes, write?.request.bytes);
    for (const line of ['sftp rename ok', 'sftp remove ok', 'sftp stat error SSH_FX_NO_SUCH_FILE', 'sftp readdir ok']) {
      assert.ok(lines.includes(line), `${line} in ${lines.join(', ')}`);
    }
    const events = said.terminals.flatMap((stretch) => stretch.events);
    const shown = events.flatMap((event) => (event.kind === 'shown' ? [event.bytes] : []));
    assert.match(Buffer.concat(shown).toString(), /shown/);
    assert.ok(events.some((event) => event.kind === 'resized' && event.columns === 100 && event.rows === 30));
  });
}
