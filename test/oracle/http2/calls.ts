// SPDX-License-Identifier: Apache-2.0

/** The service of the tests, without a schema: messages are bytes. */
const bytes = { requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };

function asIs(message: Buffer): Buffer {
  return message;
}

export const CALLS = {
  say: { path: '/test.v1.Words/Say', requestStream: false, responseStream: false, ...bytes },
  fail: { path: '/test.v1.Words/Fail', requestStream: false, responseStream: false, ...bytes },
  count: { path: '/test.v1.Words/Count', requestStream: false, responseStream: true, ...bytes },
} as const;
