// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { WebSocketDecoder } from './decoder.ts';

/** Never begun with: frames have no first bytes of their own, and without the handshake their language is not known. */
export const websocket: ProtocolDefinition = {
  name: 'websocket',
  detect: () => 'no',
  create: (bounds, sink, opening) => new WebSocketDecoder(bounds, sink, opening),
};
