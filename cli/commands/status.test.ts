// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Recording, startRecording, whyNoRecording } from '../../test/oracle/recording/recording.ts';
import type { CollectorClient } from '../collector-client.ts';
import { assertTame, type Ended, onTerminal, runSworn } from '../testing/run-sworn.ts';

const NOWHERE = { SWORN_URL: 'http://127.0.0.1:9', SWORN_TOKEN: 'x' };

describe('sworn status', { skip: whyNoRecording() }, () => {
  let recording: Recording;
  let environment: Record<string, string> = {};
  const status = (...words: string[]): Promise<Ended> =>
    runSworn(['status', '--socket', join(recording.folder, 'run/agent.sock'), ...words], { environment });
  before(async () => {
    recording = await startRecording({ identities: ['invoice-agent'], collector: true });
    environment = {
      SWORN_URL: (await addressOf(recording.client)).url,
      SWORN_TOKEN_FILE: join(recording.folder, 'collector/api-token'),
    };
  });
  after(() => recording.stop());

  it('says how agent and collector are', async () => {
    await recording.run('invoice-agent', ['true']);
    const { code, out, err } = await status();
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^agent oracle-\w+ on \S+, version \d/);
    assert.match(out, /^ {2}workloads +invoice-agent$/m);
    assert.match(out, /^ {2}delivery +delivering since/m);
    assert.match(out, /^collector collector-\w+, version/m);
    assert.match(out, /^ {2}agents +1 on 127\.0\.0\.1:\d+$/m);
  });

  it('gives one JSON object', async () => {
    const { code, out } = await status('--json');
    assert.equal(code, 0);
    const { agent, collector } = JSON.parse(out) as { agent: { agent_id: string }; collector: { agents: object[] } };
    assert.match(agent.agent_id, /^oracle-/);
    assert.equal(collector.agents.length, 1);
  });

  it('shows a session that runs', async () => {
    const running = recording.start('invoice-agent', ['sh', '-c', 'echo up; exec sleep 600']);
    try {
      await running.firstLine();
      assert.match(
        (await status()).out,
        /^ {2}sessions +1 running(?:.|\n)*^ {4}\S+ +invoice-agent +invoice-agent +1 processes/m,
      );
    } finally {
      await running.stop();
    }
  });

  it('leaves out the one that does not answer, and ends with 1 when neither does', async () => {
    const socket = ['--socket', join(recording.folder, 'none.sock')];
    const half = await runSworn(['status', ...socket], { environment });
    assert.equal(half.code, 0);
    assert.match(half.out, /^agent: no agent listens on .*\n\ncollector collector-/);
    const none = await runSworn(['status', ...socket], { environment: NOWHERE });
    assert.equal(none.code, 1);
    assert.match(none.out, /^agent: no agent .*\n\ncollector: .* cannot be reached/);
    assert.deepEqual(JSON.parse((await runSworn(['status', '--json', ...socket], { environment: NOWHERE })).out), {
      agent: null,
      collector: null,
    });
  });
});

describe('an agent that answers oddly', () => {
  it('is not shown on a terminal as it wishes, nor taken for an agent', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-cli-'));
    const socket = join(folder, 'agent.sock');
    const answers = ['not JSON \u001b[2J', '{"message":"\\u001b[2J\\u202eno"}'];
    const server = createServer((_request, response) => {
      response.statusCode = 500;
      response.end(answers.shift());
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      for (const reason of [/gave an answer that is not understood/, /the agent says: \\x1b\[2J\\u\{202e\}no/]) {
        const words = ['status', '--socket', socket];
        const { out } = await onTerminal(words, 100, { environment: { ...NOWHERE, NO_COLOR: '1' } });
        assert.match(out, reason);
        assertTame(out);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** A client does not tell where it asks; the collector says so in its log. */
async function addressOf(client: CollectorClient): Promise<{ url: string }> {
  const { url } = await client.get('/v1/status');
  return { url: new URL(url).origin };
}
