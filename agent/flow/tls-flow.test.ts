// SPDX-License-Identifier: Apache-2.0

/** Connections in TLS, with real ends: what is said inside is read, and the bytes of the socket add up all the same. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Duplex, duplexPair, PassThrough } from 'node:stream';
import { before, describe, it } from 'node:test';
import { connect, createSecureContext, type SecureVersion, TLSSocket } from 'node:tls';
import { type Identity, makeAuthority } from '../delivery/grpc/test-certificates.ts';
import type { ConnectionOpened } from '../model/kernel-event.ts';
import { protocols } from '../protocol/detect.ts';
import { secretsOf } from '../tls/capture/tls-capture.ts';
import { SecretPool } from '../tls/secret-pool.ts';
import type { Direction } from './connection-flow.ts';
import { closed, missing, moved, opened } from './testing/arrivals.ts';
import { DIRECTIONS, WatchedFlow } from './testing/watched-flow.ts';

interface Piece {
  readonly direction: Direction;
  readonly offset: number;
  readonly bytes: Buffer;
}

interface Talk {
  readonly pieces: readonly Piece[];
  readonly ends: Readonly<Record<Direction, number>>;
  readonly keyLog: readonly string[];
}

const BODY = 'body '.repeat(8000);
const REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

/** A client that posts, a server that answers, twice; what crossed between them. */
async function talk(identity: Identity, version: SecureVersion): Promise<Talk> {
  const [clientEnd, serverEnd] = duplexPair();
  const pieces: Piece[] = [];
  const ends = { sent: 0, received: 0 };
  const keyLog: string[] = [];
  const note = (direction: Direction, bytes: Buffer): void => {
    pieces.push({ direction, offset: ends[direction], bytes: Buffer.from(bytes) });
    ends[direction] += bytes.length;
  };
  const client = connect({
    socket: between(clientEnd, (bytes) => note('sent', bytes)),
    servername: 'shop.example',
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  });
  client.on('keylog', (line: Buffer) => keyLog.push(line.toString('latin1').trim()));
  const server = new TLSSocket(
    between(serverEnd, (bytes) => note('received', bytes)),
    {
      isServer: true,
      secureContext: createSecureContext({ cert: identity.cert, key: identity.key }),
    },
  );
  let asked = 0;
  server.on('data', (bytes: Buffer) => {
    asked += bytes.length;
    if (asked % REQUEST.length === 0) server.write(REPLY);
  });
  for (let i = 0; i < 2; i++) {
    client.write(REQUEST);
    await once(client, 'data');
  }
  client.destroy();
  server.destroy();
  return { pieces, ends, keyLog };
}

const REQUEST = `POST /orders HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

/** A stream like `end`, with all that is written to it noted. */
function between(end: Duplex, note: (bytes: Buffer) => void): Duplex {
  const noted = new PassThrough();
  noted.on('data', note);
  const write = end.write.bind(end) as (chunk: Buffer, ...rest: unknown[]) => boolean;
  end.write = ((chunk: Buffer, ...rest: unknown[]) => {
    noted.write(chunk);
    return write(chunk, ...rest);
  }) as typeof end.write;
  return end;
}

function watched(pool: SecretPool | undefined, about: Partial<ConnectionOpened> = {}): WatchedFlow {
  return new WatchedFlow(opened({ remotePort: 443, ...about }), protocols, pool && ((_, pids) => pool.storeFor(pids)));
}

function pooled(keyLog: readonly string[]): SecretPool {
  const pool = new SecretPool();
  for (const secret of secretsOf(keyLog)) pool.add(secret, 100, 1);
  return pool;
}

function play(flow: WatchedFlow, { pieces, ends }: Talk, until = pieces.length): WatchedFlow {
  for (const { direction, offset, bytes } of pieces.slice(0, until)) flow.arrive(moved(direction, offset, bytes));
  if (until === pieces.length) flow.arrive(closed(ends.sent, ends.received));
  return flow;
}

for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
  describe(`a connection in ${version}`, () => {
    let said: Talk;
    before(async () => {
      said = await talk(await (await makeAuthority('flows')).issue('shop.example'), version);
    });

    it('is read as what is said in it, and all of its bytes are decoded', () => {
      const { flow, said: heard } = play(watched(pooled(said.keyLog)), said);
      assert.equal(flow.protocol, 'http');
      assert.equal(flow.tls?.version, version.replace('v', ' '));
      assert.equal(flow.tls?.serverName, 'shop.example');
      assert.deepEqual(
        heard.exchanges.map(({ statement, request, response }) => [
          statement.split('\n', 1)[0],
          Buffer.from(request.bytes).toString(),
          Buffer.from(response.bytes).toString(),
        ]),
        [1, 2].map(() => ['POST /orders', BODY, 'hello']),
      );
      for (const direction of DIRECTIONS) {
        assert.equal(flow.account(direction).decoded, said.ends[direction]);
      }
      assert.equal(flow.unreadable.size, 0);
    });

    it('waits for its secrets, and says so', () => {
      const pool = new SecretPool();
      const waiting = play(watched(pool), said, said.pieces.length - 1);
      assert.equal(waiting.flow.awaitsSecret, true);
      assert.equal(waiting.said.exchanges.length, 0);
      for (const secret of secretsOf(said.keyLog)) pool.add(secret, 100, 1);
      waiting.flow.secretsChanged(3000);
      waiting.check();
      assert.equal(waiting.flow.awaitsSecret, false);
      assert.ok(waiting.said.exchanges.length > 0);
    });

    it('is unreadable without them, byte for byte and with the reason', () => {
      const { flow, said: heard } = play(watched(new SecretPool()), said);
      assert.equal(flow.protocol, 'tls');
      assert.equal(flow.tls?.serverName, 'shop.example');
      assert.equal(heard.exchanges.length, 0);
      const unreadable = flow.account('sent').unreadable + flow.account('received').unreadable;
      assert.ok(unreadable > 2 * BODY.length);
      assert.deepEqual([...flow.unreadable], [['no_secret', unreadable]]);
    });

    it('does not wait when nobody reads TLS', () => {
      const { flow } = play(watched(undefined), said);
      assert.equal(flow.protocol, 'tls');
      assert.equal(flow.account('sent').unreadable, said.ends.sent);
    });

    it('is known for TLS when it was joined late, and what it says is unreadable', () => {
      const flow = watched(new SecretPool(), { joinedLate: true });
      const from = said.pieces.findIndex(({ bytes }) => bytes[0] === 23 && bytes.length > 10_000);
      const base = { sent: 0, received: 0 };
      for (const { direction, bytes } of said.pieces.slice(from)) {
        flow.arrive(moved(direction, base[direction], bytes));
        base[direction] += bytes.length;
      }
      flow.arrive(closed(base.sent, base.received));
      assert.equal(flow.flow.protocol, 'tls');
      assert.equal(flow.account('sent'), `moved ${base.sent}, unreadable ${base.sent}`);
      assert.deepEqual([...flow.flow.unreadable.keys()], ['joined_late']);
    });

    it('is read behind a language that nobody decodes and that turns to TLS', () => {
      const flow = watched(pooled(said.keyLog));
      const base = { sent: 0, received: 0 };
      for (const [direction, text] of [
        ['received', '220 mail.example ESMTP ready\r\n'],
        ['sent', 'EHLO shop.example\r\n'],
        ['received', '250 STARTTLS\r\n'],
        ['sent', 'STARTTLS\r\n'],
        ['received', '220 go ahead\r\n'],
      ] as const) {
        flow.arrive(moved(direction, base[direction], text));
        base[direction] += text.length;
      }
      assert.equal(flow.flow.protocol, 'smtp');
      for (const { direction, offset, bytes } of said.pieces) {
        flow.arrive(moved(direction, base[direction] + offset, bytes));
      }
      const ends = { sent: base.sent + said.ends.sent, received: base.received + said.ends.received };
      flow.arrive(closed(ends.sent, ends.received));
      assert.equal(flow.flow.tls?.serverName, 'shop.example');
      assert.equal(flow.said.exchanges.length, 2);
      assert.equal(flow.account('sent'), `moved ${ends.sent}, decoded ${said.ends.sent}, notUnderstood ${base.sent}`);
    });

    it('goes on behind bytes that were lost', () => {
      const flow = watched(pooled(said.keyLog));
      const lostAt = said.pieces.findIndex(({ bytes }) => bytes.length > 10_000);
      said.pieces.forEach(({ direction, offset, bytes }, i) => {
        if (i === lostAt) flow.arrive(missing(direction, offset, bytes.length));
        else flow.arrive(moved(direction, offset, bytes));
      });
      flow.arrive(closed(said.ends.sent, said.ends.received));
      assert.equal(flow.flow.account('sent').lost, said.pieces[lostAt]?.bytes.length);
      const last = flow.said.exchanges.at(-1);
      assert.equal(Buffer.from(last?.request.bytes ?? []).toString(), BODY);
    });
  });
}
