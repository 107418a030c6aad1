// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readQuery, refusedBody } from './managed-identity-protocol.ts';

const MIN = '2019-08-01';
const query = (text: string) => readQuery(`api-version=2019-08-01&${text}`, MIN);

describe('the query', () => {
  test('is read as SDKs write it, names in any case', () => {
    const fingerprint = 'A'.repeat(64);
    assert.deepEqual(query(`resource=https%3A%2F%2Fa.example%2F&xms_cc=cp1&token_sha256_to_refresh=${fingerprint}`), {
      resource: 'https://a.example/',
      selectors: [],
      staleFingerprint: fingerprint.toLowerCase(),
      problem: undefined,
    });
    assert.equal(readQuery('Api-Version=2025-03-30&RESOURCE=x', MIN).resource, 'x');
    assert.equal(query('resource=x&token_sha256_to_refresh=nonsense').staleFingerprint, undefined);
  });

  test('may name an identity under any of the names that SDKs use', () => {
    for (const [name, kind] of [
      ['client_id', 'client-id'],
      ['clientid', 'client-id'],
      ['object_id', 'object-id'],
      ['principal_id', 'object-id'],
      ['mi_res_id', 'resource-id'],
      ['msi_res_id', 'resource-id'],
    ] as const) {
      assert.deepEqual(query(`${name}=v`).selectors, [{ kind, value: 'v' }]);
    }
    assert.equal(query('client_id=a&mi_res_id=b').selectors.length, 2);
    assert.deepEqual(query('constructor=a&__proto__=b').selectors, []);
  });

  test('is refused when it is not clear', () => {
    assert.equal(query('resource=a&resource=b').problem, 'parameter_repeated');
    assert.equal(query('client_id=a&Client_Id=a').problem, 'parameter_repeated');
    assert.equal(query(Array.from({ length: 40 }, (_, index) => `p${index}=1`).join('&')).problem, 'malformed_request');
    for (const version of ['', '2017-09-01', '2018-02-01', 'latest', '9999', '2019-08-01x']) {
      assert.equal(readQuery(`api-version=${version}&resource=x`, MIN).problem, 'api_version_unsupported', version);
    }
    assert.equal(readQuery('', MIN).problem, 'api_version_unsupported');
    assert.equal(readQuery('resource=x', undefined).problem, undefined);
  });
});

test('a refusal says the same in every field that some SDK reads', () => {
  const body = refusedBody({ reason: 'no_binding', correlationId: 'c' });
  assert.equal(body['error'], 'access_denied');
  assert.match(String(body['message']), /^SWORN_BROKER_NO_BINDING: /);
  assert.equal(body['error_description'], body['message']);
  assert.deepEqual([body['statusCode'], body['correlation_id']], [403, 'c']);
});
