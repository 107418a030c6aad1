// SPDX-License-Identifier: Apache-2.0

/** A real agent: ways that are taken are findings in its journal, and what programs usually do is none. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Journal } from '../../agent/journal/journal.ts';
import { type Decoded, readBack } from '../../agent/journal/reading-back.ts';
import { node, type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';
import { program } from './program.ts';

const EVASIVE = 'evasive-agent';
const USUAL = 'usual-agent';

describe('ways around the recorder in the record of an agent', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let activities: Decoded[];

  before(async () => {
    recording = await startRecording({
      identities: [EVASIVE, USUAL],
      config: () => ({ capture: { watch_syscalls: true } }),
    });
    await recording.run(EVASIVE, [program('other_socket'), '0', '', 'm', 'packet']);
    await recording.run(EVASIVE, [program('write_memory'), '0', '', 'm']);
    await takeUsualWays(recording);
    await recording.finish();
    activities = await readActivities(recording);
  });

  after(async () => {
    await recording?.stop();
  });

  test('each is a finding of its process, in its session, before that ends', () => {
    for (const [exe, kind, subject] of [
      ['other_socket', 'other_socket', 'packet'],
      ['write_memory', 'system_call', 'process_vm_writev'],
    ] as const) {
      const at = activities.findIndex(({ finding }) => finding?.kind === kind && finding.subject === subject);
      const found = activities[at];
      assert.ok(found !== undefined, kind);
      assert.match(found.exe, new RegExp(exe));
      assert.equal(found.workload, EVASIVE);
      assert.equal(Number(found.finding?.events), 1);
      const end = activities.findIndex(
        ({ session, sessionId }) => sessionId === found.sessionId && session?.action === 2,
      );
      assert.ok(end > at, 'the session ends behind it');
    }
  });

  test('shells, pipes, names that are looked up, HTTP over TCP and unix sockets raise none', () => {
    const found = activities.filter(({ workload, finding }) => workload === USUAL && finding);
    assert.deepEqual(
      found.map(({ exe, finding }) => [exe, finding?.kind, finding?.subject]),
      [],
    );
    assert.ok(
      activities.some(({ workload, command }) => workload === USUAL && command),
      'it did something',
    );
  });
});

async function takeUsualWays(recording: Recording): Promise<void> {
  const server = createServer((_, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  const python = `import urllib.request, subprocess, asyncio
print(urllib.request.urlopen('${url}').read())
subprocess.run(['true'])
asyncio.run(asyncio.create_subprocess_exec('true'))`;
  try {
    await recording.run(USUAL, [node, '-e', `fetch('${url}').then((r) => r.text())`]);
    await recording.run(USUAL, ['python3', '-c', python]);
    await recording.run(USUAL, ['sh', '-c', `curl -s ${url} | cat > /dev/null; (sleep 0 &); exec true`]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function readActivities({ folder, journalFolder }: Recording): Promise<Decoded[]> {
  const agentId = readFileSync(join(folder, 'agent/agent-id'), 'utf8').trim();
  const journal = await Journal.open({ folder: journalFolder, agentId, host: hostname() });
  try {
    return await readBack(journal, 1, { bytesMax: 16 * 1024 * 1024, entryBytesMax: 2 ** 31 });
  } finally {
    await journal.close();
  }
}
