// SPDX-License-Identifier: Apache-2.0

/**
 * Which protocol a connection speaks: asked once, of its first bytes. A protocol is added by one line here.
 */
import type { Opening, ProtocolDefinition } from './decoder.ts';
import { dns } from './dns/dns.ts';
import { http1 } from './http1/definition.ts';
import { http2 } from './http2/definition.ts';
import { mcp } from './mcp/mcp.ts';
import { mysql } from './mysql/mysql.ts';
import { recognise } from './opaque/recognise.ts';
import { postgres } from './postgres/postgres.ts';
import { proxyHeader } from './proxy/proxy-header.ts';
import { socks } from './proxy/socks.ts';
import { redis } from './redis/redis.ts';
import { spdy } from './spdy/spdy.ts';
import { ssh } from './ssh/ssh.ts';
import { varlink } from './varlink/varlink.ts';
import { websocket } from './websocket/websocket.ts';

export const protocols: readonly ProtocolDefinition[] = [
  http1,
  http2,
  postgres,
  mysql,
  redis,
  dns,
  mcp,
  varlink,
  socks,
  proxyHeader,
];

/** Languages that are never begun with: what a conversation turns to, by name. */
const turnedTo: readonly ProtocolDefinition[] = [websocket, spdy, ssh];

/** Whose language `name` is, asked when a conversation turns to it. */
export function protocolNamed(
  name: string,
  among: readonly ProtocolDefinition[] = [...protocols, ...turnedTo],
): ProtocolDefinition | undefined {
  return among.find((definition) => definition.name === name);
}

export type Detection =
  | { readonly kind: 'found'; readonly definition: ProtocolDefinition }
  /** Ask again when more bytes were seen; when none come any more, take it for 'none'. */
  | { readonly kind: 'not-yet' }
  /** No decoder; `name` is what it looks like: see `recognise`, or 'ambiguous' when several protocols claim it. */
  | { readonly kind: 'none'; readonly name: string };

/**
 * 16 KiB of either side: twice the longest start line that is awaited. Each undecided connection holds as much, and the
 * bytes beyond are lost to whatever protocol it was.
 */
export const OPENING_BYTES_MAX = 16 * 1024;

/** When all decoders have said no, a name is worth waiting for so long. The slowest signature needs 30 bytes. */
const NAME_BYTES_AWAITED = 64;

/**
 * Ask every protocol. One certain yes decides, whatever others still wait for; nobody's yes within
 * `OPENING_BYTES_MAX`, or two, and nobody has it.
 */
export function detect(opening: Opening, among: readonly ProtocolDefinition[] = protocols): Detection {
  let found: ProtocolDefinition | undefined;
  let waits = false;
  for (const definition of among) {
    const answer = definition.detect(opening);
    if (answer === 'yes' && found !== undefined) return { kind: 'none', name: 'ambiguous' };
    if (answer === 'yes') found = definition;
    if (answer === 'not-yet') waits = true;
  }
  if (found !== undefined) return { kind: 'found', definition: found };
  const seenBytes = Math.max(opening.client.length, opening.server.length);
  const name = recognise(opening);
  // Nothing else looks like TLS, while who still waits may wait for long, of bytes that say nothing to it.
  if (waits && name !== 'tls' && seenBytes < OPENING_BYTES_MAX) return { kind: 'not-yet' };
  return name === 'unknown' && seenBytes < NAME_BYTES_AWAITED ? { kind: 'not-yet' } : { kind: 'none', name };
}
