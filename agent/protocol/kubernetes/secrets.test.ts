// SPDX-License-Identifier: Apache-2.0

/** Values of Secrets in every container that carries them: none of it comes out, and the keys do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { kubernetes } from './meaning.ts';
import { envelope, exchangeOf, message, type Said } from './testing.ts';

const PLANTED = 'cGxhbnRlZA';
const path = '/api/v1/namespaces/a/secrets';
const applied = { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":{"k":"${PLANTED}"}}` } };
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', ...applied },
  data: { 'pass"word': PLANTED },
  stringData: { x: `a\\"${PLANTED}` },
};
const text = JSON.stringify(secret);
const annotation = message([1, 'kubectl.kubernetes.io/last-applied-configuration'], [2, PLANTED]);
const raw = message(
  [1, message([1, 's'], [12, annotation])],
  [2, message([1, 'password'], [2, PLANTED])],
  [4, message([1, 'x'], [2, PLANTED])],
);
const event = message([1, 'ADDED'], [2, message([1, envelope('v1', 'Secret', raw)])]);
const frame = Buffer.concat([Buffer.from([0, 0, event.length >> 8, event.length & 255]), event]);

function shown(said: Said): string {
  const meant = kubernetes(exchangeOf(said), () => {});
  assert.equal(meant?.length, 1);
  const bytesOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  return meant
    .map(
      (one) =>
        `${bytesOf(one.request.bytes)}|${bytesOf(one.response.bytes)}|${JSON.stringify({ ...one, request: 0, response: 0 })}`,
    )
    .join();
}

const cases: readonly (readonly [what: string, said: Said, keeps: string])[] = [
  ['an answer', { path: `${path}/s`, response: secret }, 'pass'],
  ['a request', { method: 'POST', path, request: secret, response: secret }, 'stringData'],
  ['a list', { path, response: { kind: 'SecretList', apiVersion: 'v1', items: [secret, secret] } }, 'SecretList'],
  [
    'a list that was cut',
    { path, response: `{"items":[${text},${text.slice(0, text.indexOf(PLANTED) + PLANTED.length)}`, truncated: true },
    'items',
  ],
  [
    'a watch',
    {
      path,
      query: { watch: '1' },
      response: `{"type":"ADDED","object":${text}}\n{"type":"ADDED","object":${text}}\n`,
      responseType: 'application/json;stream=watch',
    },
    'ADDED',
  ],
  [
    'a merge patch',
    {
      method: 'PATCH',
      path: `${path}/s`,
      requestType: 'application/merge-patch+json',
      request: { data: { k: PLANTED } },
    },
    '"k"',
  ],
  [
    'a JSON patch',
    {
      method: 'PATCH',
      path: `${path}/s`,
      requestType: 'application/json-patch+json',
      request: [{ op: 'add', path: '/data/k', value: PLANTED }],
    },
    '/data/k',
  ],
  [
    'YAML that is applied',
    {
      method: 'PATCH',
      path: `${path}/s`,
      requestType: 'application/apply-patch+yaml',
      request: `kind: Secret\n# ${PLANTED}\ndata:\n  k: ${PLANTED} # ${PLANTED}\n  l: |\n    ${PLANTED}\n`,
    },
    'l: "[redacted]"',
  ],
  [
    'YAML with an anchor',
    {
      method: 'PATCH',
      path: `${path}/s`,
      requestType: 'application/apply-patch+yaml',
      request: `x: &y ${PLANTED}\ndata: {k: *y}\n`,
    },
    '[redacted]',
  ],
  [
    'YAML that begins like JSON',
    {
      method: 'PATCH',
      path: `${path}/s`,
      requestType: 'application/apply-patch+yaml',
      request: `{kind: Secret, data: {k: ${PLANTED}}}`,
    },
    'kind: Secret',
  ],
  ['protobuf', { path: `${path}/s`, response: envelope('v1', 'Secret', raw) }, 'password'],
  ['a list in protobuf', { path, response: envelope('v1', 'SecretList', message([2, raw], [2, raw])) }, 'password'],
  [
    'a watch in protobuf',
    { path, query: { watch: '1' }, response: frame, responseType: 'application/vnd.kubernetes.protobuf;stream=watch' },
    'ADDED',
  ],
  [
    'protobuf that was cut',
    { path: `${path}/s`, response: envelope('v1', 'Secret', raw).subarray(0, -1), truncated: true },
    '[redacted]',
  ],
  ['CBOR', { path: `${path}/s`, response: Buffer.from(`\xd9\xd9\xf7${PLANTED}`, 'latin1') }, '[redacted]'],
  ['what is nothing known', { path: `${path}/s`, response: PLANTED }, '[redacted]'],
  ['a name with an escape', { path: `${path}/s`, response: `{"d\\u0061ta":{"k":"${PLANTED}"}}` }, '"k"'],
  [
    'a Secret that is sent elsewhere',
    { method: 'POST', path: '/api/v1/namespaces/a/pods', request: secret },
    '"Secret"',
  ],
  [
    'a token',
    {
      method: 'POST',
      path: '/api/v1/namespaces/a/serviceaccounts/x/token',
      response: { kind: 'TokenRequest', status: { token: PLANTED } },
    },
    'TokenRequest',
  ],
  [
    'a token in protobuf',
    {
      method: 'POST',
      path: '/api/v1/namespaces/a/serviceaccounts/x/token',
      response: envelope('authentication.k8s.io/v1', 'TokenRequest', message([3, message([1, PLANTED])])),
    },
    'TokenRequest',
  ],
  [
    'a token that is reviewed',
    {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/tokenreviews',
      request: { kind: 'TokenReview', spec: { token: PLANTED } },
    },
    'TokenReview',
  ],
  [
    'an error that quotes',
    {
      method: 'POST',
      path,
      statusCode: 400,
      response: {
        kind: 'Status',
        apiVersion: 'v1',
        reason: 'BadRequest',
        message: `bad, error found in #10 byte of ...|{"k":"${PLANTED}|...`,
      },
    },
    'BadRequest',
  ],
];

for (const [what, said, keeps] of cases) {
  test(`no value comes out of ${what}`, () => {
    const all = shown(said);
    assert.ok(!all.includes(PLANTED), all);
    assert.ok(all.includes(keeps), all);
  });
}

test('what is no Secret stays as it was, to the byte', () => {
  const given = exchangeOf({
    path: '/api/v1/namespaces/a/configmaps/c',
    response: '{"kind": "ConfigMap", "data": {"k": "v"}}',
  });
  assert.equal(kubernetes(given, () => {})?.[0]?.response, given.response);
});

test('of what is taken out the tokens are handed over, and nothing else', () => {
  const taken = (said: Said): string[] => {
    const tokens: string[] = [];
    kubernetes(exchangeOf(said), (half, { kind, secret }) => tokens.push(`${half} ${kind} ${secret}`));
    return tokens;
  };
  const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
  const data = { token: Buffer.from(token).toString('base64'), 'ca.crt': PLANTED, password: PLANTED };
  const mounted = { ...secret, data, stringData: { token: 'a password' } };
  assert.deepEqual(taken({ path: `${path}/s`, response: mounted }), [`response kubernetes-token ${token}`]);
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'opaque' } };
  const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
  const redacted = { ...review, spec: { token: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.[redacted]' } };
  assert.deepEqual(taken({ method: 'POST', path: reviews, request: review, response: redacted }), [
    'request kubernetes-token opaque',
  ]);
});

test('a Secret that is damaged anywhere gives nothing away', () => {
  const bodies = cases.flatMap(([, said]) => [said.request, said.response]).filter((body) => body !== undefined);
  fc.assert(
    fc.property(
      fc.constantFrom(...bodies),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(255),
      fc.boolean(),
      (body, place, byte, cut) => {
        const bytes = Buffer.from(
          body instanceof Uint8Array ? body : typeof body === 'string' ? body : JSON.stringify(body),
        );
        const at = Math.floor(place * (bytes.length - 1));
        // A changed name is another name, and a changed value another value: only what structure says is damaged here.
        const harmless = /[\w.-]/.test(String.fromCharCode(bytes[at]!)) || bytes.includes(0);
        if (!harmless) bytes[at] = byte;
        shown({ path: `${path}/s`, response: cut ? bytes.subarray(0, at) : bytes, truncated: cut });
      },
    ),
    { numRuns: 1000 },
  );
});
