// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SealedRecord } from '../../collector/testing/sealed-record.ts';
import { TestAgent } from '../../collector/testing/test-agent.ts';
import {
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../collector/testing/test-collector.ts';
import { runSworn } from '../testing/run-sworn.ts';

describe('sworn collector key, accept-key', () => {
  const stateDir = temporaryFolder();
  const record = new SealedRecord('web-1');
  const other = new SealedRecord('web-1');
  let collector: TestCollector;
  const sworn = (...words: string[]) =>
    runSworn(['collector', ...words], {
      environment: {
        SWORN_URL: collector.apiUrl,
        SWORN_TOKEN_FILE: join(stateDir, 'api-token'),
        SWORN_ADMIN_TOKEN_FILE: join(stateDir, 'admin-token'),
      },
    });
  const hello = async (from: SealedRecord): Promise<string> => {
    const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate('web-1'));
    agent.hello(from.hello()).catch(() => {});
    const outcome = await Promise.race([agent.welcome.then(() => 'welcome'), agent.refused.then(({ code }) => code)]);
    agent.close();
    return outcome;
  };

  before(async () => {
    collector = await startTestCollector(stateDir);
    assert.equal(await hello(record), 'welcome');
  });
  after(async () => {
    await collector.stop();
    removeFolder(stateDir);
  });

  it('prints the keys of collector and agents, whole in a pipe', async () => {
    const { code, out, err } = await sworn('key');
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.length, 4);
    assert.equal(lines.filter((line) => line.startsWith(`${collector.collectorId} `) && / own /.test(line)).length, 2);
    assert.ok(lines.some((line) => line.startsWith('web-1 ') && line.endsWith(`first_seen  ${record.keyLine}`)));
  });

  it('gives JSON, of one agent', async () => {
    const { out } = await sworn('key', '--agent', 'web-1', '--json');
    assert.equal((JSON.parse(out) as { verifier: string }).verifier, record.keyLine);
  });

  it('lets another key count once a person says so', async () => {
    assert.equal(await hello(other), 'key_changed');
    const { code, out } = await sworn('accept-key', 'web-1', other.keyLine);
    assert.deepEqual([code, out], [0, `From now on the log of web-1 is signed by ${other.keyLine}.\n`]);
    assert.equal(await hello(other), 'welcome');
    assert.equal(await hello(record), 'key_changed');
  });

  it('refuses what is no key of that agent, with the reason', async () => {
    const { code, err } = await sworn('accept-key', 'web-2', other.keyLine);
    assert.equal(code, 2);
    assert.match(err, /a key that signs the log of web-2 has the name sworn\/web-2/);
    assert.equal((await sworn('accept-key', 'web-1', 'nothing')).code, 2);
  });
});
