-- SPDX-License-Identifier: Apache-2.0
--
-- Which stream of an agent its activities are taken from, where several collectors share these tables. An insert of activities
-- fails as a whole when an agent of its block has been claimed since (collector/store/clickhouse/claim-desk.ts).
--
-- Older claims of an agent are merged away: one row an agent stays, however often it connects.

CREATE TABLE IF NOT EXISTS sworn.claims{{local}} {{on_cluster}}
(
    agent_id String COMMENT 'Whose activities: an agent, or the collector whose own rows they are.' CODEC(ZSTD(1)),
    number UInt64 COMMENT 'One more than the highest there was when it was made. The greatest (number, ticket) of an agent has it.' CODEC(T64, ZSTD(1)),
    ticket UInt64 COMMENT 'Random: what an insert names as the claim that it is made under.' CODEC(NONE),
    collector_id LowCardinality(String) COMMENT 'The collector that the stream came to.' CODEC(ZSTD(1)),
    claimed_at DateTime64(3, 'UTC') COMMENT 'When, by ClickHouse''s clock. Nothing is decided by it.' CODEC(Delta, ZSTD(1))
)
ENGINE = {{replacing_merge_tree:claims:number}}
ORDER BY agent_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Which collector has an agent: its activities are stored under the newest claim alone.';

-- @cluster
CREATE TABLE IF NOT EXISTS sworn.claims {{on_cluster}} AS sworn.claims{{local}}
ENGINE = Distributed({{cluster}}, sworn, claims{{local}}, cityHash64(agent_id));
