// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appService } from './app-service.ts';
import { shapeProblem } from './request-guard.ts';

const expected = { isPath: appService.isPath, hosts: new Set(['127.0.0.1:80', 'localhost:80']) };
const HOST = ['Host', '127.0.0.1:80'];

const problem = (rawHeaders: string[] = HOST, url = '/msi/token?x=1', method = 'GET') =>
  shapeProblem({ method, url, rawHeaders }, expected);

describe('a request has the right shape', () => {
  test('when it is a GET of the path, with or without a slash, addressed to loopback by name or number', () => {
    for (const url of ['/msi/token', '/msi/token?', '/msi/token/', '/msi/token/?a=b']) {
      assert.equal(problem(HOST, url), undefined, url);
    }
    assert.equal(problem(['HOST', 'LOCALHOST:80']), undefined);
    assert.equal(problem([...HOST, 'Content-Length', '0']), undefined);
  });

  test('when it comes from Node’s own fetch, which names its mode and nothing else', () => {
    assert.equal(problem([...HOST, 'sec-fetch-mode', 'cors', 'Accept-Language', '*']), undefined);
  });
});

describe('a request has the wrong shape', () => {
  test('when it was forwarded', () => {
    for (const name of [
      'X-Forwarded-For',
      'x-forwarded-host',
      'X-FORWARDED',
      'Forwarded',
      'Via',
      'X-Real-IP',
      'Proxy-Connection',
      'x-original-url',
    ]) {
      assert.equal(problem([...HOST, name, '']), 'forwarded_request', name);
    }
  });

  test('when a web page caused it', () => {
    for (const name of [
      'Origin',
      'referer',
      'Cookie',
      'Sec-Fetch-Site',
      'sec-fetch-dest',
      'sec-fetch-user',
      'Access-Control-Request-Method',
    ]) {
      assert.equal(problem([...HOST, 'sec-fetch-mode', 'cors', name, 'null']), 'browser_request', name);
    }
  });

  test('when it is addressed to somebody else, to nobody, or to two', () => {
    for (const host of [
      'evil.example:80',
      '127.0.0.1',
      '127.0.0.1:81',
      'localhost',
      '[::1]:80',
      '127.0.0.1:80.evil.example',
      '',
      '127.1:80',
    ]) {
      assert.equal(problem(['Host', host]), 'wrong_host', host);
    }
    assert.equal(problem([]), 'wrong_host');
    assert.equal(problem([...HOST, ...HOST]), 'wrong_host');
  });

  test('when path, method, length or body are not what an SDK sends', () => {
    for (const url of [
      '/',
      '*',
      '/msi',
      '/msi/token/x',
      '//msi/token',
      '/msi/../msi/token',
      '/MSI/token',
      'http://127.0.0.1:80/msi/token',
      '/msi/token%2f',
      '/metadata/identity/oauth2/token',
    ]) {
      assert.equal(problem(HOST, url), 'unknown_path', url);
    }
    for (const method of ['POST', 'HEAD', 'OPTIONS', 'PUT', 'TRACE', 'get']) {
      assert.equal(problem(HOST, '/msi/token', method), 'method_not_allowed', method);
    }
    assert.equal(problem(HOST, `/msi/token?${'x'.repeat(4096)}`), 'malformed_request');
    assert.equal(problem([...HOST, 'Content-Length', '1']), 'malformed_request');
    assert.equal(problem([...HOST, 'Transfer-Encoding', 'chunked']), 'malformed_request');
  });
});
