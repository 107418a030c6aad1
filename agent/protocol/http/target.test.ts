// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTarget, pathShape } from './target.ts';

for (const [method, target, authority, path, text, parameters] of [
  ['GET', '/', 'h', '/', '/', ''],
  ['GET', '/a/b?x=1', 'h', '/a/b', '/a/b?x=1', '{"x":"1"}'],
  ['GET', '/?x=1&x=2&y', 'h', '/', '/?x=1&x=2&y', '{"x":["1","2"],"y":""}'],
  [
    'GET',
    '/?q=caf%C3%A9+au%20lait&bad=%zz',
    'h',
    '/',
    '/?q=caf%C3%A9+au%20lait&bad=%zz',
    '{"q":"café au lait","bad":"%zz"}',
  ],
  ['GET', '/?', 'h', '/', '/?', ''],
  ['OPTIONS', '*', 'h', '*', '*', ''],
  ['CONNECT', 'db.internal:5432', 'db.internal:5432', '', 'db.internal:5432', ''],
  ['GET', 'http://other:8080/a?b=c', 'other:8080', '/a', 'http://other:8080/a?b=c', '{"b":"c"}'],
  ['GET', 'http://other', 'other', '/', 'http://other', ''],
  ['GET', 'http://u:p@other/a', 'other', '/a', 'http://[redacted]@other/a', ''],
  ['GET', '/a;jsessionid=F00?x=1', 'h', '/a;jsessionid=[redacted]', '/a;jsessionid=[redacted]?x=1', '{"x":"1"}'],
] as const) {
  test(`target ${method} ${target}`, () => {
    const parsed = parseTarget(method, target, 'h');
    assert.deepEqual(
      [parsed.authority, parsed.path, parsed.text, parsed.parameters],
      [authority, path, text, parameters],
    );
  });
}

for (const [path, shape] of [
  ['/users/42/orders', '/users/?/orders'],
  ['/users/550e8400-e29b-41d4-a716-446655440000', '/users/?'],
  ["/users(guid'550e8400-e29b-41d4-a716-446655440000')/x", "/users(guid'?')/x"],
  ['/Products(17)/Name', '/Products(?)/Name'],
  ['/blobs/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '/blobs/?'],
  ['/reports/2024-01-31/17.pdf', '/reports/?/?.pdf'],
  ['/v1/api2/s3', '/v1/api2/s3'],
  ['/v1/chat/completions', '/v1/chat/completions'],
  ['/openai/threads/thread_abc123DEF456ghi789JKL0', '/openai/threads/?'],
  ['/api/v1/namespaces/default/pods/web-5d8c7b9f6-x2x4z', '/api/v1/namespaces/default/pods/web-5d8c7b9f6-x2x4z'],
  ['/', '/'],
  ['', ''],
] as const) {
  test(`shape of ${path}`, () => {
    assert.equal(pathShape(path), shape);
  });
}
