// SPDX-License-Identifier: Apache-2.0

/** Bounds on what the API takes. */

/** Far above any statement that a person writes. */
export const SQL_CHARACTERS_MAX = 65_536;
/** A statement, every character of it escaped, and parameters. */
export const BODY_BYTES_MAX = 1 << 20;
/** A page of a session. */
export const PAGE_ROWS_MAX = 10_000;
