-- SPDX-License-Identifier: Apache-2.0
--
-- The record. One flat table holds every kind of activity, so that an insert of a batch is one atomic act.
--
-- Sorted by (agent_id, seq): the order in which an agent wrote, so that its highest seq is found in a few granules and
-- neighbours compress well. Partitioned by the day of receipt, which the collector sets once for a whole insert: one
-- insert is then always one part in one partition, whatever times an agent claims, and old days are dropped whole.
-- Time ranges are found by the minmax index on `time`, which follows seq closely.
--
-- fsync on insert: what is acknowledged to an agent is on the disk, not only in the page cache.
--
-- Parts of up to 128 MiB (uncompressed; more than any insert has) keep all columns in one file: with a file for each of 100
-- columns an insert of 25,000 rows takes five times the processor time, most of it for opening and syncing them.

CREATE DATABASE IF NOT EXISTS sworn {{on_cluster}};

CREATE TABLE IF NOT EXISTS sworn.activities{{local}} {{on_cluster}}
(
    agent_id LowCardinality(String) COMMENT 'Who recorded it: the name in the agent''s certificate; for alerts and the collector''s own notes, the collector.' CODEC(ZSTD(1)),
    seq UInt64 COMMENT 'Position in that agent''s record: 1, 2, 3, … without a hole. (agent_id, seq) is unique.' CODEC(DoubleDelta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'command, process, connection, token, loss, session, recorder or alert.' CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When the collector stored it, by the collector''s clock.' CODEC(Delta, ZSTD(1)),
    time DateTime64(9, 'UTC') COMMENT 'When it began, by the clock of the host.' CODEC(Delta, ZSTD(1)),
    end_time DateTime64(9, 'UTC') COMMENT 'When it ended; equal to time for what has no length.' CODEC(Delta, ZSTD(1)),
    host LowCardinality(String) COMMENT 'Name of the host that the agent runs on.' CODEC(ZSTD(1)),
    session_id String COMMENT 'The run of the workload it belongs to; empty for what a recorder says of itself.' CODEC(ZSTD(1)),
    workload LowCardinality(String) COMMENT 'Name of the workload.' CODEC(ZSTD(1)),
    identity_id LowCardinality(String) COMMENT 'Object id of the Entra identity that acted.' CODEC(ZSTD(1)),
    identity_name LowCardinality(String) COMMENT 'Its name, as configured or as its token says.' CODEC(ZSTD(1)),
    identity_state LowCardinality(String) COMMENT 'How sure the identity is: none, policy, verified, unverifiable or invalid.' CODEC(ZSTD(1)),
    identity_source LowCardinality(String) COMMENT 'How it is known: none, policy, broker or wire.' CODEC(ZSTD(1)),
    token_id String COMMENT 'Entra''s uti of the token that the identity is known by.' CODEC(ZSTD(1)),
    pid UInt32 COMMENT 'Process id, as the host numbers it.' CODEC(Delta, ZSTD(1)),
    process_id String COMMENT 'The same for the life of a process and unique on a host, where pids are used again.' CODEC(ZSTD(1)),
    exe LowCardinality(String) COMMENT 'Path of the program.' CODEC(ZSTD(1)),
    connection_id String COMMENT 'The connection that it crossed.' CODEC(ZSTD(1)),
    salt_bytes FixedString(16) COMMENT 'Random bytes that salt the payload digests; `salt` is the same as hex.' CODEC(NONE),
    leaf_bytes FixedString(32) COMMENT 'SHA-256 that binds all of the activity; `leaf` is the same as hex.' CODEC(NONE),

    protocol LowCardinality(String) COMMENT 'command: postgresql, http, … connection: what its bytes were taken for; unknown when no decoder knew them.' CODEC(ZSTD(1)),
    role LowCardinality(String) COMMENT 'command, connection: which end the workload is, client or server.' CODEC(ZSTD(1)),
    tls LowCardinality(String) COMMENT 'command, connection: TLS version when encrypted and read.' CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) COMMENT 'command, connection, recorder: what else there is to say: headers, portal, notices, …' CODEC(ZSTD(1)),
    truncated Bool COMMENT 'command: request or response was cut at a bound; the digests are of the whole. process: argv was cut.' CODEC(ZSTD(1)),
    error_code LowCardinality(String) COMMENT 'command: SQLSTATE, HTTP status, … connection: name of the errno that ended it.' CODEC(ZSTD(1)),

    operation LowCardinality(String) COMMENT 'command: the protocol''s own verb: SELECT, DELETE, GET, …' CODEC(ZSTD(1)),
    target LowCardinality(String) COMMENT 'command: where it went: database@host:port, authority, …' CODEC(ZSTD(1)),
    resource String COMMENT 'command: what it touched: tables, path, …' CODEC(ZSTD(1)),
    statement String COMMENT 'command: as a person would read it.' CODEC(ZSTD(3)),
    statement_shape String COMMENT 'command: the statement in lower case without comments and literals; equal statements share it.' CODEC(ZSTD(1)),
    parameters String COMMENT 'command: JSON of bound parameters or query parameters.' CODEC(ZSTD(3)),
    request String COMMENT 'command: what was sent, up to the configured bound.' CODEC(ZSTD(3)),
    response String COMMENT 'command: what came back, up to the configured bound.' CODEC(ZSTD(3)),
    status LowCardinality(String) COMMENT 'command: ok, error or unknown.' CODEC(ZSTD(1)),
    error_message String COMMENT 'command: the protocol''s own message.' CODEC(ZSTD(1)),
    rows Nullable(UInt64) COMMENT 'command: rows affected or returned; NULL where the protocol does not count them.' CODEC(ZSTD(1)),
    duration_ns UInt64 COMMENT 'command: from the first request byte to the last reply byte.' CODEC(T64, ZSTD(1)),
    request_bytes UInt64 COMMENT 'command: bytes on the wire, decrypted.' CODEC(T64, ZSTD(1)),
    response_bytes UInt64 COMMENT 'command: bytes on the wire, decrypted.' CODEC(T64, ZSTD(1)),
    request_payload_bytes UInt64 COMMENT 'command: size of the whole request; more than is kept when truncated.' CODEC(T64, ZSTD(1)),
    response_payload_bytes UInt64 COMMENT 'command: size of the whole response; more than is kept when truncated.' CODEC(T64, ZSTD(1)),
    request_sha256_bytes FixedString(32) COMMENT 'command: digest of the whole request; `request_sha256` is the same as hex.' CODEC(ZSTD(1)),
    response_sha256_bytes FixedString(32) COMMENT 'command: digest of the whole response; `response_sha256` is the same as hex.' CODEC(ZSTD(1)),

    action LowCardinality(String) COMMENT 'process: fork, exec, exit, joined. connection: opened, closed, failed. token: issued, refused, observed. session: started, ended. recorder: started, stopped, heartbeat.' CODEC(ZSTD(1)),
    reason LowCardinality(String) COMMENT 'token: why it was refused or could not be verified. loss: the cause, a stable word.' CODEC(ZSTD(1)),
    exit_code UInt32 COMMENT 'process exit, session end: the exit code.' CODEC(ZSTD(1)),
    signal UInt32 COMMENT 'process exit, session end: the signal that ended it, or 0.' CODEC(ZSTD(1)),

    parent_pid UInt32 COMMENT 'process: pid of its parent.' CODEC(ZSTD(1)),
    parent_process_id String COMMENT 'process: process_id of its parent.' CODEC(ZSTD(1)),
    argv Array(String) COMMENT 'process: arguments, the program''s name first.' CODEC(ZSTD(1)),
    argv_bytes UInt32 COMMENT 'process: all bytes of the arguments as the kernel holds them.' CODEC(ZSTD(1)),
    cwd String COMMENT 'process: working directory.' CODEC(ZSTD(1)),
    uid UInt32 COMMENT 'process: user id.' CODEC(ZSTD(1)),
    gid UInt32 COMMENT 'process: group id.' CODEC(ZSTD(1)),
    login_uid UInt32 COMMENT 'process: audit login uid; 4294967295 when unset.' CODEC(ZSTD(1)),
    cgroup String COMMENT 'process: control group.' CODEC(ZSTD(1)),
    container_id String COMMENT 'process: container, if it is in one.' CODEC(ZSTD(1)),
    core_dumped Bool COMMENT 'process: its end left a core dump.' CODEC(ZSTD(1)),

    transport LowCardinality(String) COMMENT 'connection: tcp, udp or unix.' CODEC(ZSTD(1)),
    local_address String COMMENT 'connection: address, or the path of a unix socket.' CODEC(ZSTD(1)),
    local_port UInt16 COMMENT 'connection: local port.' CODEC(ZSTD(1)),
    remote_address String COMMENT 'connection: address, or the path of a unix socket.' CODEC(ZSTD(1)),
    remote_port UInt16 COMMENT 'connection: remote port.' CODEC(ZSTD(1)),
    server_name String COMMENT 'connection: the name asked for in the TLS handshake.' CODEC(ZSTD(1)),
    joined_late Bool COMMENT 'connection: it was open before recording began; earlier bytes are not in the counts.' CODEC(ZSTD(1)),
    sent_moved UInt64 COMMENT 'connection: bytes sent by the socket''s own counters = decoded + not_understood + unreadable + cut + lost.' CODEC(T64, ZSTD(1)),
    sent_decoded UInt64 COMMENT 'connection: of these, decoded.' CODEC(T64, ZSTD(1)),
    sent_not_understood UInt64 COMMENT 'connection: seen, and no decoder understood them.' CODEC(T64, ZSTD(1)),
    sent_unreadable UInt64 COMMENT 'connection: encrypted, without a key.' CODEC(T64, ZSTD(1)),
    sent_cut UInt64 COMMENT 'connection: beyond a configured bound.' CODEC(T64, ZSTD(1)),
    sent_lost UInt64 COMMENT 'connection: missed; the losses say why.' CODEC(T64, ZSTD(1)),
    received_moved UInt64 COMMENT 'connection: bytes received; the sum as for sent.' CODEC(T64, ZSTD(1)),
    received_decoded UInt64 COMMENT 'connection: of these, decoded.' CODEC(T64, ZSTD(1)),
    received_not_understood UInt64 COMMENT 'connection: seen, and no decoder understood them.' CODEC(T64, ZSTD(1)),
    received_unreadable UInt64 COMMENT 'connection: encrypted, without a key.' CODEC(T64, ZSTD(1)),
    received_cut UInt64 COMMENT 'connection: beyond a configured bound.' CODEC(T64, ZSTD(1)),
    received_lost UInt64 COMMENT 'connection: missed; the losses say why.' CODEC(T64, ZSTD(1)),

    fingerprint String COMMENT 'token: SHA-256 of the compact token, hex. The token itself is never kept.' CODEC(ZSTD(1)),
    audience LowCardinality(String) COMMENT 'token: whom it is for.' CODEC(ZSTD(1)),
    tenant_id LowCardinality(String) COMMENT 'token: Entra tenant.' CODEC(ZSTD(1)),
    claims String COMMENT 'token: JSON of its claims, without anything that could be replayed.' CODEC(ZSTD(1)),
    issued_at DateTime64(9, 'UTC') COMMENT 'token: when it was issued.' CODEC(Delta, ZSTD(1)),
    expires_at DateTime64(9, 'UTC') COMMENT 'token: when it expires.' CODEC(Delta, ZSTD(1)),
    interface LowCardinality(String) COMMENT 'token: how it was asked for, or where it was seen.' CODEC(ZSTD(1)),

    place LowCardinality(String) COMMENT 'loss: where: ring, flow, journal, recorder, decoder, delivery, …' CODEC(ZSTD(1)),
    events UInt64 COMMENT 'loss: how many events.' CODEC(ZSTD(1)),
    bytes UInt64 COMMENT 'loss: how many bytes.' CODEC(ZSTD(1)),
    direction LowCardinality(String) COMMENT 'loss: sent or received, when it is bytes of a connection.' CODEC(ZSTD(1)),
    message String COMMENT 'loss: a sentence for a person.' CODEC(ZSTD(1)),

    selected_by LowCardinality(String) COMMENT 'session: how the workload was chosen: run, cgroup, exe, uid.' CODEC(ZSTD(1)),
    command_line String COMMENT 'session: the command that started it.' CODEC(ZSTD(1)),
    session_processes UInt64 COMMENT 'session end: processes, as the agent counted them.' CODEC(ZSTD(1)),
    session_commands UInt64 COMMENT 'session end: commands, as the agent counted them.' CODEC(ZSTD(1)),
    session_losses UInt64 COMMENT 'session end: losses, as the agent counted them.' CODEC(ZSTD(1)),

    version LowCardinality(String) COMMENT 'recorder: version of the agent.' CODEC(ZSTD(1)),
    kernel LowCardinality(String) COMMENT 'recorder: kernel release of the host.' CODEC(ZSTD(1)),
    boot_id LowCardinality(String) COMMENT 'recorder: id of this boot of the host.' CODEC(ZSTD(1)),

    alert_id String COMMENT 'alert: made from rule, agent and seq, so the same match has the same id.' CODEC(ZSTD(1)),
    rule_id LowCardinality(String) COMMENT 'alert: id of the rule.' CODEC(ZSTD(1)),
    rule_title LowCardinality(String) COMMENT 'alert: title of the rule.' CODEC(ZSTD(1)),
    level LowCardinality(String) COMMENT 'alert: informational, low, medium, high or critical.' CODEC(ZSTD(1)),
    matched_agent_id LowCardinality(String) COMMENT 'alert: agent_id of the activity that matched.' CODEC(ZSTD(1)),
    matched_seq UInt64 COMMENT 'alert: seq of the activity that matched.' CODEC(ZSTD(1)),
    summary String COMMENT 'alert: what a person needs to see at once.' CODEC(ZSTD(1)),

    salt String ALIAS if(empty(salt_bytes), '', lower(hex(salt_bytes))) COMMENT 'salt_bytes as lower-case hex.',
    leaf String ALIAS if(empty(leaf_bytes), '', lower(hex(leaf_bytes))) COMMENT 'leaf_bytes as lower-case hex.',
    request_sha256 String ALIAS if(empty(request_sha256_bytes), '', lower(hex(request_sha256_bytes))) COMMENT 'request_sha256_bytes as lower-case hex.',
    response_sha256 String ALIAS if(empty(response_sha256_bytes), '', lower(hex(response_sha256_bytes))) COMMENT 'response_sha256_bytes as lower-case hex.',

    INDEX by_time time TYPE minmax GRANULARITY 1,
    INDEX by_kind kind TYPE set(16) GRANULARITY 1,
    INDEX by_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_identity identity_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{merge_tree:activities}}
PARTITION BY toDate(received_at)
ORDER BY (agent_id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_bytes_for_wide_part = 134217728
COMMENT 'Every activity, of every kind: the record itself. The views show one kind each.';

-- @cluster
-- An alert goes to the shard of the activity that matched, so that both are written in one insert.
CREATE TABLE IF NOT EXISTS sworn.activities {{on_cluster}} AS sworn.activities{{local}}
ENGINE = Distributed({{cluster}}, sworn, activities{{local}}, cityHash64(if(kind = 'alert', matched_agent_id, agent_id)));
