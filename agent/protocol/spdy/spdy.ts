// SPDX-License-Identifier: Apache-2.0

/** SPDY/3.1 behind an upgrade of HTTP/1.1, as Kubernetes has it: README.md. */
import type { ProtocolDefinition } from '../decoder.ts';
import { SpdyDecoder } from './decoder.ts';

export const spdy: ProtocolDefinition = {
  // HTTP/1 names what is turned to without its version; frames have it.
  name: 'spdy',
  // It is only turned to.
  detect: () => 'no',
  create: (bounds, sink, opening) => new SpdyDecoder(bounds, sink, opening),
};
