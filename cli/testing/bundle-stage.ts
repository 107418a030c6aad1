// SPDX-License-Identifier: Apache-2.0

/** A sealed record with a session between another's activities, and bundles of it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { AnswerFormat } from '../../collector/store/event-store.ts';
import { makeActivity } from '../../collector/testing/activity-maker.ts';
import { removeFolder, temporaryFolder } from '../../collector/testing/test-collector.ts';
import { readRows, startEmbeddedStore } from '../../collector/testing/test-store.ts';
import type { ActivityProperties } from '../../proto/leaf.ts';
import { sworn } from '../../proto/record.ts';
import { type BundleManifest, MANIFEST } from '../audit/bundle-format.ts';
import { CollectorRecord, type RecordClient } from '../audit/collector-record.ts';
import { readCompleteness } from '../audit/completeness.ts';
import { makeBundle } from '../audit/make-bundle.ts';
import { SessionRows } from '../audit/session-rows.ts';
import type { CollectorClient } from '../collector-client.ts';
import { type ChangedRows, changeRows } from './changed-rows.ts';
import { COLLECTOR, SealedRecord } from './sealed-record.ts';

export const SESSION = 's-one';
export const AGENT = 'a-1';
export const HOSTILE_STATEMENT =
  '</script><script>document.title="taken"</script><img src=x onerror="document.title=\'taken\'"><!-- \u2028\u2029 \u202e ]]> `';

/** Everything that is said of a session, by a recorder that counts what it says. */
export function sessionActivities(commands: number): ActivityProperties[] {
  const made = Array.from({ length: commands * 4 }, (_, at) => makeActivity(at + 1)).filter(
    ({ command }) => command != null,
  );
  const mine = made.slice(0, commands).map((activity, at) => ({
    ...activity,
    sessionId: SESSION,
    ...(at === 3
      ? {
          command: {
            ...activity.command,
            statement: HOSTILE_STATEMENT,
            attributes: { __proto__x: 'a', ['__proto__']: 'b' },
          },
        }
      : {}),
  }));
  const session = (action: number, more = {}) => ({
    ...makeActivity(1),
    sessionId: SESSION,
    command: null,
    process: null,
    connection: null,
    session: { action, commandLine: `psql -c '${HOSTILE_STATEMENT}'`, ...more },
  });
  const { ACTION_STARTED, ACTION_ENDED } = sworn.v1.Session.Action;
  return [session(ACTION_STARTED), ...mine, session(ACTION_ENDED, { commands })] as ActivityProperties[];
}

export interface BundleStage {
  readonly record: SealedRecord;
  readonly change: ChangedRows;
  readonly folder: string;
  readonly client: RecordClient;
  /** Path of a bundle's folder. */
  bundle(
    name: string,
    more?: { withoutPayload?: boolean; withOthers?: boolean; pageBytesMax?: number },
  ): Promise<string>;
}

export async function startBundleStage(t: { after(end: () => Promise<void>): void }): Promise<BundleStage> {
  const store = await startEmbeddedStore();
  const change = changeRows(store.engine!);
  const folder = temporaryFolder();
  t.after(async () => {
    await change.close();
    await store.stop();
    removeFolder(folder);
  });
  const record = new SealedRecord(store, change);
  await record.start();
  const others = (count: number, from: number) =>
    Array.from({ length: count }, (_, at) => ({ ...makeActivity(from + at), sessionId: 's-other' }));
  // Sealed in front of it, between, and behind it; with whole tiles between.
  await record.add(AGENT, others(300, 1));
  await record.seal(AGENT);
  const mine = sessionActivities(40);
  await record.add(AGENT, mine.slice(0, 21));
  await record.add(AGENT, others(700, 1_000));
  await record.add(AGENT, [
    {
      ...makeActivity(5),
      command: null,
      process: null,
      connection: null,
      sessionId: '',
      loss: { where: 'ring', reason: 'ring_full', events: 7, bytes: 9 },
    } as ActivityProperties,
  ]);
  await record.seal(AGENT);
  await record.add(AGENT, mine.slice(21));
  await record.add(AGENT, others(50, 5_000));
  await record.seal(AGENT);
  await record.add(COLLECTOR, [
    {
      ...makeActivity(9),
      sessionId: 's-other',
      command: null,
      process: null,
      connection: null,
      finding: { kind: 'x', message: 'of another' },
    } as ActivityProperties,
    {
      ...makeActivity(9),
      sessionId: SESSION,
      command: null,
      process: null,
      connection: null,
      alert: { alertId: 'ab12', summary: HOSTILE_STATEMENT, level: 'high', matchedAgentId: AGENT, matchedSeq: 305 },
    } as ActivityProperties,
  ]);
  await record.seal(COLLECTOR);
  const client = {
    rows: <T>(sql: string, parameters?: Readonly<Record<string, string | number>>) =>
      readRows<T>(store.store, sql, parameters),
    async query(sql: string, format: string, parameters: Readonly<Record<string, string | number>> = {}) {
      const { stream } = await store.store.query({ sql, format: format as AnswerFormat, parameters });
      return new Response(Readable.toWeb(stream) as never);
    },
    async stream(sql: string, format: string, parameters: Readonly<Record<string, string | number>> = {}) {
      return (await store.store.query({ sql, format: format as AnswerFormat, parameters })).stream;
    },
  };
  return {
    record,
    change,
    folder,
    client,
    async bundle(name, more = {}) {
      const path = join(folder, name);
      mkdirSync(path);
      await makeBundle({
        source: new CollectorRecord(client),
        rows: new SessionRows(client, SESSION),
        session: SESSION,
        folder: path,
        withoutPayload: false,
        withOthers: false,
        completeness: await readCompleteness(client as unknown as CollectorClient, { sessionId: SESSION }),
        madeBy: 'sworn test',
        onProgress: () => {},
        ...more,
      });
      return path;
    },
  };
}

export const manifestOf = (path: string): BundleManifest =>
  JSON.parse(readFileSync(join(path, MANIFEST), 'utf8')) as BundleManifest;

export const writeManifest = (path: string, manifest: unknown): void =>
  writeFileSync(join(path, MANIFEST), JSON.stringify(manifest));
