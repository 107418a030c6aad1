// SPDX-License-Identifier: Apache-2.0

/** The rows of the matrix (README.md) that need nothing but what setup brings; the rest is `npm run test:identity`. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { whyNoRecording } from '../oracle/recording/recording.ts';
import { runMatrix } from './matrix.ts';
import { plannedRows, type Row, rowName } from './row.ts';

const skip = whyNoRecording() || (process.getuid?.() === 0 ? false : 'a network of its own wants root');

describe('SDKs of Azure that ask the broker', { skip }, () => {
  const planned = plannedRows([
    'js-identity-4 app-service',
    'js-msal-7 imds-address',
    'js-msal-7 imds direct',
    'js-msal-7 arc direct',
  ]);
  let rows: readonly Row[] = [];

  before(async () => {
    rows = await runMatrix(planned, { isTimed: false, say() {} });
  });

  for (const one of planned) {
    test(`${rowName(one)}: ${one.way.about}`, () => {
      const row = rows.find(({ name }) => name === rowName(one));
      assert.equal(row?.reason, '');
      assert.equal(row.ok, true);
    });
  }
});
