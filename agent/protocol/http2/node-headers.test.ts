// SPDX-License-Identifier: Apache-2.0

/** Node's encoder against our reader: many random lists of fields over one connection, whose tables fill and turn over. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import fc from 'fast-check';
import { runScript } from '../testing/run-script.ts';
import { http2 } from './definition.ts';
import { recorded } from './testing.ts';

type Fields = Record<string, string>;

/** Few names and few short values come again and again; long ones push the others out of a table. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b b', '0', 'text/plain') },
  { weight: 3, arbitrary: fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9]{400,3000}$/) },
);
const name = fc.oneof(
  fc.constantFrom('x-a', 'x-b', 'accept', 'vary', 'etag', 'x-long-name-that-comes-again'),
  fc.stringMatching(/^x-[a-z0-9]{1,20}$/),
);
const lists = fc.array(fc.dictionary(name, value, { maxKeys: 8 }), { minLength: 20, maxLength: 60 });

for (const headerTableSize of [0, 200, 4096, 65_536]) {
  test(`fields are those that were sent, with a table of ${headerTableSize} bytes`, async () => {
    await fc.assert(
      fc.asyncProperty(lists, lists, async (asked, answered) => {
        const script = await recorded(
          (server) => {
            server.on('stream', (stream: ServerHttp2Stream, fields) => {
              stream.respond({ ':status': 200, ...answered[Number(fields['x-number']) % answered.length] });
              stream.end();
            });
          },
          async (session) => {
            for (const [number, fields] of asked.entries()) {
              const stream = session.request({ ':path': `/${number}`, ...fields, 'x-number': String(number) });
              const closed = once(stream, 'close');
              stream.resume();
              stream.end();
              await closed;
            }
          },
          { headerTableSize },
        );
        const { exchanges, troubles } = runScript(http2, script);
        assert.deepEqual(troubles, {});
        assert.equal(exchanges.length, asked.length);
        for (const [number, { resource, attributes }] of exchanges.entries()) {
          assert.equal(resource, `/${number}`);
          assertFields(attributes['request_headers'], { ...asked[number], 'x-number': String(number) });
          assertFields(attributes['response_headers'], answered[number % answered.length]!);
        }
      }),
      { numRuns: 12 },
    );
  });
}

/** `shown` has them all; Node adds some of its own to answers. */
function assertFields(shown: string | undefined, sent: Fields): void {
  const fields = JSON.parse(shown ?? '{}') as Fields;
  for (const [key, one] of Object.entries(sent)) assert.equal(fields[key], one, key);
}
