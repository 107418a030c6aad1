// SPDX-License-Identifier: Apache-2.0

/** DNS over TCP and UDP: messages by hand, cut in every way, damaged, and with names that point in circles. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_BOUNDS, type Exchange } from '../decoder.ts';
import { readCapture } from '../testing/capture-file.ts';
import { checkDetect, checkScript } from '../testing/check-script.ts';
import { mutated } from '../testing/mutated.ts';
import { type RunOptions, runScript } from '../testing/run-script.ts';
import { ends, misses, normalised, type Script, sends } from '../testing/script.ts';
import { dns, dnsDatagrams } from './dns.ts';
import { readMessage } from './message.ts';
import { readName } from './name.ts';
import { TYPE } from './record-types.ts';
import { resolvedBy } from './resolved.ts';
import { ASKED, message, name, pointer, prefixed, question, REPLY, record, u16 } from './testing.ts';

const ADDRESS = Buffer.from([192, 0, 2, 7]);
const A_QUERY = message({ questions: [question('www.Example.com', TYPE.A)] });
const A_REPLY = message({
  bits: REPLY,
  questions: [question('www.Example.com', TYPE.A)],
  answers: [
    record(ASKED, TYPE.CNAME, Buffer.concat([Buffer.from([3]), Buffer.from('cdn'), pointer(16)])),
    record('cdn.example.com', TYPE.A, ADDRESS, 60),
  ],
});

/** Datagrams: one push each, so a script is run uncut. */
function datagrams(script: Script, options: RunOptions = {}) {
  return runScript(dnsDatagrams, script, { serverPort: 53, ...options });
}

const answersOf = ({ attributes }: Exchange): string[] => JSON.parse(attributes['answers'] ?? '[]') as string[];

/** What a reply with these records says. */
function said(type: number, data: Buffer, of: string | Buffer = ASKED): string {
  const questions = [question('example.com', type)];
  const reply = message({ bits: REPLY, questions, answers: [record(of, type, data)] });
  const run = datagrams([sends('client', message({ questions })), sends('server', reply)]);
  return answersOf(run.exchanges[0] as Exchange)[0] ?? '';
}

test('a query and its reply are one exchange: type, name, answers, status', () => {
  const script = [
    sends('client', prefixed(A_QUERY)),
    sends('server', prefixed(A_REPLY)),
    ends('client'),
    ends('server'),
  ];
  const run = checkScript(dns, script, { serverPort: 53 });
  assert.deepEqual(run.troubles, {});
  const [exchange, ...others] = run.exchanges;
  assert.equal(others.length, 0);
  assert.deepEqual(
    {
      ...exchange,
      request: Buffer.from(exchange?.request.bytes ?? []),
      response: Buffer.from(exchange?.response.bytes ?? []),
    },
    {
      operation: 'A',
      target: '',
      resource: 'www.example.com',
      statement: 'A www.Example.com',
      statementShape: 'a *.example.com',
      parameters: '',
      request: A_QUERY,
      response: A_REPLY,
      status: 'ok',
      errorCode: '',
      errorMessage: '',
      rows: 2,
      requestBytes: A_QUERY.length + 2,
      responseBytes: A_REPLY.length + 2,
      truncated: false,
      attributes: {
        flags: 'rd',
        reply_flags: 'rd ra',
        answers: '["www.Example.com 300 CNAME cdn.Example.com","cdn.example.com 60 A 192.0.2.7"]',
      },
      requestAt: 0,
      requestEndAt: 0,
      responseAt: 1,
      responseEndAt: 1,
    },
  );
  assert.equal(checkDetect(dns, script, { serverPort: 53 }), 'yes');
  assert.equal(checkDetect(dns, script, { serverPort: 5300 }), 'yes');
});

test('datagrams are understood by themselves; an error has the name of its code', () => {
  const questions = [question('no.such.example', TYPE.AAAA)];
  const run = datagrams([
    sends('client', message({ id: 1, questions })),
    sends('server', message({ id: 1, bits: REPLY | 3, questions })),
  ]);
  assert.deepEqual(
    run.exchanges.map(({ operation, resource, status, errorCode, rows }) => [
      operation,
      resource,
      status,
      errorCode,
      rows,
    ]),
    [['AAAA', 'no.such.example', 'error', 'NXDOMAIN', 0]],
  );
});

test('replies find their queries by number and question, in any order', () => {
  const ask = (id: number, of: string) => message({ id, questions: [question(of, TYPE.A)] });
  const answer = (id: number, of: string) => message({ id, bits: REPLY, questions: [question(of, TYPE.A)] });
  const run = datagrams([
    sends('client', ask(1, 'one.example')),
    sends('client', ask(2, 'two.example')),
    sends('client', ask(3, 'three.example')),
    sends('server', answer(2, 'TWO.example')),
    sends('server', answer(1, 'other.example')),
    sends('server', answer(1, 'one.example')),
  ]);
  assert.deepEqual(
    run.exchanges.map(({ resource, status, attributes }) => [resource, status, attributes['unasked']]),
    [
      ['two.example', 'ok', undefined],
      ['other.example', 'ok', 'true'],
      ['one.example', 'ok', undefined],
      ['three.example', 'unknown', undefined],
    ],
  );
});

test('a query that was sent again waits for an answer of its own', () => {
  const run = datagrams([sends('client', A_QUERY), sends('client', A_QUERY), sends('server', A_REPLY)]);
  assert.deepEqual(
    run.exchanges.map(({ status, requestAt }) => [status, requestAt]),
    [
      ['ok', 0],
      ['unknown', 1],
    ],
  );
});

test('records are written as zone files have them', () => {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, 'latin1')]);
  assert.equal(
    said(TYPE.AAAA, Buffer.from('20010db8000000000000000000000001', 'hex')),
    'example.com 300 AAAA 2001:db8::1',
  );
  assert.equal(
    said(TYPE.MX, Buffer.concat([u16(10), name('mail.example.com')])),
    'example.com 300 MX 10 mail.example.com',
  );
  assert.equal(
    said(TYPE.SRV, Buffer.concat([u16(1), u16(2), u16(443), pointer(12)])),
    'example.com 300 SRV 1 2 443 example.com',
  );
  assert.equal(
    said(TYPE.TXT, Buffer.concat([text('v=spf1 "x"'), text('\x00é')])),
    'example.com 300 TXT "v=spf1 \\"x\\"" "\\000\\233"',
  );
  assert.equal(said(TYPE.PTR, name('a\\b.example')), 'example.com 300 PTR a\\\\b.example');
  assert.equal(
    said(TYPE.CAA, Buffer.concat([Buffer.from([0]), text('issue'), Buffer.from('ca.example')])),
    'example.com 300 CAA 0 issue "ca.example"',
  );
  const alpn = Buffer.concat([text('h3'), text('h2')]);
  const parameters = [u16(1), u16(alpn.length), alpn, u16(3), u16(2), u16(8443), u16(4), u16(4), ADDRESS];
  assert.equal(
    said(TYPE.HTTPS, Buffer.concat([u16(1), name('.'), ...parameters])),
    'example.com 300 HTTPS 1 . alpn="h3,h2" port=8443 ipv4hint=192.0.2.7',
  );
  const soa = Buffer.concat([
    name('ns.example'),
    name('root.example'),
    ...[1, 2, 3, 4, 5].flatMap((n) => [u16(0), u16(n)]),
  ]);
  assert.equal(said(TYPE.SOA, soa), 'example.com 300 SOA ns.example root.example 1 2 3 4 5');
  assert.equal(said(65280, Buffer.from([1, 2])), 'example.com 300 TYPE65280 \\# 2 0102');
  assert.equal(
    said(TYPE.A, Buffer.from([1, 2])),
    'example.com 300 A \\# 2 0102',
    'data that its type does not promise',
  );
});

test('EDNS: size, DNSSEC, the subnet that is asked for, and the upper bits of the code', () => {
  const subnet = Buffer.concat([u16(8), u16(7), u16(1), Buffer.from([24, 0, 198, 51, 100])]);
  const opt = (ttl: number, data = Buffer.alloc(0)) => record('.', TYPE.OPT, data, ttl, 1232);
  const questions = [question('example.com', TYPE.A)];
  const run = datagrams([
    sends('client', message({ questions, additional: [opt(0x8000, subnet)] })),
    sends('server', message({ bits: REPLY, questions, additional: [opt(0x01000000)] })),
  ]);
  const [exchange] = run.exchanges;
  assert.equal(exchange?.errorCode, 'BADVERS');
  const { edns_udp_size, dnssec_ok, client_subnet } = exchange?.attributes ?? {};
  assert.deepEqual([edns_udp_size, dnssec_ok, client_subnet], ['1232', 'true', '198.51.100.0/24']);
});

test('multicast DNS and LLMNR are recognised, and each message stands alone', () => {
  const questions = [question('printer.local', TYPE.A, 0x8001)];
  const answers = [record('printer.local', TYPE.A, ADDRESS, 120, 0x8001)];
  const script = [
    sends('client', message({ id: 0, bits: 0, questions })),
    sends('server', message({ id: 0, bits: 0x8400, answers })),
  ];
  const run = datagrams(script, { serverPort: 5353 });
  assert.deepEqual(
    run.exchanges.map(({ statement, status, attributes }) => [statement, status, attributes['variant']]),
    [
      ['A printer.local', 'unknown', 'mdns'],
      ['A printer.local', 'ok', 'mdns'],
    ],
  );
  assert.equal(datagrams(script, { serverPort: 5355 }).exchanges[0]?.attributes['variant'], 'llmnr');
  assert.deepEqual(run.exchanges.flatMap(resolvedBy), [], 'anybody may say that: it names no address');
});

test('a reply names the addresses at the end of its chain, and no others', () => {
  const stranger = record('stranger.example', TYPE.A, Buffer.from([203, 0, 113, 1]));
  const questions = [question('www.Example.com', TYPE.A)];
  const first = readMessage(A_REPLY);
  assert.equal(first?.answers.length, 2);
  const run = datagrams([sends('client', A_QUERY), sends('server', A_REPLY)]);
  assert.deepEqual(run.exchanges.flatMap(resolvedBy), [{ address: '192.0.2.7', name: 'www.example.com', ttl: 60 }]);
  const other = datagrams([
    sends('client', A_QUERY),
    sends('server', message({ bits: REPLY, questions, answers: [stranger] })),
    sends('server', A_REPLY),
  ]);
  assert.deepEqual(other.exchanges.flatMap(resolvedBy), [], 'beside the chain; and nobody had asked for the second');
});

test('names: pointers back only, 255 bytes, no loop', () => {
  const loop = Buffer.concat([Buffer.alloc(12), pointer(12)]);
  assert.equal(readName(loop, 12), undefined);
  const pair = Buffer.concat([Buffer.alloc(12), pointer(14), pointer(12)]);
  assert.equal(readName(pair, 12), undefined);
  assert.equal(readName(pair, 14), undefined);
  const self = Buffer.concat([Buffer.alloc(12), Buffer.from([1, 97]), pointer(12)]);
  assert.equal(readName(self, 12), undefined);
  const long = name(Array.from({ length: 4 }, () => 'a'.repeat(63)).join('.'));
  assert.equal(readName(long, 0), undefined);
  assert.equal(readName(name(`${'a'.repeat(63)}.`.repeat(3).concat('a'.repeat(61))), 0)?.end, 255);
  assert.equal(readName(Buffer.from([0x40, 1]), 0), undefined);
  assert.deepEqual(readName(name('.'), 0), { name: '.', end: 1 });
});

test('a message whose records break off is told of, and what was asked and the code still count', () => {
  const cut = A_REPLY.subarray(0, A_REPLY.length - 2);
  const run = datagrams([sends('client', A_QUERY), sends('server', cut)]);
  assert.deepEqual(run.troubles, { 'server malformed_records': 0 });
  assert.equal(run.exchanges[0]?.attributes['malformed'], 'true');
  assert.deepEqual(run.exchanges.flatMap(resolvedBy), []);
  const noMessage = datagrams([sends('client', Buffer.from('hello'))]);
  assert.deepEqual([noMessage.troubles, noMessage.counts.client.notUnderstood], [{ 'client malformed': 5 }, 5]);
});

test('a gap in a message costs that message; any other is searched beyond', () => {
  const inside = checkScript(
    dns,
    [
      sends('client', prefixed(A_QUERY).subarray(0, 10)),
      misses('client', 5),
      sends('client', Buffer.concat([prefixed(A_QUERY).subarray(15), prefixed(A_QUERY)])),
      sends('server', prefixed(A_REPLY)),
    ],
    { serverPort: 53 },
  );
  assert.deepEqual(inside.troubles, { 'client gap': 5, 'client damaged': A_QUERY.length + 2 - 5 });
  assert.equal(inside.exchanges.length, 1);
  const beyond = checkScript(
    dns,
    [
      sends('client', prefixed(A_QUERY)),
      misses('client', 5000),
      sends('client', `\x00\x07junk!${prefixed(A_QUERY).toString('latin1')}`),
    ],
    { serverPort: 53 },
  );
  assert.deepEqual(beyond.troubles, { 'client gap': 5000, 'client skipped_to_resync': 7 });
  assert.equal(beyond.exchanges.length, 2);
});

test('messages above the bounds are cut, counted and hashed', () => {
  const filler = Array.from({ length: 60 }, () => record(ASKED, TYPE.TXT, Buffer.from(`\x40${'t'.repeat(64)}`)));
  const questions = [question('www.Example.com', TYPE.A)];
  const large = message({ bits: REPLY, questions, answers: filler });
  const bounds = { ...DEFAULT_BOUNDS, responseBytesMax: 1000 };
  const run = checkScript(dns, [sends('client', prefixed(A_QUERY)), sends('server', prefixed(large))], { bounds });
  const [exchange] = run.exchanges;
  assert.deepEqual([exchange?.response.bytes.length, exchange?.response.totalBytes], [1000, large.length]);
  assert.deepEqual(Buffer.from(exchange?.response.sha256 ?? []), createHash('sha256').update(large).digest());
  assert.equal(run.counts.server.cut, large.length - 1000);
  assert.equal(exchange?.truncated, true);
  assert.equal(Number(exchange?.attributes['answers_not_shown']) > 0, true);
});

test('who asks and is never answered is bounded, and comes out', () => {
  const asks = Array.from({ length: 1000 }, (_, id) =>
    sends('client', message({ id, questions: [question(`n${id}.example`, TYPE.A)] })),
  );
  const run = datagrams(asks);
  assert.equal(run.exchanges.length, 1000);
  assert.ok(run.heldBytesMax < 400_000, `${run.heldBytesMax}`);
});

const captures = new URL('captures/', import.meta.url);
for (const file of readdirSync(captures)) {
  const { script } = readCapture(new URL(file, captures));
  test(`${file}: real clients and a real server, to the last byte`, () => {
    const run = file.startsWith('tcp') ? checkScript(dns, normalised(script), { serverPort: 53 }) : datagrams(script);
    assert.deepEqual(run.troubles, {});
    assert.equal(run.counts.client.notUnderstood + run.counts.server.notUnderstood, 0);
    assert.ok(run.exchanges.length > 0 && run.exchanges.every(({ status }) => status !== 'unknown'));
  });
}

test('damaged streams: nothing is thrown, memory is bounded, every byte counted, whatever the cuts', () => {
  const many = prefixed(A_QUERY, message({ id: 9, questions: [question('example.com', TYPE.MX)] }));
  mutated(dns, [[sends('client', many), sends('server', prefixed(A_REPLY)), ends('client'), ends('server')]], {
    serverPort: 53,
  });
});

test('damaged datagrams and random bytes: nothing is thrown, every byte counted', () => {
  // Each datagram is a whole: cutting one makes two, which mean something else.
  mutated(dnsDatagrams, [[sends('client', A_QUERY), sends('server', A_REPLY)]], {
    serverPort: 53,
    cutsMayDiffer: true,
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      datagrams([sends('client', bytes), sends('server', bytes)]);
      readMessage(Buffer.concat([A_REPLY.subarray(0, 12), bytes]));
    }),
  );
});

test('detection: nothing else is taken for DNS', () => {
  for (const bytes of [
    'GET / HTTP/1.1\r\n',
    '\x16\x03\x01\x02\x00\x01',
    '*1\r\n$4\r\nPING\r\n',
    'SSH-2.0-x\r\n',
    '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  ]) {
    assert.equal(checkDetect(dns, [sends('client', bytes)], { serverPort: 5432 }), 'no', JSON.stringify(bytes));
  }
});
