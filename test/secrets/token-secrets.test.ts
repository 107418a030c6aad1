// SPDX-License-Identifier: Apache-2.0

/**
 * No token stays: every interface of the broker and every kind of identity is used, tokens are shown around and stolen, and
 * afterwards neither end of any signature stands in the journal, in a log, in run_dir or state_dir, in ClickHouse, or in what
 * crossed to the collector; nor does an assertion, a secret of an interface, or a part of a private key. However written.
 *
 * Of the agent's memory nothing of this kind is promised: it holds the tokens that it may give out again, and its runtime
 * does not wipe what it lets go of. That nothing of it is written when it crashes is `core.test.ts`.
 */
import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RunRecord } from '../oracle/recording/record.ts';
import { whyNoRecording } from '../oracle/recording/recording.ts';
import { sightings, waysToWrite } from './places.ts';
import { contentsBelow, playTokenScene, type TokenScene } from './token-scene.ts';

describe('secrets of the broker', { skip: whyNoRecording() }, () => {
  let scene: TokenScene;
  let record: RunRecord;
  let places: ReadonlyMap<string, Buffer>;

  before(async () => {
    scene = await playTokenScene();
    const whileItRuns = kept(scene).filter(([name]) => name.startsWith('run/'));
    record = await scene.recording.finish();
    places = new Map([...whileItRuns, ...kept(scene), ...(await tables(scene)), ['wire', scene.copy.received()]]);
  });
  after(() => scene?.stop());

  it('were used: the record has every interface, every identity, and the thefts', async () => {
    const rows = await scene.recording.client.rows<Record<string, string>>(
      `SELECT action, interface, identity_name, toString(suspicious) AS suspicious, token_audience AS audience
       FROM sworn.activities WHERE kind = 'token'`,
    );
    const has = (wanted: Record<string, string>): void =>
      assert.ok(
        rows.some((row) => Object.entries(wanted).every(([key, value]) => row[key] === value)),
        `${JSON.stringify(wanted)} of ${JSON.stringify(rows)}`,
      );
    for (const name of ['app-service', 'imds', 'arc', 'unix']) has({ action: 'issued', interface: name });
    for (const name of ['app', 'agent', 'agentUser', 'federated', 'managed', 'chained', 'host']) {
      has({ action: 'issued', identity_name: name });
    }
    for (const name of ['http-bearer', 'http-saml', 'http-token-response']) has({ interface: name });
    has({ action: 'observed', suspicious: 'true' });
    const login = record.commands.find(({ operation, protocol }) => operation === 'LOGIN' && protocol === 'postgresql');
    assert.equal(login?.status, 'ok');
    assert.ok(scene.crossed > 15, `${scene.crossed} tokens and assertions were seen at Entra`);
    assert.deepEqual(record.losses, []);
  });

  it('stand nowhere', () => {
    for (const [place, content] of places) assert.deepEqual(sightings(place, content, scene.secrets), []);
  });

  it('were looked for where the rest of what was said is', () => {
    for (const place of ['wire', 'table activities', 'table commands']) assert.ok(holdsMarker(place), place);
    assert.ok([...places.keys()].some((place) => place.startsWith(join('agent', 'journal')) && holdsMarker(place)));
    for (const name of ['agent.log', 'collector.log', 'token-ledger.jsonl', 'agent-id', 'sessions.json']) {
      assert.ok((places.get(placeOf(name))?.length ?? 0) > 0, name);
    }
    const definitions = [...places.keys()].filter((place) => place.startsWith(TABLES) && place.endsWith('.sql'));
    assert.ok(definitions.length > 5);
    // What is compressed on disk was read by its table: there is one database, and each table of it was read.
    for (const place of definitions) {
      const name = basename(place, '.sql');
      assert.ok(name === 'sworn' || places.has(`table ${name}`), place);
    }
  });

  it('would be found there, each of them, in each way to write it', () => {
    for (const place of ['wire', 'table activities', placeOf('agent.log'), placeOf('token-ledger.jsonl')]) {
      const content = places.get(place) as Buffer;
      const at = content.length >> 1;
      const [head, tail] = [content.subarray(0, at), content.subarray(at)];
      for (const [name, secret] of scene.secrets) {
        const only = new Map([[name, secret]]);
        for (const [way, written] of waysToWrite(secret)) {
          const planted = Buffer.concat([head.subarray(-4096), Buffer.from(`"x${written}y"`), tail.subarray(0, 4096)]);
          assert.ok(sightings(place, planted, only).length > 0, `${name}, ${way}, in ${place}`);
        }
      }
    }
  });

  const holdsMarker = (place: string): boolean => places.get(place)?.includes(scene.marker) === true;

  function placeOf(name: string): string {
    const place = [...places.keys()].find((one) => basename(one) === name);
    assert.ok(place !== undefined, `there is no ${name}`);
    return place;
  }
});

const TABLES = join('collector', 'store', 'tables');
/** What the programs of the test itself print, and the keys that it gives out, are nobody's record. */
const OF_THE_TEST = /^workload-\d+\.(?:in|out|err)$/;

/** Files of agent and collector, by their path. */
function kept({ recording: { folder } }: TokenScene): [string, Buffer][] {
  return [...contentsBelow(folder)].filter(([name]) => !OF_THE_TEST.test(name));
}

/** Every column of every row of every table and view, a line for each value and for each key of a map. */
async function tables({ recording: { client } }: TokenScene): Promise<Map<string, Buffer>> {
  const found = await client.rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = 'sworn' AND NOT is_temporary`,
  );
  assert.ok(found.length > 5, `only ${found.map(({ name }) => name).join()}`);
  const dumps = new Map<string, Buffer>();
  for (const { name } of found) {
    const lines: string[] = [];
    const take = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) lines.push(String(value));
      else {
        // Also the keys: attributes are a map.
        lines.push(...Object.keys(value));
        Object.values(value).forEach(take);
      }
    };
    (await client.rows<object>(`SELECT * FROM sworn.\`${name}\``)).forEach(take);
    dumps.set(`table ${name}`, Buffer.from(lines.join('\n')));
  }
  return dumps;
}
