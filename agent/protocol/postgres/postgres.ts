// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { detect } from './detect.ts';
import { PostgresDecoder } from './postgres-decoder.ts';

export const postgres: ProtocolDefinition = {
  name: 'postgresql',
  detect,
  create: (bounds, sink, opening) => new PostgresDecoder(bounds, sink, opening),
};
