// SPDX-License-Identifier: Apache-2.0

import { getSystemErrorName } from 'node:util';

/** 111 → 'ECONNREFUSED'; '' for 0. */
export function errnoName(errno: number): string {
  if (errno === 0) return '';
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
