// SPDX-License-Identifier: Apache-2.0

/**
 * Conversations that are made here, in languages where no part of a capture can follow itself for ever: streams and packets have
 * numbers, keys and masks. Each is some megabytes long, and then begins anew on a connection of its own.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { ConnectionFlow } from '../../agent/flow/connection-flow.ts';
import { moved, opened } from '../../agent/flow/testing/arrivals.ts';
import { DEFAULT_BOUNDS, type Exchange, type ProtocolDefinition, type Side } from '../../agent/protocol/decoder.ts';
import { http1 } from '../../agent/protocol/http1/definition.ts';
import { http2 } from '../../agent/protocol/http2/definition.ts';
import { FLAG, FRAME } from '../../agent/protocol/http2/frames.ts';
import { asks, block, frame, OPENING, recorded, replies } from '../../agent/protocol/http2/testing.ts';
import { mcp } from '../../agent/protocol/mcp/mcp.ts';
import { openingOf, type RunOptions } from '../../agent/protocol/testing/run-script.ts';
import { type Script, sends } from '../../agent/protocol/testing/script.ts';
import { agreed, says } from '../../agent/protocol/websocket/testing.ts';
import { websocket } from '../../agent/protocol/websocket/websocket.ts';
import { SshKeyPool } from '../../agent/ssh/key-pool.ts';
import { message } from '../../agent/ssh/testing/packet-writer.ts';
import { Talk } from '../../agent/ssh/testing/talk.ts';

/** Takes the bytes of one connection. */
export interface Taker {
  push(from: Side, bytes: Uint8Array, at: number): void;
  notUnderstood(): number;
}

export interface Made {
  readonly script: Script;
  /** A new connection; `seen` is told of each exchange and each trouble. */
  start(seen: Seen): Taker;
}

export interface Seen {
  exchange(exchange: Exchange): void;
  trouble(): void;
}

const SMALL_COUNT = 5000;
const NODE_COUNT = 2000;
const LARGE_BYTES = 256 * 1024;
const LARGE_COUNT = 32;
/** What a frame of HTTP/2 and a packet of OpenSSH carry at most. */
const [FRAME_BYTES, PACKET_BYTES] = [16 * 1024, 32 * 1024];

const times = (count: number, made: (index: number) => Script): Script =>
  Array.from({ length: count }, (_, i) => made(i)).flat();

/** A sink and a decoder for one connection. */
export function takerOf(definition: ProtocolDefinition, script: Script, seen: Seen, options: RunOptions = {}): Taker {
  const decoder = definition.create(
    DEFAULT_BOUNDS,
    {
      exchange: (exchange) => seen.exchange(exchange),
      credential: () => {},
      terminal: () => {},
      carried: () => {},
      handover: (protocol) => {
        throw new Error(`handed over to ${protocol}`);
      },
      trouble: () => seen.trouble(),
    },
    openingOf(script, options),
  );
  return {
    push: (from, bytes, at) => decoder.push(from, bytes, at),
    notUnderstood: () => decoder.counts.client.notUnderstood + decoder.counts.server.notUnderstood,
  };
}

const decoded = (definition: ProtocolDefinition, script: Script, options: RunOptions = {}): Made => ({
  script,
  start: (seen) => takerOf(definition, script, seen, options),
});

const JSON_TEXT = JSON.stringify({ items: [{ id: 17, name: 'a thing', price: 9.5, tags: ['x', 'y'] }] });

function dataFrames(stream: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < LARGE_BYTES; at += FRAME_BYTES) {
    const last = at + FRAME_BYTES >= LARGE_BYTES;
    frames.push(frame(FRAME.data, last ? FLAG.endStream : 0, stream, randomBytes(FRAME_BYTES)));
  }
  return frames;
}

export const http2Small = (): Made =>
  decoded(http2, [
    ...OPENING,
    ...times(SMALL_COUNT, (i) => [
      asks(2 * i + 1, { ':path': `/v1/things/${i}`, accept: 'application/json', 'user-agent': 'bench/1' }),
      replies(2 * i + 1, { 'content-type': 'application/json', date: 'Mon, 23 Nov 2026 20:00:00 GMT' }, JSON_TEXT),
    ]),
  ]);

/** As Node's client and server write it: Huffman's code, and fields by their place in the table. */
export async function http2OfNode(): Promise<Made> {
  const script = await recorded(
    (server) =>
      server.on('stream', (stream: ServerHttp2Stream) => {
        stream.respond({ ':status': 200, 'content-type': 'application/json', server: 'bench' });
        stream.end(JSON_TEXT);
      }),
    async (session) => {
      for (let i = 0; i < NODE_COUNT; i++) {
        const stream = session.request({
          ':path': `/v1/things/${i}`,
          accept: 'application/json',
          'user-agent': 'bench/1',
        });
        const closed = once(stream, 'close');
        stream.resume();
        await closed;
      }
    },
  );
  return decoded(http2, script);
}

export const http2Large = (): Made =>
  decoded(http2, [
    ...OPENING,
    ...times(LARGE_COUNT, (i) => [
      asks(2 * i + 1, { ':path': '/file' }),
      sends(
        'server',
        frame(FRAME.headers, FLAG.endHeaders, 2 * i + 1, block({ ':status': '200', 'content-type': 'application/x' })),
        ...dataFrames(2 * i + 1),
      ),
    ]),
  ]);

export function grpcCalls(): Made {
  const type = { 'content-type': 'application/grpc' };
  const body = '\0\0\0\0\x07\x08\x07\x12\x03ann';
  return decoded(http2, [
    ...OPENING,
    ...times(SMALL_COUNT, (i) => [
      asks(2 * i + 1, { ':path': '/pkg.v1.Users/Get', te: 'trailers', ...type }, body),
      sends(
        'server',
        frame(FRAME.headers, FLAG.endHeaders, 2 * i + 1, block({ ':status': '200', ...type })),
        frame(FRAME.data, 0, 2 * i + 1, body),
        frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 2 * i + 1, block({ 'grpc-status': '0' })),
      ),
    ]),
  ]);
}

const AGREED = { agreement: agreed() };

export const websocketSmall = (): Made =>
  decoded(
    websocket,
    times(SMALL_COUNT, () => [says('client', 'text', JSON_TEXT), says('server', 'text', JSON_TEXT)]),
    AGREED,
  );

export const websocketLarge = (): Made =>
  decoded(
    websocket,
    times(LARGE_COUNT, () => [says('client', 'binary', randomBytes(LARGE_BYTES))]),
    AGREED,
  );

export const mcpCalls = (): Made =>
  decoded(
    mcp,
    times(SMALL_COUNT, (id) => {
      const line = (said: object): string => `${JSON.stringify({ jsonrpc: '2.0', id, ...said })}\n`;
      return [
        sends('client', line({ method: 'tools/call', params: { name: 'add', arguments: { a: id, b: 2 } } })),
        sends('server', line({ result: { content: [{ type: 'text', text: String(id + 2) }], isError: false } })),
      ];
    }),
  );

/** In HTTP/1: a POST each, answered in JSON. */
export const mcpOverHttp = (): Made =>
  decoded(
    http1,
    times(SMALL_COUNT, (id) => {
      const head = `mcp-session-id: 1868a90c\r\ncontent-type: application/json\r\ncontent-length: `;
      const body = (said: object): string => {
        const text = JSON.stringify({ jsonrpc: '2.0', id, ...said });
        return `${head}${text.length}\r\n\r\n${text}`;
      };
      const call = body({ method: 'tools/call', params: { name: 'add', arguments: { a: id, b: 2 } } });
      const result = body({ result: { content: [{ type: 'text', text: String(id + 2) }], isError: false } });
      return [
        sends('client', `POST /mcp HTTP/1.1\r\nhost: h\r\naccept: application/json\r\n${call}`),
        sends('server', `HTTP/1.1 200 OK\r\n${result}`),
      ];
    }),
  );

/** A lease that is held: most of what the parts of a cluster say to it. */
export const kubernetesUpdates = (): Made =>
  decoded(
    http1,
    times(SMALL_COUNT, (i) => {
      const fields = { 'f:spec': { 'f:holderIdentity': {}, 'f:leaseDurationSeconds': {}, 'f:renewTime': {} } };
      const manager = {
        manager: 'kubelet',
        operation: 'Update',
        apiVersion: 'coordination.k8s.io/v1',
        fieldsV1: fields,
      };
      const metadata = {
        name: 'node-1',
        namespace: 'kube-node-lease',
        resourceVersion: String(i),
        managedFields: [manager],
      };
      const spec = { holderIdentity: 'node-1', leaseDurationSeconds: 40, renewTime: '2026-11-23T20:00:00.000000Z' };
      const text = JSON.stringify({ kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata, spec });
      const body = `content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
      const put = 'PUT /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-1?timeout=10s HTTP/1.1';
      const audit = 'audit-id: 6f6ad4c0-4f2f-4a5e-9d0c-7d1f0f6f2a11';
      return [
        sends('client', `${put}\r\nhost: h\r\nuser-agent: kubelet/v1.31.0 (linux/amd64) kubernetes/9edcffc\r\n${body}`),
        sends('server', `HTTP/1.1 200 OK\r\n${audit}\r\ndate: Mon, 23 Nov 2026 20:00:00 GMT\r\n${body}`),
      ];
    }),
  );

/** 500 pods of 2 KiB: what a controller reads when it begins. */
export const kubernetesList = (): Made =>
  decoded(
    http1,
    times(LARGE_COUNT, () => {
      const text = 'x'.repeat(2000);
      const items = Array.from({ length: 500 }, (_, i) => ({ metadata: { name: `pod-${i}` }, spec: { text } }));
      const body = JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items });
      const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
      return [
        sends('client', 'GET /api/v1/pods?limit=500 HTTP/1.1\r\nhost: h\r\nuser-agent: kubectl/v1.31.0\r\n\r\n'),
        sends('server', head + body),
      ];
    }),
  );

export const mcpLarge = (): Made =>
  decoded(
    mcp,
    times(LARGE_COUNT, (id) => {
      const line = (said: object): string => `${JSON.stringify({ jsonrpc: '2.0', id, ...said })}\n`;
      const text = JSON_TEXT.repeat(Math.ceil(LARGE_BYTES / JSON_TEXT.length));
      return [
        sends('client', line({ method: 'resources/read', params: { uri: 'file:///notes' } })),
        sends('server', line({ result: { contents: [{ uri: 'file:///notes', text }] } })),
      ];
    }),
  );

/** The layer and the decoder in it: from the bytes of the socket to what a command printed. */
function ssh(cipher: string, said: (talk: Talk) => void): Made {
  const talk = new Talk();
  talk.exchangeKeys({ cipher, mac: 'hmac-sha2-256', compression: 'none' });
  talk.say('client', message(5, 'ssh-userauth')).say('server', message(6, 'ssh-userauth'));
  talk.say('client', message(50, 'root', 'ssh-connection', 'none')).say('server', message(52));
  said(talk);
  return {
    script: talk.said.map(({ from, wire }) => sends(from, wire)),
    start: (seen) => {
      const pool = new SshKeyPool();
      for (const { cipher: kind, key, iv, encrypts } of talk.keys) {
        pool.add({ cipher: kind, key: Buffer.from(key), iv: Buffer.from(iv), encrypts }, 100, 1);
      }
      const flow = new ConnectionFlow(
        opened({ role: 'client', remotePort: 22 }),
        { bounds: DEFAULT_BOUNDS, sshKeysOf: () => pool.storeFor(() => [100]) },
        {
          exchange: (_flow, exchange) => seen.exchange(exchange),
          credential: () => {},
          terminal: () => {},
          lost: () => seen.trouble(),
          trouble: () => seen.trouble(),
        },
      );
      const offsets = { client: 0, server: 0 };
      return {
        push: (from, bytes) => {
          flow.moved(moved(from === 'client' ? 'sent' : 'received', offsets[from], bytes));
          offsets[from] += bytes.length;
        },
        notUnderstood: () => {
          const [sent, received] = [flow.account('sent'), flow.account('received')];
          return sent.notUnderstood + sent.unreadable + received.notUnderstood + received.unreadable;
        },
      };
    },
  };
}

function run(talk: Talk, channel: number, output: readonly (string | Buffer)[]): void {
  talk.say('client', message(90, 'session', channel, 1 << 30, PACKET_BYTES));
  talk.say('server', message(91, channel, channel, 1 << 30, PACKET_BYTES));
  talk.say('client', message(98, channel, 'exec', true, 'cat file')).say('server', message(99, channel));
  for (const part of output) {
    const bytes = Buffer.from(part as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    talk.say('server', message(94, channel, Buffer.concat([length, bytes])));
  }
  talk.say('server', message(98, channel, 'exit-status', false, 0)).say('server', message(97, channel));
  talk.say('client', message(97, channel));
}

export const sshLarge = (cipher: string): Made =>
  ssh(cipher, (talk) => {
    const parts = (LARGE_COUNT * LARGE_BYTES) / PACKET_BYTES;
    run(
      talk,
      0,
      Array.from({ length: parts }, () => randomBytes(PACKET_BYTES)),
    );
  });

export const sshSmall = (cipher: string): Made =>
  ssh(cipher, (talk) => {
    for (let i = 0; i < 1000; i++) run(talk, i, ['out\n']);
  });
