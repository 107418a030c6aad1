// SPDX-License-Identifier: Apache-2.0

/**
 * A workload that moves bytes over many connections at once and counts them itself: PostgreSQL and HTTP and a language that
 * no decoder knows, over TCP (IPv4 and IPv6) and over unix sockets. When all is done, after its time or at SIGTERM, it writes
 * down what it counted and asked for.
 *
 *   byte-mover.ts REPORT NAME SECONDS CONNECTIONS SEED     NAME: first part of the number of each statement and request
 */
import { createHash } from 'node:crypto';
import { readlinkSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Random } from '../random.ts';
import type { ServicePlaces } from '../stage.ts';
import { HEADER_BYTES, talk } from './byte-talk.ts';

export interface CountedConnection {
  readonly kind: string;
  readonly transport: 'tcp4' | 'tcp6' | 'unix';
  /** Of the workload's end; 0 for unix sockets. */
  readonly localPort: number;
  readonly remotePort: number;
  /** Of a unix socket; 0 for others. */
  readonly inode: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface MoverReport {
  readonly session: string;
  readonly connections: readonly CountedConnection[];
  /** Number → SHA-256 of its text, hex. */
  readonly statements: Readonly<Record<string, string>>;
  /** Number → method and target. */
  readonly requests: Readonly<Record<string, string>>;
  /** Number → when it was asked and when the reply was there, in milliseconds of the wall clock, and over what. */
  readonly spans: Readonly<Record<string, readonly [askedMs: number, answeredMs: number, over: string]>>;
}

const [report = '', name = '', seconds = '1', connectionsAtOnce = '1', seed = '1'] = process.argv.slice(2);
const service = JSON.parse(process.env['FAULTS_SERVICE'] as string) as ServicePlaces;
const postgresSocket = process.env['FAULTS_POSTGRES_SOCKET'] as string;
const random = new Random(Number(seed));
let deadline = Date.now() + Number(seconds) * 1000;
process.on('SIGTERM', () => {
  deadline = 0;
});
const noise = Buffer.alloc(256 * 1024);
for (let i = 0; i < noise.length; i++) noise[i] = random.between(0, 255);

const connections: CountedConnection[] = [];
const statements: Record<string, string> = {};
const requests: Record<string, string> = {};
const spans: Record<string, readonly [number, number, string]> = {};
let numbers = 0;

/** Counts a socket of ours once it is closed. */
async function counted(kind: string, socket: Socket): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const place = await new Promise<ReturnType<typeof placeOf>>((resolve, reject) => {
    socket.once('connect', () => resolve(placeOf(socket))).once('error', reject);
  });
  await closed;
  count(kind, place, socket);
}

/** As `counted`, of one that was accepted. */
async function countedAccepted(socket: Socket): Promise<void> {
  const place = placeOf(socket);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  count('accepted', place, socket);
}

function count(kind: string, place: ReturnType<typeof placeOf>, socket: Socket): void {
  connections.push({ kind, ...place, sentBytes: socket.bytesWritten, receivedBytes: socket.bytesRead });
}

function placeOf(socket: Socket) {
  const { localPort = 0, remotePort = 0, remoteFamily } = socket;
  const isUnix = remotePort === 0;
  return {
    transport: isUnix ? ('unix' as const) : remoteFamily === 'IPv6' ? ('tcp6' as const) : ('tcp4' as const),
    localPort,
    remotePort,
    inode: isUnix ? inodeOf(socket) : 0,
  };
}

function inodeOf(socket: Socket): number {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  return Number(/\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]);
}

/** Nobody asks without a pause; and so the ring runs over at times, and not always. */
function think(): Promise<void> {
  return sleep(random.between(0, 30));
}

/** Small ones mostly, as real traffic has them, and some that are larger than the ring. */
function someBytes(): number {
  return random.chance(0.08) ? random.between(20_000, 200_000) : random.between(1, 4000);
}

async function talkBytes(kind: string, where: { port: number; host: string } | { path: string }): Promise<void> {
  const socket = createConnection(where);
  const closed = counted(kind, socket);
  const failed = new Promise<never>((_, reject) => socket.once('error', reject));
  for (let left = random.between(1, 30); left > 0 && Date.now() < deadline; left--) {
    const payload = noise.subarray(0, someBytes());
    const replyBytes = someBytes();
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(payload.length, 0);
    header.writeUInt32BE(replyBytes, 4);
    socket.write(Buffer.concat([header, payload]));
    let missing = replyBytes;
    const answered = new Promise<void>((resolve) => {
      const take = (part: Buffer): void => {
        missing -= part.length;
        if (missing > 0) return;
        socket.off('data', take);
        resolve();
      };
      socket.on('data', take);
    });
    await Promise.race([answered, failed]);
    await think();
  }
  socket.end();
  await closed;
}

async function talkHttp(): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const closed: Promise<void>[] = [];
  for (let left = random.between(1, 30); left > 0 && Date.now() < deadline; left--) {
    const number = `${name}-${numbers++}`;
    const path = `/${number}?reply=${someBytes()}`;
    requests[number] = `POST ${path}`;
    const askedMs = Date.now();
    await new Promise<void>((resolve, reject) => {
      const asked = request({ port: service.httpPort, host: '127.0.0.1', path, method: 'POST', agent }, (reply) => {
        reply.resume().on('end', resolve);
      });
      asked.on('socket', (socket: Socket) => {
        if (socket.connecting) closed.push(counted('http', socket));
      });
      asked.on('error', reject);
      asked.end(noise.toString('base64', 0, someBytes()));
    });
    spans[number] = [askedMs, Date.now(), 'http'];
    await think();
  }
  agent.destroy();
  await Promise.all(closed);
}

async function talkPostgres(kind: string, host: string): Promise<void> {
  const client = new pg.Client({ host });
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const closed = counted(kind, stream);
  await client.connect();
  for (let left = random.between(1, 30); left > 0 && Date.now() < deadline; left--) {
    const literal = 'q'.repeat(Math.ceil(someBytes() / 2));
    const number = `${name}-${numbers++}`;
    const text = `SELECT '${number}' AS number, repeat('r', ${someBytes()}), length('${literal}') + ${left}`;
    const isSimple = random.chance(0.5);
    const asked = isSimple ? text : `${text} + $1::int`;
    statements[number] = createHash('sha256').update(asked).digest('hex');
    const askedMs = Date.now();
    await client.query(isSimple ? asked : { text: asked, values: [left] });
    spans[number] = [askedMs, Date.now(), `${kind} ${stream.localPort ?? ''}`];
    await think();
  }
  await client.end();
  await closed;
}

/** A server of this workload: both ends of its connections are recorded. */
const accepted: Promise<void>[] = [];
const ownServers = [createServer(accept), createServer(accept)] as const;

function accept(socket: Socket): void {
  accepted.push(countedAccepted(socket));
  talk(socket);
}

async function ownPort(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

const own4 = { port: await ownPort(ownServers[0], '127.0.0.1'), host: '127.0.0.1' };
const own6 = { port: await ownPort(ownServers[1], '::1'), host: '::1' };

const talks = [
  () => talkBytes('bytes-to-self', own4),
  () => talkBytes('bytes-to-self-6', own6),
  () => talkBytes('bytes-tcp', { port: service.bytesPort, host: '127.0.0.1' }),
  () => talkBytes('bytes-tcp-6', { port: service.bytesPort6, host: '::1' }),
  () => talkBytes('bytes-unix', { path: service.bytesSocket }),
  () => talkHttp(),
  () => talkPostgres('postgres-tcp', process.env['PGHOST'] as string),
  () => talkPostgres('postgres-tcp-6', '::1'),
  () => talkPostgres('postgres-unix', postgresSocket),
];

console.log('moving');
await Promise.all(
  Array.from({ length: Number(connectionsAtOnce) }, async (_, lane) => {
    for (let turn = lane; Date.now() < deadline; turn++) await talks[turn % talks.length]?.();
  }),
);
for (const server of ownServers) server.close();
await Promise.all(accepted);
const session = process.env['SWORN_SESSION'] as string;
writeFileSync(report, JSON.stringify({ session, connections, statements, requests, spans } satisfies MoverReport));
