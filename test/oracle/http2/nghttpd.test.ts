// SPDX-License-Identifier: Apache-2.0

/**
 * nghttpd, by its own account of every frame, asked by nghttp and curl, in cleartext and in TLS: padding, pushes, trailers,
 * CONTINUATION, streams by the dozen.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../../../deploy/testing/free-ports.ts';
import { fromDebian } from '../../runtimes/toolbox.ts';
import { assertUnderstood, assertWhole } from '../recording/accounts.ts';
import type { RecordedCommand, RunRecord } from '../recording/record.ts';
import { type Recording, startRecording, whyNoRecording } from '../recording/recording.ts';
import { type NghttpdStream, readNghttpdLog } from './nghttpd-log.ts';

const IDENTITY = 'nghttp-agent';
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('HTTP/2 against the frames that nghttpd logs', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let record: RunRecord;
  let logged: readonly NghttpdStream[];
  const content = { '/small.txt': Buffer.from('hello\n'), '/large.bin': randomBytes(400_000) };
  const ends: (() => Promise<void>)[] = [];
  const logs: string[] = [];

  /** Ends at once when told; what it said is in `logs`. */
  async function serve(root: string, ...options: string[]): Promise<number> {
    const port = await freePort();
    const rest = ['-a', '127.0.0.1', '-v', '-d', root, '--echo-upload', '-b', '64', '-p', '/small.txt=/large.bin'];
    const words = [...rest, '--trailer', 'x-sum: 7', ...options];
    const [flags, files] = [
      words.filter((word) => !word.endsWith('.pem')),
      words.filter((word) => word.endsWith('.pem')),
    ];
    const server = spawn(fromDebian('nghttpd', 'nghttp2-server'), [...flags, String(port), ...files], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const closed = once(server, 'close');
    ends.push(async () => {
      server.kill();
      await closed;
    });
    const index = logs.push('') - 1;
    const lines = createInterface(server.stdout);
    lines.on('line', (line) => {
      logs[index] += `${line}\n`;
    });
    await Promise.race([once(lines, 'line'), closed]);
    return port;
  }

  before(async () => {
    recording = await startRecording({ identities: [IDENTITY] });
    const at = (name: string): string => join(recording.folder, name);
    mkdirSync(at('root'));
    for (const [name, bytes] of Object.entries(content)) writeFileSync(join(at('root'), name), bytes);
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost'];
    const pems = ['-keyout', at('key.pem'), '-out', at('certificate.pem')];
    execFileSync('openssl', ['req', '-x509', ...curve, '-days', '2', ...pems], { stdio: 'ignore' });
    const clear = `http://127.0.0.1:${await serve(at('root'), '--no-tls')}`;
    const secure = `https://127.0.0.1:${await serve(at('root'), at('key.pem'), at('certificate.pem'))}`;
    const small = join(at('root'), 'small.txt');
    const commands = [clear, secure].flatMap((url) => {
      const curl = `curl -sSk ${url === clear ? '--http2-prior-knowledge' : '--http2'}`;
      return [
        `nghttp -n -m 12 -b 40 ${url}/large.bin ${url}/small.txt`,
        `nghttp -n --continuation --no-push -H 'x-long: ${'y'.repeat(2000)}' -d ${small} ${url}/up`,
        ...['small.txt', 'missing', 'large.bin'].map((name) => `${curl} -o /dev/null ${url}/${name}`),
        `${curl} -o /dev/null --data-binary @${join(at('root'), 'large.bin')} ${url}/up`,
      ];
    });
    await recording.run(IDENTITY, ['sh', '-ec', commands.join('\n')]);
    record = await recording.finish();
    for (const end of ends.splice(0)) await end();
    logged = logs.flatMap(readNghttpdLog);
  });

  after(async () => {
    for (const end of ends.splice(0)) await end();
    await recording?.stop();
  });

  test('every stream that it logs is recorded once: who asked or was pushed to, for what, with which status', () => {
    const http = record.commands.filter(({ protocol }) => protocol === 'http');
    const briefOf = ({ operation, resource, attributes }: RecordedCommand): string =>
      [operation, resource, attributes['status_code'], attributes['pushed'] ?? 'asked'].join(' ');
    assert.deepEqual(
      http.map(briefOf).sort(),
      logged
        .map(({ method, path, status, pushed }) => [method, path, status, pushed ? 'true' : 'asked'].join(' '))
        .sort(),
    );
    assert.ok(logged.length > 60, String(logged.length));
  });

  test('contents are what the files are, without padding, and trailers are there', () => {
    for (const { resource, response, attributes, statement } of record.commands) {
      const file = content[resource as keyof typeof content];
      if (file !== undefined) assert.equal(sha256(response), sha256(file), statement);
      if (file !== undefined) assert.equal(attributes['response_trailers'], '{"x-sum":"7"}', statement);
    }
    const uploads = record.commands.filter(({ resource }) => resource === '/up');
    assert.equal(uploads.length, 4);
    for (const { request, response } of uploads) assert.equal(sha256(request), sha256(response));
  });

  test('nothing is lost, and every byte is understood', () => {
    assertWhole(record);
    assertUnderstood(record, 'http2');
  });
});
