// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { detect } from './detect.ts';
import { MysqlDecoder } from './mysql-decoder.ts';

export const mysql: ProtocolDefinition = {
  name: 'mysql',
  detect,
  create: (bounds, sink, opening) => new MysqlDecoder(bounds, sink, opening),
};
