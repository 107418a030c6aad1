// SPDX-License-Identifier: Apache-2.0

/** An event store for tests: embedded in a folder of its own, or the server that SWORN_TEST_CLICKHOUSE_URL names. */
import { ClickHouseEventStore } from '../store/clickhouse/clickhouse-event-store.ts';
import type { ClickHouseAddress } from '../store/clickhouse/client.ts';
import { READER_ROLE, WRITER_ROLE } from '../store/clickhouse/engine/engine-config.ts';
import { EngineProcess } from '../store/clickhouse/engine/engine-process.ts';
import type { EventStore, QueryLimits } from '../store/event-store.ts';
import { createLog } from '../telemetry/log.ts';
import { ServerStandIn, STAND_IN_USERS } from './server-stand-in.ts';
import { removeFolder, temporaryFolder } from './test-collector.ts';

export const TEST_LIMITS: QueryLimits = { seconds: 2, rows: 500_000, bytes: 100 << 20, memoryBytes: 512 << 20 };

export interface TestStore {
  readonly store: EventStore;
  readonly engine: EngineProcess | undefined;
  /** For other stores over the same tables; undefined for a server. */
  readonly address?: ClickHouseAddress;
  readonly dataFolder?: string;
  /** Another client of the same tables, as after a restart of the collector. */
  again(): EventStore;
  stop(): Promise<void>;
}

function storeAt(writer: ClickHouseAddress, reader: ClickHouseAddress, limits: QueryLimits): EventStore {
  return new ClickHouseEventStore({
    writer,
    reader,
    topology: { kind: 'single' },
    collectorId: 'test-collector',
    limits,
  });
}

async function startEngine(): Promise<{ engine: EngineProcess; folder: string; stop: () => Promise<void> }> {
  const folder = temporaryFolder();
  const log = createLog((process.env['SWORN_TEST_LOG'] ?? 'silent') as 'silent');
  const engine = new EngineProcess({ dataFolder: folder, memoryBytesMax: 2 ** 31, log });
  await engine.start();
  const stop = async () => {
    await engine.stop();
    removeFolder(folder);
  };
  return { engine, folder, stop };
}

export async function startEmbeddedStore(limits = TEST_LIMITS): Promise<TestStore> {
  const { engine, folder, stop } = await startEngine();
  const { socketPath, incomingFolder } = engine;
  const as = (role: string) => ({ engine: { socketPath, incomingFolder, role } });
  const again = () => storeAt(as(WRITER_ROLE), as(READER_ROLE), limits);
  const store = again();
  await store.open();
  return {
    store,
    engine,
    address: as(WRITER_ROLE),
    dataFolder: folder,
    again,
    async stop() {
      await store.close();
      await stop();
    },
  };
}

/** The way to a server, with a stand-in at its end. */
export async function startStandInStore(limits = TEST_LIMITS): Promise<TestStore> {
  const { engine, stop } = await startEngine();
  const standIn = new ServerStandIn(engine);
  const url = await standIn.listen();
  const as = (username: string) => ({ server: { url, username, password: STAND_IN_USERS[username]!.password } });
  const again = () => storeAt(as('collector'), as('analyst'), limits);
  const store = again();
  await store.open();
  return {
    store,
    engine,
    again,
    async stop() {
      await store.close();
      standIn.close();
      await stop();
    },
  };
}

/** Undefined when no server is named. The database `sworn` of that server is used, and must be there for tests only. */
export async function startServerStore(limits = TEST_LIMITS): Promise<TestStore | undefined> {
  const url = process.env['SWORN_TEST_CLICKHOUSE_URL'];
  if (url === undefined) return undefined;
  const { username, password, origin } = new URL(url);
  const address = { server: { url: origin, username: username || 'default', password } };
  const store = storeAt(address, address, limits);
  await store.open();
  return { store, engine: undefined, again: () => storeAt(address, address, limits), stop: () => store.close() };
}

/** What a query answers, read to its end. */
export async function readAnswer(
  store: EventStore,
  sql: string,
  format: Parameters<EventStore['query']>[0]['format'] = 'JSONEachRow',
  parameters?: Readonly<Record<string, string | number>>,
): Promise<string> {
  const { stream } = await store.query({ sql, format, ...(parameters === undefined ? {} : { parameters }) });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks).toString('utf8');
}

export async function readRows<Row>(
  store: EventStore,
  sql: string,
  parameters?: Readonly<Record<string, string | number>>,
): Promise<Row[]> {
  const text = await readAnswer(store, sql, 'JSONEachRow', parameters);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}
