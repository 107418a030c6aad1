// SPDX-License-Identifier: Apache-2.0

import { textLiteral } from './erasure-sql.ts';

/** The clause at the end of a statement; there must be at least one. */
export function settingsSql(settings: Readonly<Record<string, string | number>>): string {
  const items = Object.entries(settings).map(
    ([name, value]) => `${name} = ${typeof value === 'number' ? value : textLiteral(value)}`,
  );
  return `SETTINGS ${items.join(', ')}`;
}
