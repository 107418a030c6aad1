// SPDX-License-Identifier: Apache-2.0

/**
 * Runs of events are taken out of recorded conversations, on both sides at once, as a full ring does it: what the exchanges
 * then say is right, or they say that something is missing. No kernel; thousands of conversations by one seed.
 */
import { ConnectionFlow, type Direction } from '../../agent/flow/connection-flow.ts';
import type { BytesMoved, ConnectionOpened } from '../../agent/model/kernel-event.ts';
import { DEFAULT_BOUNDS, type Exchange } from '../../agent/protocol/decoder.ts';
import * as pg from '../../agent/protocol/postgres/testing/hand-made-messages.ts';
import type { Fault, Outcome } from './fault.ts';
import { isMarked, isStatement, wasRun } from './marks.ts';
import { Random } from './random.ts';

const EXCHANGES_MAX = 12;
/** As the kernel side hands them over; segments of a connection end anywhere. */
const PIECE_BYTES_MAX = 8192;

type Turn = readonly [direction: Direction, bytes: Buffer];

/** Request and reply of the exchange with that number; a client that waits for each reply. */
type Language = (number: number, random: Random) => readonly Turn[];

const number = (n: number): string => `number-${n}-`;

function filling(random: Random): string {
  return 'x'.repeat(random.chance(0.2) ? random.between(8000, 40_000) : random.between(0, 900));
}

const http: Language = (n, random) => {
  const body = filling(random);
  const reply = JSON.stringify({ answers: number(n), filling: filling(random) });
  const head = `POST /${number(n)} HTTP/1.1\r\nhost: h\r\ncontent-length: ${body.length}\r\n\r\n`;
  return [
    ['sent', Buffer.from(head + body)],
    ['received', Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${reply.length}\r\n\r\n${reply}`)],
  ];
};

const postgresSimple: Language = (n, random) => {
  const text = `SELECT '${number(n)}', '${filling(random)}'`;
  return [
    ['sent', pg.query(text)],
    ['received', Buffer.concat([pg.columns(['a'], ['b']), ...rowOf(n, random), pg.complete('SELECT 1'), pg.ready()])],
  ];
};

const postgresExtended: Language = (n, random) => {
  const text = `SELECT '${number(n)}', $1, '${filling(random)}'`;
  const asked = [pg.parse('', text), pg.bind('', '', ['v']), pg.describe('P'), pg.execute(), pg.sync()];
  const told = [pg.parseComplete(), pg.bindComplete(), pg.columns(['a'], ['b'])];
  return [
    ['sent', Buffer.concat(asked)],
    ['received', Buffer.concat([...told, ...rowOf(n, random), pg.complete('SELECT 1'), pg.ready()])],
  ];
};

function rowOf(n: number, random: Random): Buffer[] {
  return [pg.row(number(n), filling(random))];
}

const STATEMENTS_MAX = 4;

const postgresSeveral: Language = (n, random) => {
  const numbers = Array.from({ length: random.between(2, STATEMENTS_MAX) }, (_, at) => n * 100 + at);
  const texts = numbers.map((one) => `SELECT '${number(one)}', '${filling(random)}'`);
  const results = numbers.flatMap((one) => [pg.columns(['a'], ['b']), ...rowOf(one, random), pg.complete('SELECT 1')]);
  return [
    ['sent', pg.query(texts.join('; '))],
    ['received', Buffer.concat([...results, pg.ready()])],
  ];
};

const postgresPipelined: Language = (n, random) => {
  const numbers = Array.from({ length: random.between(2, STATEMENTS_MAX) }, (_, at) => n * 100 + at);
  const asked = numbers.flatMap((one) => [
    pg.parse('', `SELECT '${number(one)}', $1, '${filling(random)}'`),
    pg.bind('', '', ['v']),
    pg.describe('P'),
    pg.execute(),
  ]);
  const told = numbers.flatMap((one) => [
    ...[pg.parseComplete(), pg.bindComplete(), pg.columns(['a'], ['b'])],
    ...[...rowOf(one, random), pg.complete('SELECT 1')],
  ]);
  return [
    ['sent', Buffer.concat([...asked, pg.sync()])],
    ['received', Buffer.concat([...told, pg.ready()])],
  ];
};

const postgresLanguages = [postgresSimple, postgresExtended, postgresSeveral, postgresPipelined];
const postgresMixed: Language = (n, random) =>
  (postgresLanguages[random.between(0, postgresLanguages.length - 1)] as Language)(n, random);
const login: readonly Turn[] = [
  ['sent', pg.hello()],
  ['received', pg.welcome()],
];

function eventsOf(turns: readonly Turn[], random: Random): BytesMoved[] {
  const offsets: Record<Direction, number> = { sent: 0, received: 0 };
  const events: BytesMoved[] = [];
  for (const [direction, bytes] of turns) {
    for (let at = 0, end = 0; at < bytes.length; at = end) {
      end = random.chance(0.7) ? at + PIECE_BYTES_MAX : random.between(at + 1, at + PIECE_BYTES_MAX);
      // The last few bytes are a message of their own in most languages.
      if (end >= bytes.length && random.chance(0.2)) end = Math.max(at + 1, bytes.length - random.between(1, 20));
      const offset = offsets[direction];
      const piece = bytes.subarray(at, end);
      const common = { type: 'bytes-moved', connectionKey: 1, direction, pid: 0 } as const;
      const settled = {
        sentSettledOffset: offsets.sent,
        receivedSettledOffset: offsets.received,
      };
      events.push({ ...common, atNs: 1000 + events.length, offset, bytes: piece, ...settled });
      offsets[direction] += piece.length;
    }
  }
  return events;
}

/** Some runs are gone, as they are when the agent does not come for a while. */
function thinned(events: readonly BytesMoved[], random: Random): BytesMoved[] {
  const kept: BytesMoved[] = [];
  for (let at = 0; at < events.length; ) {
    const keep = random.between(0, 14);
    kept.push(...events.slice(at, at + keep));
    at += keep + random.between(0, 8);
  }
  return kept;
}

function opened(port: number, transport: 'tcp' | 'unix'): ConnectionOpened {
  return {
    type: 'connection-opened',
    atNs: 1000,
    startedNs: 1000,
    connectionKey: 1,
    scope: { selectionId: 1, sessionKey: 1n },
    process: { pid: 1, startNs: 1n },
    transport,
    role: 'client',
    localAddress: '',
    localPort: 40_000,
    remoteAddress: '',
    remotePort: port,
    joinedLate: false,
    peerPid: 0,
  };
}

function exchangesOf(about: ConnectionOpened, events: readonly BytesMoved[]): Exchange[] {
  const exchanges: Exchange[] = [];
  const flow = new ConnectionFlow(
    about,
    { bounds: DEFAULT_BOUNDS },
    { exchange: (_, exchange) => exchanges.push(exchange), credential() {}, terminal() {}, lost() {}, trouble() {} },
  );
  for (const event of events) flow.moved(event);
  flow.abandon(1_000_000);
  return exchanges;
}

/** What is wrong with an exchange; undefined when it is right, or says itself that it may not be. */
function faultOf(exchange: Exchange): string | undefined {
  if (isMarked(exchange)) return undefined;
  const { statement, response, operation, status, attributes } = exchange;
  const [asked] = /number-\d+-/.exec(statement) ?? [];
  const [answered] = /number-\d+-/.exec(Buffer.from(response.bytes).toString('latin1')) ?? [];
  const about = `${operation} ${statement.slice(0, 40)} (${status}) ${JSON.stringify(attributes)}`;
  if (!isStatement(operation)) return undefined;
  if (asked !== undefined && !wasRun(operation)) return undefined;
  if (asked === undefined) return `it has no number: ${about}`;
  return answered === asked ? undefined : `it is answered by ${answered}: ${about}`;
}

export interface Conversations {
  readonly name: string;
  readonly language: Language;
  readonly port: number;
  readonly begin: readonly Turn[];
}

export const CONVERSATIONS: readonly Conversations[] = [
  { name: 'HTTP', language: http, port: 80, begin: [] },
  { name: 'PostgreSQL, simple queries', language: postgresSimple, port: 5432, begin: login },
  { name: 'PostgreSQL, extended queries', language: postgresExtended, port: 5432, begin: login },
  { name: 'PostgreSQL, several statements in a query', language: postgresSeveral, port: 5432, begin: login },
  { name: 'PostgreSQL, several statements before a Sync', language: postgresPipelined, port: 5432, begin: login },
  { name: 'PostgreSQL, all of these', language: postgresMixed, port: 5432, begin: login },
];

/** `count` conversations, each by a seed of its own. Errors: an Error when hardly anything was left of them. */
export function pair({ name, language, port, begin }: Conversations, seed: number, count: number): Outcome {
  const faults: Fault[] = [];
  let whole = 0;
  for (let i = 0; i < count; i++) {
    const random = new Random(seed + i);
    const turns = [...begin];
    for (let n = random.between(1, EXCHANGES_MAX); n > 0; n--) turns.push(...language(turns.length, random));
    const events = thinned(eventsOf(turns, random), random);
    for (const exchange of exchangesOf(opened(port, random.chance(0.5) ? 'tcp' : 'unix'), events)) {
      const fault = faultOf(exchange);
      if (fault !== undefined) faults.push({ kind: 'undeclared', text: `${name}, seed ${seed + i}: ${fault}` });
      if (!isMarked(exchange)) whole++;
    }
  }
  if (whole <= count) throw new Error(`${name}: ${whole} exchanges are not marked`);
  return { faults, notes: [`${name}: ${count} conversations, ${whole} exchanges whole`] };
}
