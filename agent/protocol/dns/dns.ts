// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { DnsDatagramDecoder } from './datagram-decoder.ts';
import { DnsStreamDecoder, detect } from './stream-decoder.ts';

/** Over TCP and TLS. */
export const dns: ProtocolDefinition = {
  name: 'dns',
  detect,
  create: (bounds, sink, opening) => new DnsStreamDecoder(bounds, sink, opening),
};

/** Ports whose datagrams are had: DNS, multicast DNS, LLMNR. The kernel side has the same (native/abi/event.h). */
export const DATAGRAM_PORTS: ReadonlySet<number> = new Set([53, 5353, 5355]);

/** Over UDP: each push is one datagram. By the port alone: on these, whatever is no DNS is worth a line. */
export const dnsDatagrams: ProtocolDefinition = {
  name: 'dns',
  detect: ({ serverPort }) => (DATAGRAM_PORTS.has(serverPort) ? 'yes' : 'no'),
  create: (bounds, sink, opening) => new DnsDatagramDecoder(bounds, sink, opening),
};
