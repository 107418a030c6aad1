// SPDX-License-Identifier: Apache-2.0

/**
 * What the decoders are fed: parts of stored captures that can follow themselves for ever, and conversations that are made
 * (generated.ts). A decoder is added by one line.
 */
import type { ProtocolDefinition, Side } from '../../agent/protocol/decoder.ts';
import { dns, dnsDatagrams } from '../../agent/protocol/dns/dns.ts';
import { http1 } from '../../agent/protocol/http1/definition.ts';
import { mysql } from '../../agent/protocol/mysql/mysql.ts';
import { postgres } from '../../agent/protocol/postgres/postgres.ts';
import { redis } from '../../agent/protocol/redis/redis.ts';
import { readCapture } from '../../agent/protocol/testing/capture-file.ts';
import { normalised, type Script } from '../../agent/protocol/testing/script.ts';
import {
  grpcCalls,
  http2Large,
  http2OfNode,
  http2Small,
  kubernetesList,
  kubernetesUpdates,
  type Made,
  mcpCalls,
  mcpLarge,
  mcpOverHttp,
  type Seen,
  sshLarge,
  sshSmall,
  type Taker,
  takerOf,
  websocketLarge,
  websocketSmall,
} from './generated.ts';

/** Small exchanges are measured by their number, large bodies by their bytes. */
type Kind = 'small' | 'large';

export interface MadeLoad {
  readonly kind: Kind;
  readonly make: () => Made | Promise<Made>;
}

export interface CapturedLoad {
  readonly definition: ProtocolDefinition;
  readonly kind: Kind;
  /** Folder of the protocol, and capture. */
  readonly capture: readonly [folder: string, name: string];
  /** First and last step of what is repeated; the steps before come once. */
  readonly from: number;
  readonly to: number;
  /** What is found in the client's bytes and stands for another number each time: a program that never sends a text twice. */
  readonly varies?: RegExp;
}

const of =
  (definition: ProtocolDefinition, folder: string) =>
  (kind: Kind, name: string, from: number, to: number, varies?: RegExp): CapturedLoad => ({
    definition,
    kind,
    capture: [folder, name],
    from,
    to,
    ...(varies && { varies }),
  });
const [pg, http, my, re] = [of(postgres, 'postgres'), of(http1, 'http1'), of(mysql, 'mysql'), of(redis, 'redis')];

const small = (make: MadeLoad['make']): MadeLoad => ({ kind: 'small', make });
const large = (make: MadeLoad['make']): MadeLoad => ({ kind: 'large', make });

export const LOADS: Readonly<Record<string, CapturedLoad | MadeLoad>> = {
  'postgresql prepared': pg('small', 'pgbench-prepared.2', 6, 9),
  'postgresql extended': pg('small', 'pgbench-extended.2', 4, 5),
  'postgresql simple': pg('small', 'pgbench-simple.2', 4, 9),
  'postgresql simple, new texts': pg('small', 'pgbench-simple.2', 4, 5, /(?<=aid = )\d{5}/),
  'postgresql rows': pg('large', 'libpq-large-rows', 2, 9),
  'postgresql copy': pg('large', 'libpq-copy-large', 4, 9),
  'http fetch': http('small', 'node-fetch', 0, 3),
  'http requests': http('small', 'python-requests', 2, 3),
  'http body': http('large', 'curl-large-reply', 0, 1),
  'mysql statements': my('small', 'mariadb-statements', 5, 14),
  'mysql prepared': my('small', 'pymysql-prepared', 9, 12),
  'mysql rows': my('large', 'mariadb-large', 3, 6),
  'redis commands': re('small', 'cli-commands', 2, 15),
  'redis values': re('large', 'large-values', 0, 5),
  'dns over tcp': of(dns, 'dns')('small', 'tcp-dig', 0, 15),
  'dns over udp': of(dnsDatagrams, 'dns')('small', 'udp-dig', 0, 35),
  'kubernetes get': of(http1, 'kubernetes')('small', 'get-pods', 4, 5),
  'kubernetes updates': small(kubernetesUpdates),
  'kubernetes list': large(kubernetesList),
  'http2 exchanges': small(http2Small),
  'http2 exchanges of node': small(http2OfNode),
  'http2 bodies': large(http2Large),
  'grpc calls': small(grpcCalls),
  'websocket messages': small(websocketSmall),
  'websocket large messages': large(websocketLarge),
  'mcp calls': small(mcpCalls),
  'mcp calls over http': small(mcpOverHttp),
  'mcp large results': large(mcpLarge),
  'ssh commands, aes-gcm': small(() => sshSmall('aes256-gcm@openssh.com')),
  'ssh commands, chacha': small(() => sshSmall('chacha20-poly1305@openssh.com')),
  'ssh commands, aes-ctr': small(() => sshSmall('aes256-ctr')),
  'ssh output, aes-gcm': large(() => sshLarge('aes256-gcm@openssh.com')),
  'ssh output, chacha': large(() => sshLarge('chacha20-poly1305@openssh.com')),
};

export interface Push {
  readonly from: Side;
  readonly bytes: Uint8Array;
}

export interface Pushes {
  /** A new connection. */
  start(seen: Seen): Taker;
  /** Each round is a connection of its own. */
  readonly startsAnew: boolean;
  readonly before: readonly Push[];
  /** Repeated in turns. */
  readonly rounds: readonly (readonly Push[])[];
}

/** Bytes come in such pieces at most: what a socket gives at once. */
const PIECE_BYTES = 64 * 1024;
/** So many texts are different before they come again: more than a cache keeps. */
const VARIANTS = 50_000;

export async function pushesOf(load: CapturedLoad | MadeLoad): Promise<Pushes> {
  if ('make' in load) {
    const made = await load.make();
    return { start: (seen) => made.start(seen), startsAnew: true, before: [], rounds: [piecesOf(made.script)] };
  }
  const { definition, from, to, varies } = load;
  const [folder, name] = load.capture;
  const file = new URL(`../../agent/protocol/${folder}/captures/${name}.jsonl`, import.meta.url);
  const script = normalised(readCapture(file).script);
  const round = piecesOf(script.slice(from, to + 1));
  const rounds =
    varies === undefined ? [round] : Array.from({ length: VARIANTS }, (_, at) => varied(round, varies, at));
  // One datagram is not cut, and is not joined with the next.
  const options = definition === dnsDatagrams ? { serverPort: 53 } : {};
  return {
    start: (seen) => takerOf(definition, script, seen, options),
    startsAnew: false,
    before: piecesOf(script.slice(0, from)),
    rounds,
  };
}

function piecesOf(script: Script): Push[] {
  const pushes: Push[] = [];
  for (const step of script) {
    if (step.kind !== 'bytes') throw new Error('a part that is repeated has bytes only');
    for (let at = 0; at < step.bytes.length; at += PIECE_BYTES) {
      pushes.push({ from: step.from, bytes: step.bytes.subarray(at, at + PIECE_BYTES) });
    }
  }
  return pushes;
}

function varied(round: readonly Push[], varies: RegExp, at: number): Push[] {
  return round.map(({ from, bytes }) => {
    if (from === 'server') return { from, bytes };
    const text = Buffer.from(bytes).toString('latin1');
    const changed = text.replace(varies, (number) => String(10 ** (number.length - 1) + at));
    return { from, bytes: Buffer.from(changed, 'latin1') };
  });
}
