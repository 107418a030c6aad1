// SPDX-License-Identifier: Apache-2.0

/**
 * What went wrong at ClickHouse, in the collector's own codes.
 *
 * Source   ClickHouse, src/Common/ErrorCodes.cpp (numbers are stable)
 */
import { ClickHouseError } from '@clickhouse/client';
import { CollectorError, describeError } from '../../model/error.ts';
import { isClaimLost } from './claim-desk.ts';

/** The server is there but cannot now: memory, disk, too many parts or queries, a replica that is not ready. */
const TRANSIENT = new Set([
  '3',
  '159',
  '160',
  '202',
  '203',
  '209',
  '210',
  '225',
  '236',
  '241',
  '242',
  '243',
  '252',
  '285',
  '286',
  '289',
  '319',
  '394',
  '425',
  '439',
  '999',
]);

/** Limits on a query: time, estimated time, rows or bytes read, rows or bytes of the result, memory. */
const LIMITS = new Set(['158', '159', '160', '241', '290', '307', '396']);

/** What the access rights of the user refuse. */
const REFUSED = new Set(['164', '291', '392', '452', '497', '514']);

/** An insert or one of the store's own questions failed. */
export function storeError(doing: string, error: unknown): CollectorError {
  if (error instanceof CollectorError) return error;
  const message = `${doing}: ${describeError(error)}`;
  if (error instanceof ClickHouseError && !TRANSIENT.has(error.code)) {
    return new CollectorError('store_rejected', message, { cause: error });
  }
  return new CollectorError('store_unavailable', message, { cause: error });
}

/** An insert of activities failed, which may be under claims. */
export function insertError(doing: string, error: unknown): CollectorError {
  if (!isClaimLost(error)) return storeError(doing, error);
  return new CollectorError('claim_lost', `${doing}: an agent of it is at another collector by now`, { cause: error });
}

/** A person's query failed. The text is ClickHouse's own: it is about the person's SQL. */
export function queryError(error: unknown): CollectorError {
  if (error instanceof CollectorError) return error;
  if (!(error instanceof ClickHouseError)) {
    return new CollectorError('store_unavailable', `ClickHouse did not answer: ${describeError(error)}`, {
      cause: error,
    });
  }
  const message = describeError(error, 2000);
  if (LIMITS.has(error.code)) return new CollectorError('query_limit', message, { cause: error });
  if (REFUSED.has(error.code)) return new CollectorError('query_refused', message, { cause: error });
  if (TRANSIENT.has(error.code)) return new CollectorError('store_unavailable', message, { cause: error });
  return new CollectorError('query_invalid', message, { cause: error });
}
