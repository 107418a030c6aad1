// SPDX-License-Identifier: Apache-2.0

/** The collector as a whole: start, what a demo would show, and a good end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { signature } from './alerts/webhook-sink.ts';
import { startCollector } from './main.ts';
import { CollectorError } from './model/error.ts';
import { createLog } from './telemetry/log.ts';
import { makeActivity } from './testing/activity-maker.ts';
import { encodeBatch, makeBatch } from './testing/batch-maker.ts';
import { TestAgent } from './testing/test-agent.ts';
import {
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
  testConfig,
} from './testing/test-collector.ts';
import { LocalTrust } from './trust/certificates.ts';

const SECRET = 'a secret for this test only';

describe('collector', () => {
  const stateDir = temporaryFolder();
  const secretFile = join(stateDir, 'webhook.secret');
  const posted: { headers: IncomingHttpHeaders; body: string }[] = [];
  const webhook = createServer((request, response) => {
    void text(request).then((body) => {
      posted.push({ headers: request.headers, body });
      response.end();
    });
  });
  const said: string[] = [];
  let collector: TestCollector;

  before(async () => {
    writeFileSync(secretFile, SECRET);
    await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`;
    const webhooks = [{ name: 'on-call', url, secret_file: secretFile, timeout_seconds: 5 }];
    process.env['NOTIFY_SOCKET'] = '/run/systemd/notify';
    collector = await startTestCollector(stateDir, { alerts: { webhooks } }, (state) => said.push(state));
    delete process.env['NOTIFY_SOCKET'];
  });
  after(async () => {
    await collector.stop();
    assert.deepEqual(said, ['READY=1', 'STOPPING=1']);
    webhook.close();
    webhook.closeAllConnections();
    removeFolder(stateDir);
  });

  it('keeps what it made for itself from others', () => {
    for (const file of ['api-token', 'collector-id', 'trust/ca.key', 'trust/server.key']) {
      assert.equal(statSync(join(stateDir, file)).mode & 0o077, 0, file);
    }
    assert.equal(statSync(join(stateDir, 'store')).mode & 0o077, 0);
  });

  it('raises an alert for a bulk delete: in ClickHouse, in the live tail, and at the webhook, signed', async () => {
    const gone = new AbortController();
    const tail = await fetch(`${collector.apiUrl}/v1/tail?kind=alert`, {
      headers: { authorization: `Bearer ${collector.apiToken}` },
      signal: gone.signal,
    });
    const lines = tail.body!.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await lines.read()).value, '{"type":"opened"}\n');

    const agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate('agent-1'));
    await agent.hello();
    const command = {
      protocol: 'postgresql',
      operation: 'DELETE',
      target: 'bank@h:5432',
      statement: 'DELETE FROM accounts',
      status: 1,
      rows: 5000,
      attributes: { unbounded: 'true' },
    };
    agent.send(encodeBatch([makeActivity(1), { ...makeActivity(20), seq: 2, command }, makeActivity(3)]));
    await agent.stored(3);
    assert.equal(collector.status().agents[0]?.last_seq, 3);
    agent.close();

    const [alert] = await collector.ask<Record<string, string>>('SELECT * FROM alerts');
    assert.equal(alert?.['rule_title'], 'Rows deleted without a WHERE clause');
    assert.deepEqual(
      [alert?.['matched_agent_id'], alert?.['matched_seq'], alert?.['agent_id']],
      ['agent-1', '2', collector.collectorId],
    );
    assert.match(alert?.['summary'] ?? '', /DELETE FROM accounts at bank@h:5432$/);
    const shown = JSON.parse((await lines.read()).value!) as { activity: { alert_id: string } };
    assert.equal(shown.activity.alert_id, alert?.['alert_id']);
    gone.abort();

    const deadline = Date.now() + 5_000;
    while (posted.length === 0) {
      assert.ok(Date.now() < deadline);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [{ headers, body }] = posted as [{ headers: IncomingHttpHeaders; body: string }];
    assert.equal(headers['sworn-signature'], signature(SECRET, String(headers['sworn-timestamp']), body));
    // What is posted at once reads as what is read back from the table.
    const { received_at: _received, salt: _salt, leaf: _leaf, erasure_seq: _erasure, ...row } = alert!;
    assert.deepEqual(JSON.parse(body).alert, row);
  });

  it('tells what it is', () => {
    const { version, store, rules, sinks } = collector.status();
    assert.deepEqual([version, store, sinks, rules.length > 0], ['test', 'embedded', ['on-call'], true]);
  });
});

describe('a collector that cannot start', () => {
  const fails = async (changes: Parameters<typeof testConfig>[1], code: string, message: RegExp) => {
    const folder = temporaryFolder();
    await assert.rejects(
      startCollector({ config: testConfig(folder, changes), version: 't', log: createLog('silent') }),
      (error: unknown) => error instanceof CollectorError && error.code === code && message.test(error.message),
    );
    removeFolder(folder);
  };

  it('says why', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'bad.yml'), 'title: x');
    writeFileSync(join(folder, 'short.secret'), 'short');
    await fails({ rules: { folders: [folder] } }, 'rule_invalid', /bad\.yml:1: /);
    const webhook = { name: 'a', url: 'http://127.0.0.1/', timeout_seconds: 1 };
    await fails(
      { alerts: { webhooks: [{ ...webhook, secret_file: join(folder, 'none') }] } },
      'config_invalid',
      /secret of a/,
    );
    await fails(
      { alerts: { webhooks: [{ ...webhook, secret_file: join(folder, 'short.secret') }] } },
      'config_invalid',
      /at least 16/,
    );
    const server = { url: 'http://127.0.0.1:1', username: 'u' };
    await fails({ store: { server } }, 'store_unavailable', /migration/);
    removeFolder(folder);
  });
});

describe('a collector that is told to end', () => {
  it('stores and acknowledges what is on its way, and ends well', async () => {
    const stateDir = temporaryFolder();
    const configPath = join(stateDir, 'collector.yaml');
    // Without the order to end, the second batch would wait a minute for company.
    const config = {
      state_dir: stateDir,
      ingest: { listen: '127.0.0.1:0', insert_interval_ms: 60_000 },
      api: { listen: '127.0.0.1:0' },
    };
    writeFileSync(configPath, stringify(config));
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), '--config', configPath], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const port = await new Promise<number>((resolve) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (line.includes('the collector is ready'))
          resolve(Number((JSON.parse(line) as { ingest: string }).ingest.split(':')[1]));
      });
    });
    const trust = new LocalTrust(join(stateDir, 'trust'));
    const agent = new TestAgent(port, await trust.issueAgentCertificate('agent-1', { now: new Date() }));
    await agent.hello();
    agent.send(makeBatch(1, 10));
    await agent.stored(10);
    agent.send(makeBatch(11, 10));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(agent.storedSeq, 10);
    child.kill('SIGTERM');
    await agent.stored(20);
    assert.equal(await exited, 0);
    agent.close();
    const again = await startTestCollector(stateDir);
    const [row] = await again.ask<{ c: string; m: string }>(
      "SELECT count() AS c, max(seq) AS m FROM activities WHERE agent_id = 'agent-1'",
    );
    assert.deepEqual(row, { c: '20', m: '20' });
    await again.stop();
    assert.ok(readFileSync(join(stateDir, 'collector-id'), 'utf8').startsWith('collector-'));
    removeFolder(stateDir);
  });
});
