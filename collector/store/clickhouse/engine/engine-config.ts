// SPDX-License-Identifier: Apache-2.0

/**
 * The embedded engine's configuration files. The engine has one user with two roles: `writer` for the collector's own work,
 * `reader` for people's SQL, which may read the database `sworn` and nothing else. Neither may reach URLs, S3, other
 * databases or executables. The writer may read files, because batches reach the engine as files (batch-source.ts).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface EngineSettings {
  /** Bound on the engine's memory; a query that would pass it is stopped. */
  readonly memoryBytesMax: number;
}

export const READER_ROLE = 'reader';
export const WRITER_ROLE = 'writer';

const GRANTS: Readonly<Record<string, readonly string[]>> = {
  [READER_ROLE]: ['GRANT SELECT ON sworn.*'],
  [WRITER_ROLE]: [
    'GRANT SELECT, INSERT, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, ALTER, OPTIMIZE ON sworn.*',
    'GRANT CREATE TEMPORARY TABLE, FILE ON *.*',
  ],
};

function configXml(settings: EngineSettings): string {
  return `<clickhouse>
  <max_server_memory_usage>${Math.floor(settings.memoryBytesMax)}</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_mark_cache_size>33554432</index_mark_cache_size>
  <mmap_cache_size>64</mmap_cache_size>
  <background_pool_size>2</background_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <max_thread_pool_size>256</max_thread_pool_size>
  <timezone>UTC</timezone>
</clickhouse>
`;
}

function grantsXml(grants: readonly string[]): string {
  return `<grants>${grants.map((grant) => `<query>${grant}</query>`).join('')}</grants>`;
}

function usersXml(): string {
  const roles = Object.entries(GRANTS).map(([role, grants]) => `    <${role}>${grantsXml(grants)}</${role}>`);
  return `<clickhouse>
  <profiles><default/></profiles>
  <roles>
${roles.join('\n')}
  </roles>
  <users>
    <default>
      <password/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      ${grantsXml([`GRANT ${Object.keys(GRANTS).join(', ')}`])}
    </default>
  </users>
  <quotas><default/></quotas>
</clickhouse>
`;
}

/** Write the files into a folder of the engine's own and give the arguments that point to them. */
export function writeEngineConfig(folder: string, settings: EngineSettings): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const config = join(folder, 'config.xml');
  const users = join(folder, 'users.xml');
  writeFileSync(config, configXml(settings), { mode: 0o600 });
  writeFileSync(users, usersXml(), { mode: 0o600 });
  return [`--config-file=${config}`, `--users_config=${users}`];
}
