// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { errors, type JWSHeaderParameters } from 'jose';
import { createSigningKeys, type SigningKeys } from '../../../test/entra-stand-in/signing-keys.ts';
import { silentLog } from '../log.ts';
import { createHandClock, type HandClock } from '../testing/hand-clock.ts';
import { KeysUnavailable, type TenantKeys } from '../token/verify.ts';
import { type HttpsAnswer, TransportError } from './https-fetch.ts';
import { createTenantKeys } from './tenant-keys.ts';

const TENANT = '10000000-0000-4000-8000-0000000000AA';
const MINUTE = 60_000;

let clock: HandClock;
let signing: SigningKeys;
let fetched: string[];
let serve: () => Promise<HttpsAnswer>;
let keys: TenantKeys;

const ok = async (body: unknown): Promise<HttpsAnswer> => ({
  status: 200,
  header: () => undefined,
  body: JSON.stringify(body),
});

/** What a signature check does: look a key up by its id. */
async function lookUp(kid: string): Promise<string> {
  const resolver = keys.keysOf(TENANT);
  assert.ok(typeof resolver === 'function');
  const header = { alg: 'RS256', kid } as JWSHeaderParameters & { alg: string };
  try {
    await resolver(header, { payload: '', signature: '', protected: '' });
    return 'found';
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'no such key';
    if (error instanceof KeysUnavailable) return 'no keys';
    throw error;
  }
}

beforeEach(async () => {
  clock = createHandClock();
  signing ??= await createSigningKeys();
  fetched = [];
  serve = () => ok(signing.published('x'));
  keys = createTenantKeys({
    authority: 'https://login.example',
    tenants: [TENANT],
    clock,
    log: silentLog,
    timeoutMs: 1,
    fetch: ({ url }) => {
      fetched.push(url.href);
      return serve();
    },
  });
});

describe('the keys of a tenant', () => {
  test('are fetched once, however many ask, from the tenant of the configuration and no other', async () => {
    const { kid } = signing.current;
    assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => lookUp(kid))), Array(50).fill('found'));
    clock.advance(23 * 60 * MINUTE);
    assert.equal(await lookUp(kid), 'found');
    assert.deepEqual(fetched, [`https://login.example/${TENANT.toLowerCase()}/discovery/v2.0/keys`]);
    assert.ok(keys.keysOf(TENANT.toLowerCase()));
    assert.equal(keys.keysOf('10000000-0000-4000-8000-0000000000bb'), undefined);
  });

  test('are fetched once in five minutes for key ids that nobody knows', async () => {
    await lookUp(signing.current.kid);
    const storm = async () => {
      const asked = Array.from({ length: 100 }, (_, index) => lookUp(`invented ${index}`));
      assert.deepEqual(new Set(await Promise.all(asked)), new Set(['no such key']));
    };
    await storm();
    assert.equal(fetched.length, 1, 'they have just been fetched');
    clock.advance(5 * MINUTE);
    await storm();
    await storm();
    assert.equal(fetched.length, 2);
    clock.advance(5 * MINUTE - 1);
    await storm();
    assert.equal(fetched.length, 2);
  });

  test('follow a rollover', async () => {
    await lookUp(signing.current.kid);
    const rolled = await signing.roll();
    clock.advance(5 * MINUTE);
    assert.equal(await lookUp(rolled.kid), 'found');
  });

  test('are renewed after a day, and the old ones stay in use when that fails', async () => {
    const { kid } = signing.current;
    await lookUp(kid);
    clock.advance(25 * 60 * MINUTE);
    serve = () => Promise.reject(new TransportError('network', 'login.example'));
    assert.equal(await lookUp(kid), 'found');
    assert.equal(fetched.length, 2);
    assert.equal(await lookUp(kid), 'found');
    assert.equal(fetched.length, 2, 'not again at once');
    clock.advance(10_001);
    serve = () => ok(signing.published('x'));
    assert.equal(await lookUp(kid), 'found');
    assert.equal(await lookUp(kid), 'found');
    assert.equal(fetched.length, 3);
  });

  test('are unavailable, not absent, while there are none; answers that are no key set change nothing', async () => {
    const { kid } = signing.current;
    for (const broken of [
      () => Promise.reject(new TransportError('timeout', 'login.example')),
      () => ok({ keys: 'none' }),
      () => ok(null),
      () => ok({ keys: Array(101).fill({}) }),
      async () => ({ ...(await ok(signing.published('x'))), status: 500 }),
      async () => ({ ...(await ok({})), body: 'x' }),
    ]) {
      serve = broken;
      assert.equal(await lookUp(kid), 'no keys');
      clock.advance(10_001);
    }
    assert.equal(fetched.length, 6);
    serve = () => ok(signing.published('x'));
    assert.equal(await lookUp(kid), 'found');
  });
});
