// SPDX-License-Identifier: Apache-2.0

/** From a token row of an agent to its alert, with the rules that come with Sworn. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sworn } from '../../proto/record.ts';
import { type ActivityProperties, fromBigInt } from '../model/activity.ts';
import { encodeBatch } from '../testing/batch-maker.ts';
import { TestAgent } from '../testing/test-agent.ts';
import { removeFolder, startTestCollector, type TestCollector, temporaryFolder } from '../testing/test-collector.ts';

const { IdentityState, IdentitySource, Token } = sworn.v1;
const EXCHANGE = 'api://AzureADTokenExchange';

let collector: TestCollector;
let agent: TestAgent;
const folder = temporaryFolder();
before(async () => {
  collector = await startTestCollector(folder);
  agent = new TestAgent(collector.ingest.port, await collector.issueAgentCertificate('token-alerts'));
  await agent.hello();
});
after(async () => {
  agent.close();
  await collector.stop();
  removeFolder(folder);
});

test('when a use is acknowledged its alert is stored, with whose token it was and who had been given it', async () => {
  const time = fromBigInt(1_790_000_000_000_000_000n);
  const shared: ActivityProperties = {
    ...{ timeNs: time, endTimeNs: time, sessionId: 'thief', exe: '/usr/bin/curl' },
    ...{ identityId: 'victim', identityName: 'invoices', identityTenant: 't', tokenFingerprint: 'f'.repeat(64) },
    identityState: IdentityState.IDENTITY_STATE_VERIFIED,
    identitySource: IdentitySource.IDENTITY_SOURCE_BROKER,
  };
  const token = {
    action: Token.Action.ACTION_OBSERVED,
    interface: 'http-bearer',
    audience: 'https://graph.microsoft.com',
  };
  const stolen = { ...token, suspicious: true, holderSessionId: 'owner' };
  const asked = { action: Token.Action.ACTION_REFUSED, interface: 'app-service', reason: 'secret_wrong' };
  const details: ActivityProperties[] = [
    { token },
    { token: stolen },
    { token: { ...asked, suspicious: true } },
    { token: { ...token, audience: EXCHANGE, suspicious: true } },
  ];
  agent.send(encodeBatch(details.map((detail, index) => ({ ...shared, ...detail, seq: index + 1 }))));
  await agent.stored(details.length);
  const response = await fetch(`${collector.apiUrl}/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${collector.apiToken}` },
    body: JSON.stringify({
      sql: `SELECT matched_seq, level, identity_id, identity_tenant, token_fingerprint, session_id, summary
            FROM sworn.alerts ORDER BY matched_seq`,
      format: 'JSONEachRow',
    }),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const alerts = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  assert.deepEqual(
    alerts.map(({ matched_seq: seq, level }) => [seq, level]),
    [
      ['2', 'high'],
      ['3', 'high'],
      ['4', 'high'],
    ],
  );
  const {
    identity_id: id,
    identity_tenant: tenant,
    token_fingerprint: fingerprint,
    session_id: user,
    summary,
  } = alerts[0]!;
  assert.deepEqual([id, tenant, fingerprint, user], ['victim', 't', 'f'.repeat(64), 'thief']);
  assert.equal(summary, 'invoices: token observed by /usr/bin/curl (http-bearer), given to session owner');
});
