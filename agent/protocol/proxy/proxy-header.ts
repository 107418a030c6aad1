// SPDX-License-Identifier: Apache-2.0

/**
 * The PROXY protocol: who a connection is made for, said by the proxy that makes it, before anything else.
 *
 * Shape    1: "PROXY TCP4 source destination port port CR LF", 107 bytes at most; 2: a signature of 12 bytes · version and command u8 ·
 *          family and transport u8 · length u16 · addresses and more
 * Source   HAProxy, proxy-protocol.txt, sections 2.1 and 2.2
 */
import { addressText } from '../bytes/address-text.ts';
import { asBuffer } from '../bytes/byte-reader.ts';
import type { ProtocolDefinition } from '../decoder.ts';
import { exchangeOf, placeOf } from './exchange.ts';
import { Preface, type PrefaceReader, type Read } from './preface.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const LINE_BYTES_MAX = 107;
const HEAD_BYTES = 16;
const LINE = /^PROXY (?:(TCP4|TCP6) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (\d{1,5}) (\d{1,5})|UNKNOWN[ -~]*)\r\n/;
const NEED_MORE: Read = { kind: 'need-more' };
const MALFORMED: Read = { kind: 'malformed', reason: 'malformed' };

interface Header {
  readonly usedBytes: number;
  readonly version: '1' | '2';
  readonly source: string;
  readonly destination: string;
}

export const proxyHeader: ProtocolDefinition = {
  name: 'proxy',
  detect: ({ client, server, late }) => {
    if (late) return 'no';
    // Whoever awaits a header says nothing before it.
    if (client.length === 0) return server.length === 0 ? 'not-yet' : 'no';
    const bytes = asBuffer(client);
    for (const start of [SIGNATURE, Buffer.from('PROXY TCP'), Buffer.from('PROXY UNKNOWN')]) {
      const length = Math.min(start.length, bytes.length);
      if (bytes.compare(start, 0, length, 0, length) === 0) return length < start.length ? 'not-yet' : 'yes';
    }
    return 'no';
  },
  create: (_bounds, sink) => {
    const reader: PrefaceReader = {
      read(from, bytes, firstAt, at) {
        // The server may greet before it has read the header: those bytes belong to what follows, and cannot be given to it.
        if (from === 'server') return { kind: 'malformed', reason: 'early_data' };
        const header = headerOf(bytes);
        if ('kind' in header) return header;
        const { usedBytes, version, source, destination } = header;
        sink.exchange(
          exchangeOf({
            protocol: 'proxy',
            ...{ operation: 'PROXY', place: destination, status: 'ok', requestBytes: usedBytes, responseBytes: 0 },
            attributes: { proxy_version: version, ...(source !== '' && { proxied_source: source }) },
            ...{ requestAt: firstAt, requestEndAt: at, responseAt: at },
          }),
        );
        return { kind: 'message', usedBytes, next: 'tunnel' };
      },
      end: () => undefined,
    };
    return new Preface(sink, reader);
  },
};

function headerOf(bytes: Buffer): Header | Read {
  return bytes[0] === SIGNATURE[0] ? binary(bytes) : line(bytes);
}

function line(bytes: Buffer): Header | Read {
  const feed = bytes.indexOf(0x0a);
  if (feed < 0) return bytes.length < LINE_BYTES_MAX ? NEED_MORE : MALFORMED;
  const found = feed < LINE_BYTES_MAX ? LINE.exec(bytes.toString('latin1', 0, feed + 1)) : null;
  if (found === null) return MALFORMED;
  const [, family, source = '', destination = '', sourcePort, destinationPort] = found;
  const usedBytes = feed + 1;
  if (family === undefined) return { usedBytes, version: '1', source: '', destination: '' };
  return {
    usedBytes,
    version: '1',
    source: placeOf(source.toLowerCase(), Number(sourcePort)),
    destination: placeOf(destination.toLowerCase(), Number(destinationPort)),
  };
}

/** Family 1 is IPv4, 2 IPv6; of others, and of connections of the proxy's own (LOCAL), nothing is said. */
function binary(bytes: Buffer): Header | Read {
  if (bytes.length < HEAD_BYTES) return NEED_MORE;
  const command = bytes[12]!;
  if (!bytes.subarray(0, 12).equals(SIGNATURE) || command >> 4 !== 2 || (command & 0xf) > 1) return MALFORMED;
  const usedBytes = HEAD_BYTES + bytes.readUInt16BE(14);
  if (bytes.length < usedBytes) return NEED_MORE;
  const family = bytes[13]! >> 4;
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  if ((command & 0xf) === 0 || size === 0) return { usedBytes, version: '2', source: '', destination: '' };
  if (usedBytes < HEAD_BYTES + 2 * size + 4) return MALFORMED;
  const placeAt = (address: number, port: number): string =>
    placeOf(addressText(bytes, HEAD_BYTES + address, size === 4 ? 4 : 6), bytes.readUInt16BE(HEAD_BYTES + port));
  return { usedBytes, version: '2', source: placeAt(0, 2 * size), destination: placeAt(size, 2 * size + 2) };
}
