// SPDX-License-Identifier: Apache-2.0

/** What the matrix calls ok: one story told by client, Entra and record. Each way in which they differ is found. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Expected, judged, type Played, type Said, type TokenRow } from './judge.ts';
import { plannedRows, type Row } from './row.ts';

const FINGERPRINT = 'a'.repeat(64);
const STARTED_MS = 1_800_000_000_000;
const INSTALLED = { version: '1.0', runtime: 'none', command: [] };
const EXPECTED: Expected = {
  resource: 'https://go-msal.example',
  objectId: 'object-1',
  issued: new Set([FINGERPRINT]),
  refusalMsMax: 200,
};

const planned = (way: string, flavour = 'app-service') => {
  const [row] = plannedRows([`go-msal ${flavour} ${way}`]);
  assert.ok(row);
  return row;
};
const played = (said: Partial<Said>): Played => ({
  pid: 7,
  said: { ms: 10, ...said },
  startedMs: STARTED_MS,
  endedMs: STARTED_MS + 400,
});
const HELD: Partial<Said> = {
  fingerprint: FINGERPRINT,
  again: FINGERPRINT,
  expiresAtS: STARTED_MS / 1000 + 900,
};
const ISSUED: TokenRow = {
  action: 'issued',
  reason: '',
  interface: 'app-service',
  fingerprint: FINGERPRINT,
  audience: EXPECTED.resource,
  identity_id: 'object-1',
  pid: 7,
  suspicious: false,
  started_ms: STARTED_MS + 100,
  ended_ms: STARTED_MS + 150,
};
const REFUSED: TokenRow = { ...ISSUED, action: 'refused', reason: 'resource_not_allowed', fingerprint: '' };
const TOLD: Partial<Said> = { error: 'HTTP 403: SWORN_BROKER_RESOURCE_NOT_ALLOWED: …' };

function direct(said: Partial<Said>, tokens: readonly TokenRow[], expected = EXPECTED): Row {
  return judged(planned('direct'), INSTALLED, played(said), tokens, expected);
}

function forbidden(said: Partial<Said>, tokens: readonly TokenRow[], expected = EXPECTED): Row {
  return judged(planned('forbidden'), INSTALLED, played(said), tokens, expected);
}

describe('a row with a token', () => {
  test('is ok when all three say the same', () => {
    const { ok, reason, outcome, requests, brokerMs, keepsForS } = direct(HELD, [ISSUED]);
    assert.deepEqual(
      { ok, reason, outcome, requests, brokerMs, keepsForS },
      { ok: true, reason: '', outcome: 'token', requests: 1, brokerMs: 50, keepsForS: 900 },
    );
  });

  test('of a client that looks first whether anybody answers is ok with that look, and with no more', () => {
    const [old] = plannedRows(['js-identity-3-node-20 imds-address direct']);
    assert.ok(old);
    const look: TokenRow = { ...REFUSED, reason: 'metadata_header_missing', interface: 'imds' };
    const row = (...looks: TokenRow[]): Row =>
      judged(old, INSTALLED, played(HELD), [...looks, { ...ISSUED, interface: 'imds' }], EXPECTED);
    assert.equal(row(look).reason, '');
    assert.match(row(look, look).reason, /2 requests at the broker, not 1/);
  });

  const broken: readonly [what: string, row: Row, reason: RegExp][] = [
    ['Entra issued another', direct(HELD, [ISSUED], { ...EXPECTED, issued: new Set(['b']) }), /none that Entra issued/],
    ['it holds another when it asks again', direct({ ...HELD, again: 'b' }, [ISSUED]), /another token when/],
    ['it asked twice', direct(HELD, [ISSUED, ISSUED]), /2 requests at the broker, not 1/],
    ['the record has no request', direct(HELD, []), /0 requests/],
    ['it was refused on the way', direct(HELD, [REFUSED, ISSUED]), /has a refusal: resource_not_allowed/],
    ['the record has another token', direct(HELD, [{ ...ISSUED, fingerprint: 'b' }]), /has another token/],
    ['the record has another audience', direct(HELD, [{ ...ISSUED, audience: 'b' }]), /the audience b/],
    ['the record has another identity', direct(HELD, [{ ...ISSUED, identity_id: 'b' }]), /the identity b/],
    ['the record has another interface', direct(HELD, [{ ...ISSUED, interface: 'imds' }]), /the interface imds/],
    ['the record has another process', direct(HELD, [{ ...ISSUED, pid: 8 }]), /process 8, not 7/],
    ['it does not know when it expires', direct({ ...HELD, expiresAtS: 0 }, [ISSUED]), /expire at 0/],
    ['it would keep it too long', direct({ ...HELD, expiresAtS: STARTED_MS / 1000 + 3600 }, [ISSUED]), /expire at/],
    ['it was refused', direct({ error: 'no' }, [REFUSED]), /it has no token: no/],
  ];
  for (const [what, row, reason] of broken) {
    test(`is not ok when ${what}`, () => {
      assert.equal(row.ok, false);
      assert.match(row.reason, reason);
    });
  }
});

describe('a row with a refusal', () => {
  test('of a client that keeps the reason to itself is ok without it, and not with it', () => {
    const row = (error: string): Row =>
      judged(planned('forbidden', 'arc'), INSTALLED, played({ error }), [{ ...REFUSED, interface: 'arc' }], EXPECTED);
    assert.equal(row('expected a 401 response, received 403').reason, '');
    assert.match(row(TOLD.error ?? '').reason, /listed as one that does not/);
  });

  test('is ok when the client names the reason and the record has it once', () => {
    const { ok, reason, outcome } = forbidden(TOLD, [REFUSED]);
    assert.deepEqual({ ok, reason, outcome }, { ok: true, reason: '', outcome: 'resource_not_allowed' });
  });

  const broken: readonly [what: string, row: Row, reason: RegExp][] = [
    ['the client has a token', forbidden(HELD, [ISSUED]), /must have none/],
    ['its error hides the reason', forbidden({ error: 'unreachable' }, [REFUSED]), /does not name SWORN_BROKER_/],
    ['it asked again', forbidden(TOLD, [REFUSED, REFUSED]), /2 requests at the broker, not 1/],
    ['the record has a token', forbidden(TOLD, [ISSUED]), /has an issued token/],
    ['the record has another reason', forbidden(TOLD, [{ ...REFUSED, reason: 'no_binding' }]), /the reason no_binding/],
    ['it took long', forbidden(TOLD, [{ ...REFUSED, ended_ms: STARTED_MS + 301 }]), /took 201 ms/],
  ];
  for (const [what, row, reason] of broken) {
    test(`is not ok when ${what}`, () => {
      assert.equal(row.ok, false);
      assert.match(row.reason, reason);
    });
  }
});

describe('a client that asks Entra with its token file', () => {
  const byFile = (said: Partial<Said>, tokens: readonly TokenRow[], name = 'go-identity'): Row => {
    const [row] = plannedRows([`${name} workload-identity direct`]);
    assert.ok(row);
    return judged(row, INSTALLED, played(said), tokens, EXPECTED);
  };
  const held: Partial<Said> = { ...HELD, expiresAtS: STARTED_MS / 1000 + 3900 };
  const sent = { ...ISSUED, action: 'observed', interface: 'http-form', audience: 'api://AzureADTokenExchange' };
  const got = { ...ISSUED, action: 'observed', interface: 'http-token-response' };
  const written = { ...sent, action: 'issued', interface: 'workload-identity' };

  test('is ok when the record has the file and the token on the wire', () => {
    assert.equal(byFile(held, [written, sent, got]).reason, '');
    assert.equal(byFile(held, [], 'java-identity').reason, '', 'its TLS is not read');
  });

  const rows: readonly (readonly [string, Row, RegExp])[] = [
    ['the client has none', byFile({ error: 'no' }, []), /it has no token: no/],
    ['another token', byFile({ ...held, fingerprint: 'f'.repeat(64) }, [sent, got]), /none that Entra issued/],
    ['a short life', byFile(HELD, [sent, got]), /to last 900 s/],
    ['it asked the broker', byFile(held, [ISSUED, sent, got]), /the broker was asked: app-service/],
    ['the use is suspicious', byFile(held, [{ ...sent, suspicious: true }, got]), /suspicious use/],
    ['the file was not seen', byFile(held, [got]), /does not have the file/],
    ['of somebody else', byFile(held, [{ ...sent, identity_id: 'x' }, got]), /the file as of x/],
    ['the token was not seen', byFile(held, [sent]), /the token in the answer/],
  ];
  for (const [name, row, reason] of rows) {
    test(`is not ok: ${name}`, () => {
      assert.equal(row.ok, false);
      assert.match(row.reason, reason);
    });
  }
});
