// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { TokenAction } from '../../model/activity.ts';
import { askOnce, type RawAnswer, type RawRequest } from '../testing/raw-http.ts';
import {
  BILLING_CLIENT,
  ORDERS_CLIENT,
  ORDERS_OBJECT,
  openStage,
  type Stage,
  type StagedBroker,
  thisProcess,
  VAULT,
} from '../testing/staged-broker.ts';
import { withInterfaces } from '../testing/with-interfaces.ts';

let stage: Stage;
let broker: StagedBroker;

before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(async () => {
  stage.standIn.faults.clear();
  await broker?.stop();
  broker = await stage.start({ policy: withInterfaces(stage.policy, 'imds'), imds: { port: 0 } });
});

interface Changes extends Partial<RawRequest> {
  path?: string;
  query?: string;
  host?: string;
  more?: readonly (readonly [string, string])[];
  metadata?: string | undefined;
}

const PATH = '/metadata/identity/oauth2/token';
const QUERY = `api-version=2018-02-01&resource=${encodeURIComponent(VAULT)}`;

function ask(changes: Changes = {}, to = broker): Promise<RawAnswer> {
  const { path = PATH, query = QUERY, more = [], host = '169.254.169.254', ...rest } = changes;
  const metadata = 'metadata' in changes ? changes.metadata : 'true';
  const headers = [
    ['Host', host] as const,
    ...(metadata === undefined ? [] : [['Metadata', metadata] as const]),
    ...more,
  ];
  return askOnce(to.ports.imds ?? 0, { target: query === '' ? path : `${path}?${query}`, headers, ...rest });
}

async function refused(changes: Changes, status: number, reason: string): Promise<void> {
  const [events, upstream] = [broker.events.length, stage.standIn.count('token')];
  const answer = await ask(changes);
  assert.deepEqual([answer.status, broker.last().reason, broker.last().interface], [status, reason, 'imds']);
  assert.match(answer.body.error_description, new RegExp(`^SWORN_BROKER_${reason.toUpperCase()}: `));
  assert.doesNotMatch(answer.text, /unreachable/i);
  assert.equal(broker.events.length, events + 1);
  assert.equal(stage.standIn.count('token'), upstream);
}

describe('the IMDS flavour', () => {
  test('answers at the path as clients write it, at its own address and at the one of the metadata service', async () => {
    for (const path of [PATH, `${PATH}/`, PATH.replace('metadata', 'Metadata'), PATH.replace('metadata', 'METADATA')]) {
      assert.equal((await ask({ path })).status, 200, path);
    }
    const { imds } = broker.ports;
    for (const host of ['169.254.169.254:80', `127.0.0.1:${imds}`, `localhost:${imds}`]) {
      assert.equal((await ask({ host })).status, 200, host);
    }
    assert.equal((await ask({ metadata: 'True' })).status, 200);
  });

  test('has every field that some SDK reads, all of them texts, both expires_in and expires_on', async () => {
    const { body } = await ask();
    assert.deepEqual(Object.keys(body).sort(), [
      ...['access_token', 'client_id', 'expires_in', 'expires_on', 'ext_expires_in'],
      ...['not_before', 'object_id', 'resource', 'token_type'],
    ]);
    for (const value of Object.values(body)) assert.equal(typeof value, 'string');
    assert.deepEqual([body.client_id, body.object_id, body.expires_in], [ORDERS_CLIENT, ORDERS_OBJECT, '900']);
    assert.deepEqual([broker.last().action, broker.last().interface], [TokenAction.ISSUED, 'imds']);
  });

  test('refuses a probe at once, as the real one does', async () => {
    await refused({ metadata: undefined, query: '' }, 400, 'metadata_header_missing');
    await refused({ metadata: undefined }, 400, 'metadata_header_missing');
    for (const metadata of ['false', '', 'true, true']) await refused({ metadata }, 400, 'metadata_header_missing');
    await refused({ more: [['Metadata', 'true']] }, 400, 'metadata_header_missing');
  });

  test('refuses what no SDK sends', async () => {
    await refused({ more: [['X-Forwarded-For', '10.0.0.1']] }, 403, 'forwarded_request');
    await refused({ more: [['Origin', 'https://evil.example']] }, 403, 'browser_request');
    for (const host of ['rebound.example', '127.0.0.1', '169.254.169.254:8080', '169.254.169.253']) {
      await refused({ host }, 403, 'wrong_host');
    }
    for (const path of ['/', '/metadata/instance', '/msi/token', '/metadata/Identity/oauth2/token', `/x${PATH}`]) {
      await refused({ path }, 400, 'unknown_path');
    }
    await refused({ method: 'POST' }, 400, 'method_not_allowed');
    for (const query of ['resource=x', 'api-version=2017-09-01&resource=x', '']) {
      await refused({ query }, 400, 'api_version_unsupported');
    }
    await refused({ query: 'api-version=2018-02-01' }, 400, 'resource_missing');
  });

  test('knows all selectors, and none of them selects', async () => {
    for (const selector of [`client_id=${ORDERS_CLIENT}`, `object_id=${ORDERS_OBJECT}`]) {
      assert.equal((await ask({ query: `${QUERY}&${selector}` })).status, 200, selector);
    }
    await refused({ query: `${QUERY}&client_id=${BILLING_CLIENT}` }, 403, 'other_identity_requested');
    await refused({ query: `${QUERY}&msi_res_id=/subscriptions/x` }, 403, 'other_identity_requested');
    await refused({ query: `${QUERY}&client_id=a&object_id=b` }, 400, 'too_many_selectors');
  });

  test('fetches another token when a client names the one that is no longer good', async () => {
    let aheadMs = 0;
    const clock = { wallMs: () => Date.now() + aheadMs, monotonicMs: () => performance.now() + aheadMs };
    const later = await stage.start({ policy: withInterfaces(stage.policy, 'imds'), imds: { port: 0 }, clock });
    const first = (await ask({}, later)).body.access_token as string;
    aheadMs = 60_000;
    assert.equal((await ask({}, later)).body.access_token, first);
    const fingerprint = createHash('sha256').update(first).digest('hex');
    const second = await ask({ query: `${QUERY}&token_sha256_to_refresh=${fingerprint}` }, later);
    assert.equal(second.status, 200);
    assert.ok(second.body.access_token !== first);
  });

  test('is for workloads whose policy names it, and for no others', async () => {
    broker.callers.everybodyIs(thisProcess({ selectionName: undefined, sessionKey: 0n }));
    await refused({}, 403, 'not_a_workload');
    broker.callers.everybodyIs(undefined);
    await refused({}, 403, 'caller_unknown');
    const usual = await stage.start({ imds: { port: 0 } });
    const answer = await ask({}, usual);
    assert.deepEqual([answer.status, usual.last().reason], [403, 'interface_not_allowed']);
    const arc = await stage.start({ imds: { port: 0 }, policy: withInterfaces(stage.policy, 'arc', 'app-service') });
    assert.equal((await ask({}, arc)).status, 403);
  });

  test('is off unless it is wanted', async () => {
    const { ports } = await stage.start();
    assert.deepEqual([ports.imds, ports.arc], [undefined, undefined]);
  });
});
