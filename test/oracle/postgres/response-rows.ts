// SPDX-License-Identifier: Apache-2.0

/** A response of the record as rows, to compare with what a client got: names of the columns first, then values as text. */
import { createHash } from 'node:crypto';

export type Table = readonly (readonly (string | null)[])[];

/** Of a response that was kept whole. */
export function tableOf(response: Buffer): Table {
  return response
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as (string | null)[]);
}

/** How the response to it reads in the record. */
export function responseOf(table: Table): Buffer {
  return Buffer.from(table.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
