// SPDX-License-Identifier: Apache-2.0

/**
 * Messages of gRPC in a body, with their compression off.
 *
 * Shape    flags u8 (1: compressed; of gRPC-Web 0x80: trailers) · length u32 BE · message
 * Source   grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/PROTOCOL-WEB.md
 */
import { decodeContent } from '../http/content-coding.ts';
import { redactContent } from '../http/secret-content.ts';
import type { FoundSecret } from '../http/secrets.ts';

export interface Messages {
  /** Whole ones. */
  readonly count: number;
  /** The first, when it is whole and nothing hides it. */
  readonly first: Buffer | undefined;
  /** How many had been compressed, and how many of these still are. */
  readonly decompressed: number;
  readonly undecoded: number;
  /** Credentials taken out of messages that had been compressed. */
  readonly secrets: readonly FoundSecret[];
  /** Bytes at the end that are no whole message. */
  readonly restBytes: number;
  /** The body, each message with its framing; those that were decompressed with that of what they are now. */
  readonly bytes: Buffer;
  /** Of gRPC-Web: "name: value" lines. */
  readonly trailers: string;
}

const FRAMING_BYTES = 5;
const COMPRESSED = 0x01;
const TRAILERS = 0x80;
/** More of one body is not decompressed: gRPC's own bound of a message is 4 MiB. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const TRAILER_BYTES_MAX = 16 * 1024;
/** As names of codings in HTTP. */
const CODINGS = new Set(['gzip', 'deflate', 'zstd', 'br']);

/** Never throws; what is no message is the rest. `isWeb`: trailers may stand behind the messages. */
export function readMessages(body: Buffer, coding: string, isWeb: boolean, inReply: boolean): Messages {
  const parts: Buffer[] = [];
  let room = OUTPUT_BYTES_MAX;
  const secrets: FoundSecret[] = [];
  let [count, decompressed, undecoded] = [0, 0, 0];
  let first: Buffer | undefined;
  let trailers = '';
  let at = 0;
  while (at + FRAMING_BYTES <= body.length) {
    const flags = body[at]!;
    const end = at + FRAMING_BYTES + body.readUInt32BE(at + 1);
    const isTrailers = isWeb && (flags & TRAILERS) !== 0;
    if (end > body.length || (flags & ~(COMPRESSED | (isWeb ? TRAILERS : 0))) !== 0) break;
    let message = body.subarray(at + FRAMING_BYTES, end);
    let framed = body.subarray(at, end);
    if ((flags & COMPRESSED) !== 0) {
      const content = CODINGS.has(coding) ? decodeContent(message, [coding], true, room) : undefined;
      if (content?.kind === 'whole') {
        const safe = redactContent(content.bytes, '', inReply);
        secrets.push(...safe.secrets);
        room -= safe.bytes.length;
        message = safe.bytes;
        framed = Buffer.concat([Buffer.from([flags & ~COMPRESSED, 0, 0, 0, 0]), message]);
        framed.writeUInt32BE(message.length, 1);
        decompressed++;
      } else {
        undecoded++;
      }
    }
    if (isTrailers) trailers = message.toString('latin1', 0, TRAILER_BYTES_MAX);
    else if (count++ === 0 && undecoded === 0) first = message;
    parts.push(framed);
    at = end;
  }
  const restBytes = body.length - at;
  const bytes = decompressed === 0 ? body : Buffer.concat([...parts, body.subarray(at)]);
  return { count, first, decompressed, undecoded, secrets, restBytes, bytes, trailers };
}
