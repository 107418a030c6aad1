-- SPDX-License-Identifier: Apache-2.0
--
-- The sealed record: each agent's activities, and the collector's own, are a log (RFC 6962). Here are its signed
-- checkpoints, the keys that sign them, and whole tiles of its tree. Nothing here is ever taken out: a conflict of two
-- checkpoints is evidence.

CREATE TABLE IF NOT EXISTS sworn.checkpoints{{local}} {{on_cluster}}
(
    agent_id LowCardinality(String) COMMENT 'Whose log: an agent, or the collector whose own rows they are.' CODEC(ZSTD(1)),
    size UInt64 COMMENT 'How many leaves the tree has: it covers seq 1 to this one. 0 where no size can be read.' CODEC(DoubleDelta, ZSTD(1)),
    root_bytes FixedString(32) COMMENT 'Root of the tree there, as the checkpoint says.' CODEC(NONE),
    time DateTime64(3, 'UTC') COMMENT 'When the collector judged it, by the collector''s clock.' CODEC(Delta, ZSTD(1)),
    verdict LowCardinality(String) COMMENT 'cosigned: it is the root of what is stored. forked, rolled_back, key_changed, bad_signature, wrong_root: it is not, and the note is the proof.' CODEC(ZSTD(1)),
    note String COMMENT 'The checkpoint as a C2SP signed note, with all its signatures.' CODEC(ZSTD(1)),
    subtrees Array(FixedString(32)) COMMENT 'Roots of the complete subtrees at this size, the largest first; only where verdict is cosigned.' CODEC(NONE),
    reason String COMMENT 'What is wrong, in a sentence; a note that it conflicts with stands behind it.' CODEC(ZSTD(1))
)
ENGINE = {{merge_tree:checkpoints}}
ORDER BY (agent_id, size, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Checkpoints of every log: how far it goes and the root of its tree there, signed by its agent, cosigned by the collector and witnesses.';

-- @cluster
CREATE TABLE IF NOT EXISTS sworn.checkpoints {{on_cluster}} AS sworn.checkpoints{{local}}
ENGINE = Distributed({{cluster}}, sworn, checkpoints{{local}}, cityHash64(agent_id));

CREATE TABLE IF NOT EXISTS sworn.log_keys{{local}} {{on_cluster}}
(
    agent_id LowCardinality(String) COMMENT 'Whose key: an agent, a collector or a witness.' CODEC(ZSTD(1)),
    verifier String COMMENT 'The key as C2SP signed-note writes it: <name>+<key id>+<base64>. Empty: from now on without a key.' CODEC(ZSTD(1)),
    origin LowCardinality(String) COMMENT 'first_seen: with the first Hello under the agent''s certificate. accepted: by a person. own: a collector''s. witness.' CODEC(ZSTD(1)),
    time DateTime64(3, 'UTC') COMMENT 'Since when, by the collector''s clock.' CODEC(Delta, ZSTD(1))
)
ENGINE = {{merge_tree:log_keys}}
ORDER BY (agent_id, time)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Keys of the logs. Of first_seen and accepted the latest is the one that counts; of own all count.';

-- @cluster
CREATE TABLE IF NOT EXISTS sworn.log_keys {{on_cluster}} AS sworn.log_keys{{local}}
ENGINE = Distributed({{cluster}}, sworn, log_keys{{local}}, cityHash64(agent_id));

CREATE TABLE IF NOT EXISTS sworn.log_tiles{{local}} {{on_cluster}}
(
    agent_id LowCardinality(String) COMMENT 'Whose log.' CODEC(ZSTD(1)),
    level UInt8 COMMENT 'Level of the tile (C2SP tlog-tiles): its hashes are of 256^level leaves each. Level 0 only where rows were removed by retention.' CODEC(ZSTD(1)),
    `index` UInt64 COMMENT 'Which of that level, from the left.' CODEC(DoubleDelta, ZSTD(1)),
    hashes String COMMENT 'Its hashes, 32 bytes each: 256 of them, or fewer at level 0 where the rows end.' CODEC(NONE),
    time DateTime64(3, 'UTC') COMMENT 'When it was written; of several of the same place each is right.' CODEC(Delta, ZSTD(1))
)
ENGINE = {{merge_tree:log_tiles}}
ORDER BY (agent_id, level, `index`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Tiles of the trees: what proofs are made of without reading every row.';

-- @cluster
CREATE TABLE IF NOT EXISTS sworn.log_tiles {{on_cluster}} AS sworn.log_tiles{{local}}
ENGINE = Distributed({{cluster}}, sworn, log_tiles{{local}}, cityHash64(agent_id));
