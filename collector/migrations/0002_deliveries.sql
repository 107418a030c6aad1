-- SPDX-License-Identifier: Apache-2.0
--
-- What became of each alert at each sink. After a restart, alerts without an end here are delivered again.

CREATE TABLE IF NOT EXISTS sworn.deliveries{{local}} {{on_cluster}}
(
    time DateTime64(3, 'UTC') COMMENT 'When the attempt ended, by the collector''s clock.' CODEC(Delta, ZSTD(1)),
    alert_id String COMMENT 'The alert.' CODEC(ZSTD(1)),
    sink LowCardinality(String) COMMENT 'Name of the sink in the configuration.' CODEC(ZSTD(1)),
    attempt UInt32 COMMENT '1 for the first, counted anew after a restart.' CODEC(ZSTD(1)),
    outcome LowCardinality(String) COMMENT 'delivered, failed (will be tried again) or given_up.' CODEC(ZSTD(1)),
    detail String COMMENT 'What the sink answered, short.' CODEC(ZSTD(1))
)
ENGINE = {{merge_tree:deliveries}}
PARTITION BY toYYYYMM(time)
ORDER BY (alert_id, sink, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Attempts to deliver alerts to sinks.';

-- @cluster
CREATE TABLE IF NOT EXISTS sworn.deliveries {{on_cluster}} AS sworn.deliveries{{local}}
ENGINE = Distributed({{cluster}}, sworn, deliveries{{local}}, cityHash64(alert_id));
