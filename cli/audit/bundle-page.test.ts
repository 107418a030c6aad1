// SPDX-License-Identifier: Apache-2.0

/** The page's own tables and hashes against those of the rest: it shares no code with it. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { asReceived } from '../../collector/testing/full-activities.ts';
import { anyActivity } from '../../proto/any-activity.ts';
import { leafOf } from '../../proto/leaf.ts';
import { type CanonicalField, DETAILS, HEAD_FIELDS } from '../../proto/leaf-fields.ts';
import { pageScript } from '../testing/bundle-page-run.ts';
import { formatActivityLine, parseLine, withoutPayload } from './bundle-format.ts';
import { DETAILS_IN_ROW, HEAD_IN_ROW } from './row-fields.ts';

interface Tables {
  readonly HEAD: readonly object[];
  readonly DETAILS: Readonly<Record<string, { number: number; fields: readonly object[] }>>;
  readonly ACCOUNT: readonly object[];
  readonly WORDS: Readonly<Record<string, readonly string[]>>;
}

const page = pageScript();
const tables = page['tables'] as Tables;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const bare = ({ number, name, protoName, kind, payload }: CanonicalField) => ({
  number,
  name,
  protoName,
  kind,
  payload,
});

describe('the script of the page', () => {
  it('knows the fields that a leaf binds, and the words for their numbers', () => {
    assert.deepEqual(plain(tables.HEAD), HEAD_FIELDS.map(bare));
    assert.deepEqual(
      plain(tables.DETAILS),
      Object.fromEntries(DETAILS.map(({ name, number, fields }) => [name, { number, fields: fields.map(bare) }])),
    );
    const messages = DETAILS.flatMap(({ fields }) => fields).filter(({ kind }) => kind === 'message');
    for (const { fields } of messages) assert.deepEqual(plain(tables.ACCOUNT), fields.map(bare));
    const words = [
      ...HEAD_IN_ROW.map((one) => [one.field.name, one.words] as const),
      ...DETAILS_IN_ROW.flatMap(({ name, fields }) =>
        fields.map((one) => [`${name}.${one.field.name}`, one.words] as const),
      ),
    ];
    const named = words.filter(([, list]) => list !== undefined);
    assert.deepEqual(plain(tables.WORDS), Object.fromEntries(named));
  });

  it('hashes as SHA-256 does, whatever the length', () => {
    for (const length of [...Array(200).keys(), 1_000, 65_536, 1_000_003]) {
      const bytes = randomBytes(length);
      assert.deepEqual(Buffer.from(page.sha256(bytes)), createHash('sha256').update(bytes).digest(), String(length));
    }
  });

  it('computes the leaf of any activity, with its payload and without', () => {
    fc.assert(
      fc.property(anyActivity, fc.string({ unit: 'binary', maxLength: 20 }), (made, host) => {
        const activity = asReceived({ ...made, seq: 7 });
        const leaf = leafOf(activity, 'agent-ü', host);
        const line = { seq: 7, host, activity, digests: new Map(), erasureSeq: 0, leaf };
        for (const one of [line, withoutPayload(line)]) {
          const text = formatActivityLine(one);
          const read = parseLine(text);
          assert.ok('activity' in read);
          assert.deepEqual(leafOf(read.activity, 'agent-ü', read.host, read.digests), leaf);
          const json = JSON.parse(text) as { activity: unknown; payload_digests?: Record<string, string> };
          const digests = Object.entries(json.payload_digests ?? {}).map(
            ([name, digest]) => [name, Buffer.from(digest, 'base64')] as const,
          );
          assert.deepEqual(Buffer.from(page.leafOf(json.activity, 'agent-ü', host, new Map(digests))), leaf);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('shows what would change how a text is read as its number', () => {
    assert.equal(page.visible('a\u202eb\u2028\u0000\u001b\n\t\u00adé'), 'a\\u202eb\\u2028\\u0000\\u001b\n\t\u00adé');
  });
});
