// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { detect } from './detect.ts';
import { RedisDecoder } from './redis-decoder.ts';

export const redis: ProtocolDefinition = {
  name: 'redis',
  detect,
  create: (bounds, sink, opening) => new RedisDecoder(bounds, sink, opening),
};
