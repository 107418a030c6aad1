// SPDX-License-Identifier: Apache-2.0

import type { ProtocolDefinition } from '../decoder.ts';
import { OpaqueDecoder } from './decoder.ts';

/** What a connection gets when `detect` finds nobody. It claims no connection itself, so it is not in the list there. */
export const opaque = {
  name: 'opaque',
  detect: () => 'no',
  create: () => new OpaqueDecoder(),
} satisfies ProtocolDefinition;
