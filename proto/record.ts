// SPDX-License-Identifier: Apache-2.0

/** The messages of `proto/sworn/v1`. Generated code stays behind this door. */
export { sworn } from './generated/record.js';
