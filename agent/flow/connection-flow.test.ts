// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ASKED, message, question, REPLY, record } from '../protocol/dns/testing.ts';
import { UNIX_REORDER_NS } from './stream.ts';
import { closed, missing, moved, opened } from './testing/arrivals.ts';
import { DIRECTIONS, WatchedFlow } from './testing/watched-flow.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

test('an exchange is read, and all its bytes are decoded', () => {
  const { flow, said, ...watched } = new WatchedFlow(opened()).arrive(
    moved('sent', 0, GET, { atNs: 10 }),
    moved('received', 0, OK.slice(0, 20), { atNs: 20 }),
    moved('received', 20, OK.slice(20), { atNs: 30 }),
    closed(GET.length, OK.length),
  );
  assert.ok(watched);
  assert.deepEqual(
    said.exchanges.map(({ statement, requestAt, responseEndAt }) => [statement, requestAt, responseEndAt]),
    [['GET /a', 10, 30]],
  );
  assert.equal(flow.protocol, 'http');
  assert.equal(flow.role, 'client');
  assert.deepEqual(said.lossBytes, {});
});

test('each byte of the account is where it belongs', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, '<ab?C'),
    missing('sent', 5, 3),
    moved('sent', 8, 'd'),
    closed(12, 0, { unsentBytes: 2 }),
  );
  assert.equal(watched.account('sent'), 'moved 12, decoded 4, notUnderstood 1, cut 1, lost 6');
  assert.deepEqual(watched.said.lossBytes, { 'sent unreadable': 3, 'sent ring_full': 1, 'sent never_sent': 2 });
});

test('a connection of which nothing was seen is lost, by its counters', () => {
  const watched = new WatchedFlow(opened()).arrive(closed(10, 20, { unreadBytes: 5 }));
  assert.equal(watched.account('sent'), 'moved 10, lost 10');
  assert.equal(watched.account('received'), 'moved 25, lost 25');
  assert.equal(watched.flow.protocol, 'unknown');
});

test('a connection on which nothing was said has an empty account', () => {
  const watched = new WatchedFlow(opened()).arrive(closed(0, 0));
  assert.equal(watched.account('sent') + watched.account('received'), '');
  assert.equal(watched.flow.protocol, '');
});

test('of what nobody decodes the first bytes are kept, where they hold no login', () => {
  const heads = (sent: string, received: string, late = false, unknownHeadBytes?: number) => {
    const { flow } = new WatchedFlow(opened({ joinedLate: late }), undefined, undefined, unknownHeadBytes).arrive(
      moved('received', 0, received.slice(0, 9)),
      moved('sent', 0, sent),
      moved('received', Math.min(9, received.length), received.slice(9)),
      closed(sent.length, received.length),
    );
    return [flow.protocol, ...DIRECTIONS.map((direction) => Buffer.from(flow.head(direction)).toString('latin1'))];
  };
  assert.deepEqual(heads('\x01\x02\x03', 'welcome to nothing'), ['unknown', '\x01\x02\x03', 'welcome to nothing']);
  assert.deepEqual(heads('USER ada\r\nPASS lovelace\r\n', '220 (vsFTPd 3.0.5)\r\n'), [
    'ftp',
    '',
    '220 (vsFTPd 3.0.5)\r\n',
  ]);
  assert.deepEqual(heads('\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04abcd', ''), ['mqtt', '', '']);
  assert.deepEqual(heads('\x01\x02\x03', 'welcome to nothing', true), ['unknown', '', '']);
  assert.deepEqual(heads(GET, OK).slice(1), ['', '']);
  assert.deepEqual(heads('x '.repeat(5000), '')[1]?.length, 4096);
  assert.deepEqual(heads('x'.repeat(10_000), '')[1], '');
  assert.deepEqual(heads('x y '.repeat(100), 'z', false, 10).slice(1), ['x y x y x ', 'z']);
  assert.deepEqual(heads('x y', 'z', false, 0).slice(1), ['', '']);
});

test('of UDP the sums are told, and nothing is lost', () => {
  const watched = new WatchedFlow(opened({ transport: 'udp', role: 'unknown' }));
  watched.arrive(closed(30, 40, { transport: 'udp' }));
  assert.equal(watched.account('sent'), 'moved 30, notUnderstood 30');
  assert.equal(watched.account('received'), 'moved 40, notUnderstood 40');
  assert.deepEqual(watched.said.lossBytes, {});
});

test('datagrams of DNS are read, each a whole; what the sums have and nobody saw is lost', () => {
  const questions = [question('a.example', 1)];
  const query = message({ questions });
  const answer = message({ bits: REPLY, questions, answers: [record(ASKED, 1, Buffer.from([192, 0, 2, 1]))] });
  const watched = new WatchedFlow(opened({ transport: 'udp', role: 'unknown', remotePort: 53 })).arrive(
    moved('sent', 0, query),
    moved('received', 40, answer),
    missing('received', 40 + answer.length, 7),
    moved('sent', query.length, 'no DNS'),
    closed(query.length + 6, 40 + answer.length + 7, { transport: 'udp' }),
  );
  assert.deepEqual(
    watched.said.exchanges.map(({ statement, rows, status }) => [statement, rows, status]),
    [['A a.example', 1, 'ok']],
  );
  assert.deepEqual([watched.flow.protocol, watched.flow.role], ['dns', 'client']);
  assert.equal(watched.account('sent'), `moved ${query.length + 6}, decoded ${query.length}, notUnderstood 6`);
  assert.equal(watched.account('received'), `moved ${47 + answer.length}, decoded ${answer.length}, lost 47`);
  assert.deepEqual(watched.said.lossBytes, { 'received unreadable': 7, 'received ring_full': 40 });
  assert.deepEqual(watched.said.troubles, ['sent malformed 6']);
});

test('bytes in a language that hides what it says are unreadable', () => {
  const hello = Buffer.from('16030100310100002d0303', 'hex');
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, Buffer.concat([hello, Buffer.alloc(100, 7)])),
    moved('received', 0, Buffer.from('160303003a020000360303', 'hex')),
    closed(111, 11),
  );
  assert.equal(watched.flow.protocol, 'tls');
  assert.equal(watched.account('sent'), 'moved 111, unreadable 111');
});

test('behind a handover the bytes are counted under the new name', () => {
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, '<aXbc'), moved('received', 0, 'de'), closed(5, 2));
  assert.equal(watched.flow.protocol, 'martian');
  assert.equal(watched.account('sent'), 'moved 5, decoded 3, notUnderstood 2');
  assert.equal(watched.account('received'), 'moved 2, notUnderstood 2');
});

test('a tunnel is looked at afresh, in the middle of a chunk', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, `<H${GET}`),
    moved('received', 0, OK),
    closed(2 + GET.length, OK.length),
  );
  assert.equal(watched.flow.protocol, 'http');
  assert.equal(watched.said.exchanges.length, 1);
  assert.equal(watched.account('sent'), `moved ${2 + GET.length}, decoded ${2 + GET.length}`);
});

test('a decoder that hands over for ever is stopped', () => {
  const chunk = '<B';
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, chunk), closed(chunk.length, 0));
  assert.equal(watched.account('sent'), 'moved 2, notUnderstood 2');
});

test('a handover that no bytes go with leaves nothing out', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, '<P'),
    missing('received', 0, 4),
    moved('sent', 2, '<a'),
    closed(4, 4),
  );
  assert.equal(watched.account('sent'), 'moved 4, decoded 4');
});

for (const [title, bytes, account] of [
  ['on what it is given', '<abT', 'moved 6, decoded 5, notUnderstood 1'],
  ['on what it kept', '<KabT;T', 'moved 9, decoded 8, notUnderstood 1'],
  ['and claimed more than it was given', '<MT', 'moved 5, decoded 5'],
] as const) {
  test(`a decoder that fails ${title} costs what was pending, and the next one goes on`, () => {
    const watched = new WatchedFlow(opened()).arrive(
      moved('sent', 0, bytes),
      moved('sent', bytes.length, '<.'),
      closed(bytes.length + 2, 0),
    );
    assert.equal(watched.said.troubles[0]?.split(' ', 2).join(' '), 'sent decoder_failed');
    assert.equal(watched.account('sent'), account);
    assert.equal(watched.said.exchanges.length, 1);
  });
}

test('a decoder that fails at a gap costs what was pending, and the next one goes on', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, '<aG'),
    missing('sent', 3, 2),
    moved('sent', 5, '<.'),
    closed(7, 0),
  );
  assert.deepEqual(watched.said.troubles, ['sent decoder_failed']);
  assert.equal(watched.said.exchanges.length, 1);
  assert.equal(watched.account('sent'), 'moved 7, decoded 5, lost 2');
});

test('a decoder that fails at the end, or cannot say what it holds, is told', () => {
  const atEnd = new WatchedFlow(opened()).arrive(moved('sent', 0, '<E'), closed(2, 0));
  assert.deepEqual(atEnd.said.troubles, ['sent decoder_failed']);
  const held = new WatchedFlow(opened()).arrive(moved('sent', 0, '<D'), closed(2, 0));
  assert.equal(held.account('sent'), 'moved 2, decoded 2');
});

test('a decoder that counts wrongly is told, and what it did not claim is not understood', () => {
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, '<aLbc'), closed(5, 0));
  assert.equal(watched.account('sent'), 'moved 5, decoded 3, notUnderstood 2');
  assert.deepEqual(watched.said.troubles, ['sent decoder_failed']);
});

test('after three failures a connection is only counted', () => {
  const watched = new WatchedFlow(opened());
  let offset = 0;
  for (const text of ['<T', '<T', '<T', '<.', '<T']) {
    watched.arrive(moved('sent', offset, text));
    offset += text.length;
  }
  watched.arrive(closed(offset, 0));
  assert.equal(watched.said.exchanges.length, 0);
  assert.equal(watched.said.troubles.filter((trouble) => trouble.startsWith('sent decoder_failed')).length, 3);
  assert.equal(watched.account('sent'), 'moved 10, decoded 3, notUnderstood 7');
});

test('detection that fails, and a decoder that cannot be made, cost the connection its decoding only', () => {
  const detection = new WatchedFlow(opened()).arrive(moved('sent', 0, '#ab'), closed(3, 0));
  assert.deepEqual(detection.said.troubles, ['sent detection_failed']);
  assert.equal(detection.account('sent'), 'moved 3, notUnderstood 3');
  const creation = new WatchedFlow(opened()).arrive(moved('sent', 0, '%ab'), closed(3, 0));
  assert.deepEqual(creation.said.troubles, ['sent decoder_failed 3']);
  assert.equal(creation.account('sent'), 'moved 3, notUnderstood 3');
});

test('what the record does with an exchange is no fault of the decoder', () => {
  const watched = new WatchedFlow(opened());
  watched.said.exchange = () => {
    throw new Error('the journal');
  };
  assert.throws(() => watched.arrive(moved('sent', 0, '<.')), /the journal/);
  watched.arrive(moved('sent', 2, 'ab'), closed(4, 0));
  assert.deepEqual(watched.said.troubles, []);
  assert.equal(watched.account('sent'), 'moved 4, decoded 4');
});

test('a gap before anything was said leaves the other side as it was', () => {
  const watched = new WatchedFlow(opened()).arrive(
    missing('received', 0, 10),
    moved('sent', 0, GET),
    moved('received', 10, OK),
    closed(GET.length, 10 + OK.length),
  );
  assert.equal(watched.said.exchanges.length, 1);
  assert.equal(watched.account('sent'), `moved ${GET.length}, decoded ${GET.length}`);
});

test('a gap while the language is not known yet drops nothing of what was gathered', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, GET.slice(0, 10)),
    missing('received', 0, 10),
    moved('sent', 10, GET.slice(10)),
    moved('received', 10, OK),
    closed(GET.length, 10 + OK.length),
  );
  assert.equal(watched.flow.protocol, 'http');
  assert.equal(watched.account('sent'), `moved ${GET.length}, decoded ${GET.length}`);
});

test('a gap in the first bytes: what follows is read from the next whole message on', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, GET.slice(0, 5)),
    missing('sent', 5, 3),
    moved('sent', 8, GET.slice(8) + GET),
    moved('received', 0, OK + OK),
    closed(2 * GET.length, 2 * OK.length),
  );
  assert.equal(watched.flow.protocol, 'http');
  assert.ok(watched.said.exchanges.some(({ statement }) => statement === 'GET /a'));
});

test('a connection that never says enough to be known is given a name within bounds', () => {
  const watched = new WatchedFlow(opened());
  let offset = 0;
  for (let i = 0; i < 5000; i++) {
    watched.arrive(moved('sent', offset, 'GET'), missing('sent', offset + 3, 1));
    offset += 4;
    assert.ok(watched.flow.heldBytes < 1024 * 1024, `${watched.flow.heldBytes} bytes are held`);
  }
  watched.arrive(closed(offset, 0));
  assert.equal(watched.flow.protocol, 'unknown');
  assert.equal(watched.account('sent'), 'moved 20000, notUnderstood 15000, lost 5000');
});

test('a connection that was joined late is read from the next whole message on', () => {
  const watched = new WatchedFlow(opened({ joinedLate: true })).arrive(
    moved('sent', 0, `end of a body${GET}`),
    moved('received', 0, OK),
    closed(13 + GET.length, OK.length),
  );
  assert.equal(watched.said.exchanges.length, 1);
  assert.equal(watched.account('sent'), `moved ${13 + GET.length}, decoded ${GET.length}, notUnderstood 13`);
});

test('when the source does not know which end the workload is, the bytes tell, also against the ports', () => {
  const listens = new WatchedFlow(opened({ role: 'unknown', joinedLate: true, localPort: 50_000, remotePort: 80 }));
  assert.equal(listens.flow.role, 'unknown');
  listens.arrive(moved('received', 0, GET), moved('sent', 0, OK), closed(OK.length, GET.length));
  assert.equal(listens.flow.role, 'server');
  assert.equal(listens.said.exchanges[0]?.status, 'ok');
  const asks = new WatchedFlow(opened({ role: 'unknown', transport: 'unix', localPort: 0, remotePort: 0 }));
  asks.arrive(moved('sent', 0, GET), moved('received', 0, OK), closed(GET.length, OK.length));
  assert.equal(asks.flow.role, 'client');
  const nothing = new WatchedFlow(opened({ role: 'unknown' })).arrive(closed(0, 0));
  assert.equal(nothing.flow.role, 'unknown');
});

test('what it looks like is told whichever end the workload is', () => {
  const hello = Buffer.from('16030100310100002d0303'.padEnd(160, '0'), 'hex');
  const watched = new WatchedFlow(opened({ role: 'unknown' })).arrive(moved('received', 0, hello), closed(0, 80));
  assert.equal(watched.flow.protocol, 'tls');
});

test('of two threads that use one unix socket at once, either may be told of first', () => {
  const watched = new WatchedFlow(opened({ transport: 'unix' })).arrive(
    moved('sent', 3, '<a'),
    moved('sent', 0, '<bc'),
    moved('received', 3, '<a'),
  );
  assert.deepEqual(watched.said.lossBytes, {});
  watched.flow.expire(2 * UNIX_REORDER_NS);
  assert.deepEqual(watched.said.lossBytes, { 'received ring_full': 3 });
});

test('a request without a reply comes out at the end', () => {
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, GET), closed(GET.length, 0));
  assert.deepEqual(
    watched.said.exchanges.map(({ status }) => status),
    ['unknown'],
  );
});

test('what TCP never delivered is neither decoded nor lost, and is told apart', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('sent', 0, '<a'),
    moved('received', 0, 'bc'),
    moved('received', 6, 'xyz'),
    closed(2, 2),
  );
  assert.equal(watched.account('received'), 'moved 2, decoded 2');
  assert.equal(watched.flow.surplus('received'), 3);
  assert.equal(watched.flow.surplus('sent'), 0);
});

test('when more came out than the counters have, the account holds and says so', () => {
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, '<abc'), closed(1, 0, { unsentBytes: 3 }));
  assert.equal(watched.account('sent'), 'moved 4, decoded 4');
  assert.equal(watched.flow.surplus('sent'), 4);
});

test('a hole that the source knows to stay is lost at once, and before what came after it', () => {
  const said: string[] = [];
  const watched = new WatchedFlow(opened());
  watched.said.lost = (_flow, direction, _reason, bytes) => said.push(`${direction} lost ${bytes}`);
  watched.said.exchange = (_flow, { statement }) => said.push(statement);
  const reply = OK.slice(0, -2);
  watched.flow.moved(moved('sent', 0, GET));
  watched.flow.moved(moved('received', 0, reply, { receivedSettledOffset: 0, sentSettledOffset: GET.length }));
  watched.flow.moved(moved('received', OK.length + 3, OK));
  assert.deepEqual(said, []);
  watched.flow.moved(
    moved('sent', GET.length, GET.replace('/a', '/b'), {
      receivedSettledOffset: OK.length + 3,
      sentSettledOffset: GET.length,
    }),
  );
  assert.equal(said[0], 'received lost 5');
  assert.equal(said[1], 'GET /a');
});

test('conflicting segments are told', () => {
  const watched = new WatchedFlow(opened()).arrive(
    moved('received', 0, '<'),
    moved('received', 3, 'de'),
    moved('received', 3, 'dX'),
    moved('received', 1, 'bc'),
    closed(0, 5),
  );
  assert.deepEqual(watched.said.troubles, ['received conflicting_segments 2']);
});

test('who sent is known by time, also when a connection is handed on', () => {
  const { flow } = new WatchedFlow(opened()).arrive(
    moved('sent', 0, '<a', { pid: 10, atNs: 100 }),
    moved('received', 0, 'a', { pid: 99, atNs: 150 }),
    moved('sent', 2, 'b', { pid: 11, atNs: 200 }),
    moved('sent', 3, 'c', { pid: 0, atNs: 300 }),
    moved('sent', 4, 'd', { pid: 10, atNs: 400 }),
  );
  assert.deepEqual(
    [50, 100, 199, 200, 399, 400].map((atNs) => flow.senderAt(atNs)),
    [10, 10, 10, 11, 11, 10],
  );
});

test('processes that take turns on a connection fill no memory', () => {
  const { flow } = new WatchedFlow(opened());
  for (let i = 0; i < 100_000; i++) flow.moved(moved('sent', i, 'a', { pid: 10 + (i % 2), atNs: i }));
  assert.equal(flow.senderAt(99_999), 11);
  assert.equal(flow.senderAt(0), 10 + ((100_000 - 64) % 2));
});

test('memory that is given back costs what was pending, and not the rest of the connection', () => {
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, '<Kabc'), moved('received', 10, 'late'));
  assert.ok(watched.flow.heldBytes > 0);
  watched.flow.shed(5000);
  watched.check();
  assert.deepEqual(watched.said.lossBytes, { 'received memory_bound': 10 });
  assert.deepEqual(watched.said.troubles, ['received memory_bound']);
  watched.arrive(moved('sent', 5, '<.'), closed(7, 14));
  assert.equal(watched.said.exchanges.length, 1);
});

test('a connection keeps the name that it proved, whatever happened later', () => {
  const failed = new WatchedFlow(opened()).arrive(moved('sent', 0, '<aT'), moved('sent', 3, 'nothing'), closed(10, 0));
  assert.equal(failed.flow.protocol, 'unruly');
  const shed = new WatchedFlow(opened()).arrive(moved('sent', 0, '<Kab'));
  shed.flow.shed(5000);
  shed.arrive(closed(4, 0));
  assert.equal(shed.flow.protocol, 'unruly');
});

test('a connection that is only counted has nothing to give back', () => {
  const watched = new WatchedFlow(opened()).arrive(moved('sent', 0, '<aXb'));
  watched.flow.shed(5000);
  watched.arrive(moved('sent', 4, '<.'), closed(6, 0));
  assert.equal(watched.flow.protocol, 'martian');
  assert.equal(watched.account('sent'), 'moved 6, decoded 3, notUnderstood 3');
});

/** Pieces of a conversation in which anything may go wrong. */
const letters = fc.string({ unit: fc.constantFrom(...'<<<ab.?CTGEDKHXBPML;'), minLength: 0, maxLength: 60 });

interface Piece {
  readonly direction: 'sent' | 'received';
  readonly offset: number;
  readonly text: string;
}

test('the account adds up whatever decoders do, whatever is lost, in whatever order it comes', () => {
  const scenario = fc.record({
    sent: letters,
    received: letters,
    cuts: fc.array(fc.nat(8), { minLength: 1, maxLength: 20 }),
    /** Of each piece: 0 dropped, 1 announced as missing, else delivered; the second number says when. */
    fates: fc.array(fc.tuple(fc.nat(9), fc.nat(30)), { minLength: 1, maxLength: 40 }),
    joinedLate: fc.boolean(),
    role: fc.constantFrom('client', 'server', 'unknown'),
    unseen: fc.nat(5),
    shedAt: fc.nat(60),
    expires: fc.boolean(),
  });
  fc.assert(
    fc.property(scenario, ({ sent, received, cuts, fates, joinedLate, role, unseen, shedAt, expires }) => {
      const pieces: Piece[] = [];
      for (const [direction, text] of [
        ['sent', sent],
        ['received', received],
      ] as const) {
        for (let offset = 0, i = 0; offset < text.length; i++) {
          const length = 1 + (cuts[i % cuts.length] as number);
          pieces.push({ direction, offset, text: text.slice(offset, offset + length) });
          offset += length;
        }
      }
      const fateOf = (i: number) => fates[i % fates.length] as [number, number];
      const arrivals = pieces
        .map((piece, i) => ({
          piece,
          fate: fateOf(i)[0],
          when: i + (piece.direction === 'received' ? fateOf(i)[1] : 0),
        }))
        .sort((one, other) => one.when - other.when);

      const watched = new WatchedFlow(opened({ joinedLate, role: role as 'client' }));
      arrivals.forEach(({ piece: { direction, offset, text }, fate }, i) => {
        if (i === shedAt) {
          watched.flow.shed(i);
          watched.check();
        }
        if (fate === 0) return;
        if (fate === 1) watched.arrive(missing(direction, offset, text.length, { atNs: i }));
        else watched.arrive(moved(direction, offset, text, { atNs: i, pid: i % 3 }));
        // Sent again, as networks do.
        if (fate === 2) watched.arrive(moved(direction, offset, text, { atNs: i }));
      });
      if (expires) watched.flow.expire(1e12);
      watched.check();
      watched.arrive(closed(sent.length + unseen, received.length, { unsentBytes: unseen }));
      assert.equal(watched.flow.account('sent').moved, sent.length + unseen);
      assert.equal(watched.flow.account('received').moved, received.length);
      assert.equal(watched.flow.heldBytes, 0);
      for (const direction of DIRECTIONS) assert.equal(watched.flow.surplus(direction), 0);
    }),
    { numRuns: 3000 },
  );
});
