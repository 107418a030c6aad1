// SPDX-License-Identifier: Apache-2.0

/** What glibc and systemd-resolved said to each other, and what is written by hand, in every way that bytes can be cut. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { DEFAULT_BOUNDS, type Exchange } from '../decoder.ts';
import { readCapture } from '../testing/capture-file.ts';
import { checkDetect, checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { ends, misses, normalised, type Script, sends } from '../testing/script.ts';
import { resolvedByVarlink } from './resolved.ts';
import { varlink } from './varlink.ts';

const directory = new URL('captures/', import.meta.url);
const captured = (name: string): Script => normalised(readCapture(new URL(`${name}.jsonl`, directory)).script);
const names = readdirSync(directory).map((name) => name.replace(/\.jsonl$/, ''));
const said = (...messages: readonly object[]): string => messages.map((one) => `${JSON.stringify(one)}\0`).join('');
const call = (method: string, more: object = {}) => ({ method, ...more });
const USERS = 'io.systemd.UserDatabase.GetUserRecord';
const lineOf = (one: Exchange): string =>
  [one.operation, one.status, one.errorCode, JSON.stringify(one.attributes)].filter((part) => part !== '').join(' ');

for (const name of names) {
  test(`${name} is understood to the last byte, however it is cut`, () => {
    const run = checkScript(varlink, captured(name));
    assert.deepEqual(run.troubles, {});
    assert.equal(run.counts.client.notUnderstood + run.counts.server.notUnderstood, 0);
    assert.equal(checkDetect(varlink, captured(name)), 'yes');
    assert.equal(run.exchanges.length, 1);
  });
}

test('a question for a name has the name, its addresses and what it is called, and names them', () => {
  const [found] = checkScript(varlink, captured('found')).exchanges;
  assert.equal(found?.operation, 'ResolveHostname');
  assert.equal(found?.target, 'io.systemd.Resolve');
  assert.equal(found?.resource, 'alias.example.test');
  assert.deepEqual(found?.attributes, { addresses: '["127.0.0.1"]', canonical_name: 'local.example.test' });
  assert.deepEqual(resolvedByVarlink(found as Exchange), [
    { address: '127.0.0.1', name: 'alias.example.test', ttl: 0 },
  ]);
  const [ip6] = checkScript(varlink, captured('found-ip6')).exchanges;
  assert.deepEqual(resolvedByVarlink(ip6 as Exchange), [{ address: '2001:db8::10', name: 'www.example.test', ttl: 0 }]);
});

test('a name that nobody has is an error with its code, and names nothing', () => {
  const [missing] = checkScript(varlink, captured('missing')).exchanges;
  assert.equal(missing?.errorCode, 'io.systemd.Resolve.DNSError');
  assert.equal(missing?.errorMessage, '{"rcode":3}');
  assert.deepEqual(resolvedByVarlink(missing as Exchange), []);
});

test('what was asked around (mDNS, LLMNR), addresses that are none, and replies that may be of another call name nothing', () => {
  const asked = said(call('io.systemd.Resolve.ResolveHostname', { parameters: { name: 'Printer.local.' } }));
  const reply = (address: unknown, flags: number, family = 2) =>
    said({ parameters: { addresses: [{ family, address }, 7], flags } });
  const answers = (text: string, ...before: Script) => {
    const run = checkScript(varlink, [...before, sends('client', asked), sends('server', text)]);
    return resolvedByVarlink(run.exchanges.at(-1) as Exchange).map(({ name, address }) => `${name} ${address}`);
  };
  assert.deepEqual(answers(reply([192, 0, 2, 1], 1)), ['printer.local 192.0.2.1']);
  assert.deepEqual(answers(reply([192, 0, 2, 1], 8)), []);
  assert.deepEqual(answers(reply([192, 0, 2], 1)), []);
  assert.deepEqual(answers(reply([192, 0, 2, 256], 1)), []);
  assert.deepEqual(answers(reply([192, 0, 2, 1], 1, 10)), []);
  assert.deepEqual(answers(reply([192, 0, 2, 1], 1), misses('server', 9)), []);
  assert.deepEqual(answers(reply([192, 0, 2, 1], 1), sends('client', 'no\0')), []);
});

test('replies belong to calls in their order; several to one call are one exchange, and a call may want none', () => {
  const run = checkScript(varlink, [
    sends('client', said(call(USERS, { more: true }), call('org.example.Log.Write', { oneway: true }))),
    sends('client', said(call('org.varlink.service.GetInfo'))),
    sends('server', said({ parameters: { n: 1 }, continues: true }, { parameters: { n: 2 } })),
    sends('server', said({ error: 'org.varlink.service.MethodNotFound', parameters: {} })),
  ]);
  assert.deepEqual(run.exchanges.map(lineOf), [
    'Write ok {"oneway":"true"}',
    'GetUserRecord ok {"replies":"2"}',
    'GetInfo error org.varlink.service.MethodNotFound {}',
  ]);
  const replies = Buffer.from(run.exchanges[1]?.response.bytes ?? []).toString();
  assert.equal(replies, '{"parameters":{"n":1},"continues":true}\n{"parameters":{"n":2}}');
});

test('a gap gives out what waits, and what follows says that its pair is not certain', () => {
  const run = checkScript(varlink, [
    sends('client', said(call('org.example.A.One'), call('org.example.A.Two'))),
    sends('server', said({ parameters: {} }), '{"para'),
    misses('server', 12),
    sends('server', 'rest\0'),
    sends('client', said(call('org.example.A.Three'))),
    sends('server', said({ parameters: {} })),
  ]);
  assert.deepEqual(run.exchanges.map(lineOf), [
    'One ok {}',
    'Two unknown {"response_missing":"gap"}',
    'Three ok {"pairing_uncertain":"true"}',
  ]);
  assert.deepEqual(run.troubles, {
    'server gap_in_messages': 12,
    'server broken_by_gap': 6,
    'server skipped_to_resync': 5,
  });
});

test('what is no message is not understood, and what breaks off is unfinished', () => {
  const run = checkScript(varlink, [
    sends('client', said(call('org.example.A.One')), 'hello\0', '{"method":"org.exam'),
    ends('client'),
  ]);
  assert.deepEqual(run.exchanges.map(lineOf), ['One unknown {"response_missing":"not_varlink"}']);
  assert.deepEqual(run.troubles, { 'client not_varlink': 6, 'client unfinished': 19 });
});

test('behind a call that turns to another language, whatever it is comes afresh', () => {
  const asked = said(call('org.example.Tunnel.Open', { upgrade: true }));
  const granted = said({ parameters: {} });
  const run = checkScript(varlink, [sends('client', asked), sends('server', granted, 'SSH-2.0-x\r\n')]);
  assert.deepEqual(run.handover, { protocol: 'tunnel', from: 'server', atByte: granted.length });
  const refused = checkScript(varlink, [sends('client', asked), sends('server', said({ error: 'a.b.No' }))]);
  assert.equal(refused.handover, undefined);
});

test('a password in a call or a reply goes to nobody but the fingerprint', () => {
  const run = checkScript(varlink, [
    sends('client', said(call('io.example.Vault.Open', { parameters: { password: 'hunter-two' } }))),
    sends('server', said({ parameters: { access_token: 'given-away' } })),
  ]);
  assert.doesNotMatch(
    JSON.stringify(run.exchanges.map((one) => [one, String(Buffer.from(one.response.bytes))])),
    /hunter|given-away/,
  );
  assert.deepEqual(
    run.credentials.map(({ secret, inReply }) => [secret, inReply ?? false]),
    [
      ['hunter-two', false],
      ['given-away', true],
    ],
  );
});

test('messages above the bounds are cut, and pair all the same', () => {
  const bounds = { ...DEFAULT_BOUNDS, requestBytesMax: 200, responseBytesMax: 200 };
  const long = 'x'.repeat(300);
  const run = checkScript(
    varlink,
    [
      sends('client', said(call(USERS, { parameters: { long } }))),
      sends('server', said({ parameters: { long }, continues: true }, { parameters: { long: 2 } })),
      sends('client', said(call('org.example.A.Two', { parameters: {} }))),
      sends('server', said({ parameters: {} })),
    ],
    { bounds },
  );
  assert.deepEqual(
    run.exchanges.map((one) => [one.operation, one.truncated, one.attributes['replies'], one.status]),
    [
      ['GetUserRecord', true, '2', 'ok'],
      ['Two', false, undefined, 'ok'],
    ],
  );
  assert.ok(run.counts.client.cut > 0 && run.counts.server.cut > 0);
});

test('more calls than may wait are given out, the oldest first', () => {
  const bounds = { ...DEFAULT_BOUNDS, pipelineMax: 2 };
  const run = checkScript(varlink, [sends('client', said(...[1, 2, 3].map((n) => call(`a.b.M${n}`))))], { bounds });
  assert.deepEqual(run.exchanges.map(lineOf), [
    'M1 unknown {"response_missing":"not-awaited"}',
    'M2 unknown {"response_missing":"connection-ended"}',
    'M3 unknown {"response_missing":"connection-ended"}',
  ]);
});

test('JSON of others is not taken for it', () => {
  for (const text of [
    '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n',
    '{"method":"x"}\0',
    '{"a":1}\0',
    'GET / HTTP/1.1\r\n',
    '\0',
  ]) {
    assert.notEqual(checkDetect(varlink, [sends('client', text)]), 'yes', text);
  }
  assert.equal(checkDetect(varlink, [sends('server', 'hello')]), 'no');
});

const MORE: Script = [
  sends('client', said(call(USERS, { more: true, parameters: { password: 'hunter-two' } }), call('org.example.A.Two'))),
  sends('server', said({ parameters: { n: 1 }, continues: true }, { parameters: { n: 2 } }, { error: 'a.b.C' })),
  sends('client', said(call('org.example.Tunnel.Open', { upgrade: true }))),
  sends('server', said({ parameters: {} }), 'more'),
];

test('damaged conversations: nothing thrown, every byte accounted for, memory bounded', () => {
  mutated(varlink, [...names.map(captured), MORE], { runs: 300 });
  mutated(varlink, [MORE], {
    runs: 150,
    bounds: { requestBytesMax: 64, responseBytesMax: 48, pendingBytesMax: 64, pipelineMax: 2 },
  });
});
