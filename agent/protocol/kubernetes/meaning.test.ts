// SPDX-License-Identifier: Apache-2.0

/** What requests to the Kubernetes API are recorded as, and which are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Exchange } from '../decoder.ts';
import { kubernetes } from './meaning.ts';
import { AUDITED, envelope, exchangeOf, message, type Said } from './testing.ts';

function meant(said: Said): Exchange {
  const [only, ...others] = kubernetes(exchangeOf(said), () => {}) ?? [];
  assert.ok(only, 'it is Kubernetes');
  assert.deepEqual(others, []);
  assert.equal(only.protocol, 'kubernetes');
  return only;
}

for (const [method, path, query, statement, resource] of [
  ['GET', '/api/v1/namespaces/default/pods', {}, 'list pods -n default', 'pods/default'],
  ['GET', '/api/v1/pods', { limit: '500' }, 'list pods', 'pods'],
  ['GET', '/api/v1/namespaces/default/pods/web', {}, 'get pods web -n default', 'pods/default/web'],
  ['GET', '/api/v1/namespaces/default/pods/web/log', {}, 'get pods/log web -n default', 'pods/default/web/log'],
  ['GET', '/api/v1/nodes/n1', {}, 'get nodes n1', 'nodes//n1'],
  ['GET', '/api/v1/namespaces/default', {}, 'get namespaces default', 'namespaces//default'],
  [
    'PUT',
    '/api/v1/namespaces/default/finalize',
    {},
    'update namespaces/finalize default',
    'namespaces//default/finalize',
  ],
  [
    'DELETE',
    '/apis/apps/v1/namespaces/a/deployments/web',
    {},
    'delete deployments.apps web -n a',
    'deployments.apps/a/web',
  ],
  [
    'DELETE',
    '/apis/apps/v1/namespaces/a/deployments',
    {},
    'deletecollection deployments.apps -n a',
    'deployments.apps/a',
  ],
  ['GET', '/api/v1/pods', { watch: 'true' }, 'watch pods', 'pods'],
  ['GET', '/api/v1/watch/namespaces/a/pods', {}, 'watch pods -n a', 'pods/a'],
  ['GET', '/api/v1/pods', { watch: '0' }, 'list pods', 'pods'],
  [
    'GET',
    '/api/v1/namespaces/a/pods',
    { fieldSelector: 'metadata.name=web' },
    'list pods web -n a --field-selector metadata.name=web',
    'pods/a/web',
  ],
  ['GET', '/api/v1/namespaces/a/pods', { labelSelector: 'app=web' }, 'list pods -n a -l app=web', 'pods/a'],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/a/deployments/web/scale',
    { dryRun: 'All' },
    'patch deployments.apps/scale web -n a --dry-run=server',
    'deployments.apps/a/web/scale',
  ],
  [
    'POST',
    '/api/v1/namespaces/a/pods/web/exec',
    { command: ['sh', '-c'] },
    'connect pods/exec web -n a',
    'pods/a/web/exec',
  ],
  [
    'GET',
    '/api/v1/namespaces/a/services/http:web:80/proxy/x/y',
    {},
    'connect services/proxy http:web:80 -n a',
    'services/a/http:web:80/proxy',
  ],
  ['GET', '/healthz', {}, 'get /healthz', '/healthz'],
  ['GET', '/apis/apps/v1', {}, 'get /apis/apps/v1', '/apis/apps/v1'],
  ['POST', '/apis/x.example.com/v1beta1/things', {}, 'create things.x.example.com', 'things.x.example.com'],
] as const) {
  test(`${method} ${path} is ${statement}`, () => {
    const one = meant({ method, path, query });
    assert.equal(one.statement, statement);
    assert.equal(one.resource, resource);
    assert.equal(one.attributes['k8s_audit_id'], AUDITED['audit-id']);
  });
}

const agents = (agent: string) => ({ 'user-agent': agent });
for (const [what, said] of [
  ['a path of another API', { path: '/api/v1/users/7', responseFields: {} }],
  ['a list without a sign', { path: '/api/v1/pods', responseFields: {}, response: { items: [] } }],
  [
    'an object of another version',
    { path: '/api/v1/pods', responseFields: {}, response: { apiVersion: 'v2', kind: 'PodList' } },
  ],
  ['a path that Kubernetes has not', { path: '/api/version/pods' }],
  ['a method that it has not', { path: '/api/v1/pods', method: 'PROPFIND' }],
  [
    'health of something else, by a generated client',
    { path: '/healthz', responseFields: {}, requestFields: agents('OpenAPI-Generator/1.0/python') },
  ],
  ['an audit id that is none', { path: '/api/v1/pods', responseFields: { 'audit-id': 'abc' } }],
] as const) {
  test(`not taken for Kubernetes: ${what}`, () => {
    assert.equal(
      kubernetes(exchangeOf(said), () => {}),
      undefined,
    );
  });
}

for (const [what, said] of [
  ['kubectl', { requestFields: agents('kubectl/v1.34.4 (linux/amd64) kubernetes/abc') }],
  ['client-go', { requestFields: agents('agent/v0 (linux/amd64) kubernetes/$Format') }],
  ['the Python client', { requestFields: agents('OpenAPI-Generator/31.0.0/python') }],
  ['protobuf', { requestFields: { accept: 'application/vnd.kubernetes.protobuf,application/json' } }],
  ['a table', { requestFields: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } }],
  ['an object', { response: { apiVersion: 'v1', kind: 'PodList', items: [] } }],
  ['an error', { statusCode: 403, response: { apiVersion: 'v1', kind: 'Status', status: 'Failure' } }],
] as const) {
  test(`taken for Kubernetes by ${what}, without the server's word`, () => {
    meant({ path: '/api/v1/pods', responseFields: {}, ...said });
  });
}

test('an error has the reason and the message of its Status', () => {
  const one = meant({
    path: '/api/v1/namespaces/a/pods/b',
    statusCode: 404,
    response: {
      apiVersion: 'v1',
      kind: 'Status',
      status: 'Failure',
      reason: 'NotFound',
      message: 'pods "b" not found',
      code: 404,
    },
  });
  assert.deepEqual(
    [one.status, one.errorCode, one.errorMessage, one.attributes['k8s_status_code']],
    ['error', 'NotFound', 'pods "b" not found', '404'],
  );
});

test('an error of a proxy in front, without a Status, keeps what HTTP said', () => {
  const one = meant({ path: '/api/v1/pods', statusCode: 502, response: '<html>' });
  assert.deepEqual([one.errorCode, one.errorMessage], ['502', 'Some Reason']);
});

test('rows are the items of a list and the rows of a table, when all of it was kept', () => {
  const list = { apiVersion: 'v1', kind: 'PodList', items: [{}, {}] };
  assert.equal(meant({ path: '/api/v1/pods', response: list }).rows, 2);
  assert.equal(meant({ path: '/api/v1/pods', response: { kind: 'Table', rows: [{}] } }).rows, 1);
  const escaped = '{"kind":"Pod\\u004cist","apiVersion":"v1","items":[{},{},{}]}';
  assert.equal(meant({ path: '/api/v1/pods', response: escaped }).rows, 3);
  assert.equal(
    meant({ path: '/api/v1/pods', response: '{"kind":"PodList","items":[{', truncated: true }).rows,
    undefined,
  );
  assert.equal(
    meant({ path: '/api/v1/pods', response: envelope('v1', 'PodList', message([2, 'ab'], [2, 'cd'])) }).rows,
    2,
  );
});

test('events of a watch are counted by type, in JSON and in protobuf', () => {
  const lines = ['ADDED', 'ADDED', 'BOOKMARK', 'DELETED']
    .map((type) => `${JSON.stringify({ type, object: {} })}\n`)
    .join('');
  const json = meant({
    path: '/api/v1/pods',
    query: { watch: '1' },
    response: lines,
    responseType: 'application/json;stream=watch',
  });
  assert.deepEqual(JSON.parse(json.attributes['k8s_watch_events']!), { ADDED: 2, BOOKMARK: 1, DELETED: 1 });
  assert.equal(json.rows, 3);
  const event = message([1, 'MODIFIED'], [2, message([1, envelope('v1', 'Pod', message())])]);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, event.length]), event]);
  const protobuf = meant({
    path: '/api/v1/pods',
    query: { watch: '1' },
    response: Buffer.concat([frame, frame]),
    responseType: 'application/vnd.kubernetes.protobuf;stream=watch',
  });
  assert.deepEqual(JSON.parse(protobuf.attributes['k8s_watch_events']!), { MODIFIED: 2 });
});

test('who is impersonated, and how it is asked for, stands in the attributes', () => {
  const { attributes, statement } = meant({
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/a/deployments/web',
    query: { fieldManager: 'kubectl', force: 'true', dryRun: 'All' },
    requestFields: {
      'impersonate-user': 'ann',
      'impersonate-group': ['dev', 'ops'],
      'impersonate-uid': '7',
      'impersonate-extra-scopes': 'view',
    },
    requestType: 'application/apply-patch+yaml',
    request: 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n',
  });
  const of = (name: string) => attributes[`k8s_${name}`];
  assert.deepEqual(
    [
      'impersonate_user',
      'impersonate_groups',
      'impersonate_uid',
      'impersonate_extra',
      'field_manager',
      'patch_type',
      'dry_run',
      'request_encoding',
    ].map(of),
    ['ann', '["dev","ops"]', '7', '{"scopes":["view"]}', 'kubectl', 'apply', 'All', 'yaml'],
  );
  assert.equal(statement, 'patch deployments.apps web -n a --as ann --dry-run=server');
});

test('parameters have the query and, in short, the body', () => {
  const patch = meant({
    method: 'PATCH',
    path: '/apis/apps/v1/namespaces/a/deployments/web',
    requestType: 'application/strategic-merge-patch+json',
    request: { spec: { replicas: 5, template: { metadata: { labels: { 'a/b': 'c' } } } } },
  });
  assert.deepEqual(JSON.parse(patch.parameters), {
    body: { touches: ['/spec/replicas', '/spec/template/metadata/labels'], replicas: 5 },
  });
  const deletion = meant({
    method: 'DELETE',
    path: '/api/v1/namespaces/a/pods/web',
    request: envelope('v1', 'DeleteOptions', message([1, 0], [4, 'Foreground'], [5, 'All'])),
  });
  assert.equal(deletion.attributes['k8s_propagation_policy'], 'Foreground');
  assert.equal(deletion.attributes['k8s_grace_period_seconds'], '0');
  assert.equal(deletion.attributes['k8s_dry_run'], 'All');
  const review = meant({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    request: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'delete', resource: 'pods' } },
    },
  });
  assert.deepEqual(JSON.parse(review.parameters).body.resourceAttributes, { verb: 'delete', resource: 'pods' });
});

test('what is created gets its name from the body, or from the answer when the server made it up', () => {
  const path = '/api/v1/namespaces/a/pods';
  const named = meant({ method: 'POST', path, request: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' } } });
  assert.equal(named.resource, 'pods/a/web');
  const generated = meant({
    method: 'POST',
    path,
    request: envelope('v1', 'Pod', message([1, message([2, 'web-'])])),
    response: envelope('v1', 'Pod', message([1, message([1, 'web-x7k2p'])])),
  });
  assert.equal(generated.resource, 'pods/a/web-x7k2p');
});

test('arbitrary paths, fields and bodies: nothing throws, and bytes on the wire stay', () => {
  const path = fc.oneof(
    fc.webPath(),
    fc
      .array(
        fc.constantFrom(
          'api',
          'apis',
          'v1',
          'apps',
          'namespaces',
          'a',
          'pods',
          'secrets',
          'watch',
          '%2f',
          '',
          '%zz',
          'exec',
        ),
        { maxLength: 9 },
      )
      .map((parts) => `/${parts.join('/')}`),
  );
  const body = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array().map((bytes) => Buffer.concat([Buffer.from('k8s\0'), bytes])),
    fc
      .constantFrom('kind: Secret\ndata:\n  a: &b c\n', '{"kind":"Secret","data":{"a"', 'a: *b', '- {')
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'X'),
      path,
      fc.dictionary(
        fc.constantFrom('watch', 'dryRun', 'fieldSelector', 'command'),
        fc.oneof(fc.string(), fc.array(fc.string())),
      ),
      body,
      body,
      fc.constantFrom(
        'application/json',
        'application/vnd.kubernetes.protobuf;stream=watch',
        'application/apply-patch+yaml',
        'x',
      ),
      (method, asked, query, request, response, type) => {
        const given = exchangeOf({
          method,
          path: asked,
          query,
          request,
          response,
          requestType: type,
          responseType: type,
        });
        for (const one of kubernetes(given, () => {}) ?? []) {
          assert.deepEqual([one.requestBytes, one.responseBytes], [given.requestBytes, given.responseBytes]);
          assert.ok(Object.values(one.attributes).every((value) => typeof value === 'string'));
        }
      },
    ),
    { numRuns: 600 },
  );
});
