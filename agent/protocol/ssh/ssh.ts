// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { SshDecoder } from './ssh-decoder.ts';

/** Messages as `agent/ssh` gives them out; nobody speaks so on a socket. */
export const ssh: ProtocolDefinition = {
  name: 'ssh',
  detect: () => 'no',
  create: (bounds, sink) => new SshDecoder(bounds, sink),
};
