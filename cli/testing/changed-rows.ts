// SPDX-License-Identifier: Apache-2.0

/** What somebody with all rights on ClickHouse does to the record: SQL of the writer, waited for. */
import { connect } from '../../collector/store/clickhouse/client.ts';
import { WRITER_ROLE } from '../../collector/store/clickhouse/engine/engine-config.ts';

export interface ChangedRows {
  run(sql: string): Promise<void>;
  /** Remembers by a name what these tables have now. What is called puts them back to it, without copying a row. */
  keep(name: string, tables: readonly string[]): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export function changeRows(engine: { readonly socketPath: string; readonly incomingFolder: string }): ChangedRows {
  const { socketPath, incomingFolder } = engine;
  const client = connect({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, 2);
  const run = async (sql: string): Promise<void> => {
    await client.command({ query: sql, clickhouse_settings: { mutations_sync: '2' } });
  };
  return {
    run,
    async keep(name, tables) {
      for (const table of tables) {
        await run(`CREATE TABLE sworn.${name}_${table} AS sworn.${table}`);
        await run(`ALTER TABLE sworn.${name}_${table} ATTACH PARTITION ALL FROM sworn.${table}`);
      }
      return async () => {
        for (const table of tables) {
          await run(`ALTER TABLE sworn.${table} DROP PARTITION ALL`);
          await run(`ALTER TABLE sworn.${table} ATTACH PARTITION ALL FROM sworn.${name}_${table}`);
        }
      };
    },
    close: () => client.close(),
  };
}
