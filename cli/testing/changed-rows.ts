// SPDX-License-Identifier: Apache-2.0

/** What somebody with all rights on ClickHouse does to the record: SQL of the writer, waited for. */
import { connect } from '../../collector/store/clickhouse/client.ts';
import { WRITER_ROLE } from '../../collector/store/clickhouse/engine/engine-config.ts';

export interface ChangedRows {
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

export function changeRows(engine: { readonly socketPath: string; readonly incomingFolder: string }): ChangedRows {
  const { socketPath, incomingFolder } = engine;
  const client = connect({ engine: { socketPath, incomingFolder, role: WRITER_ROLE } }, 2);
  return {
    async run(sql) {
      await client.command({ query: sql, clickhouse_settings: { mutations_sync: '2' } });
    },
    close: () => client.close(),
  };
}
