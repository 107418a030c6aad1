-- SPDX-License-Identifier: Apache-2.0
--
-- Erasure: what was taken out of the record on purpose, and what stays of it so that the rest can still be proved.
--
-- Only additions: rows that are there already have the new columns empty, and their leaves still come out of them.

ALTER TABLE sworn.activities{{local}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS erased_identity LowCardinality(String) COMMENT 'erasure: whose activities, as it was asked for. `identity` in the view erasures.' CODEC(ZSTD(1)) AFTER summary,
    ADD COLUMN IF NOT EXISTS predicate String COMMENT 'erasure: what selected the rows, as JSON.' CODEC(ZSTD(1)) AFTER erased_identity,
    ADD COLUMN IF NOT EXISTS requested_by LowCardinality(String) COMMENT 'erasure: name of the token by which it was asked for, or retention.' CODEC(ZSTD(1)) AFTER predicate,
    ADD COLUMN IF NOT EXISTS erased_activities UInt64 COMMENT 'erasure: how many rows. `activities` in the view erasures.' CODEC(T64, ZSTD(1)) AFTER requested_by,
    ADD COLUMN IF NOT EXISTS erased_agents Map(LowCardinality(String), String) COMMENT 'erasure: by agent_id, the first and the last seq concerned: 17-9120. `agents` in the view erasures.' CODEC(ZSTD(1)) AFTER erased_activities,
    ADD COLUMN IF NOT EXISTS erased_digest_bytes FixedString(32) COMMENT 'erasure: SHA-256 over the leaves of these rows, by agent_id and seq. `digest` in the view erasures is the same as hex.' CODEC(ZSTD(1)) AFTER erased_agents,
    ADD COLUMN IF NOT EXISTS tombstone_seq UInt64 COMMENT 'erasure, completed: seq of the tombstone that announced what is now done.' CODEC(T64, ZSTD(1)) AFTER erased_digest_bytes,
    ADD COLUMN IF NOT EXISTS payload_digests Map(LowCardinality(String), FixedString(32)) COMMENT 'Of a row whose payload was erased: the payload digests that its leaf is made with, by detail.field.' CODEC(ZSTD(1)) AFTER tombstone_seq,
    ADD COLUMN IF NOT EXISTS erasure_seq UInt64 COMMENT '0, or the payload of this row was erased: seq of the tombstone in the log of the collector that did it (view erasures).' CODEC(T64, ZSTD(1)) AFTER payload_digests,
    ADD COLUMN IF NOT EXISTS erased_digest String ALIAS if(empty(erased_digest_bytes), '', lower(hex(erased_digest_bytes))) COMMENT 'erased_digest_bytes as lower-case hex.' AFTER erasure_seq,
    COMMENT COLUMN IF EXISTS kind 'command, process, connection, token, loss, session, recorder, alert, finding or erasure.',
    COMMENT COLUMN IF EXISTS action 'process: fork, exec, exit, joined. connection: opened, closed, failed. token: issued, refused, observed. session: started, ended. recorder: started, stopped, heartbeat, clock_jumped, suspended. erasure: payload_erased, rows_dropped, completed.',
    COMMENT COLUMN IF EXISTS reason 'token: why it was refused or could not be verified. loss: the cause, a stable word. erasure: why, in the words of who asked.';

-- @cluster
ALTER TABLE sworn.activities {{on_cluster}}
    ADD COLUMN IF NOT EXISTS erased_identity LowCardinality(String) AFTER summary,
    ADD COLUMN IF NOT EXISTS predicate String AFTER erased_identity,
    ADD COLUMN IF NOT EXISTS requested_by LowCardinality(String) AFTER predicate,
    ADD COLUMN IF NOT EXISTS erased_activities UInt64 AFTER requested_by,
    ADD COLUMN IF NOT EXISTS erased_agents Map(LowCardinality(String), String) AFTER erased_activities,
    ADD COLUMN IF NOT EXISTS erased_digest_bytes FixedString(32) AFTER erased_agents,
    ADD COLUMN IF NOT EXISTS tombstone_seq UInt64 AFTER erased_digest_bytes,
    ADD COLUMN IF NOT EXISTS payload_digests Map(LowCardinality(String), FixedString(32)) AFTER tombstone_seq,
    ADD COLUMN IF NOT EXISTS erasure_seq UInt64 AFTER payload_digests,
    ADD COLUMN IF NOT EXISTS erased_digest String ALIAS if(empty(erased_digest_bytes), '', lower(hex(erased_digest_bytes))) AFTER erasure_seq;

-- `action` is here what was done, and `completed` whether it is; the rows of action completed are not shown by themselves.
CREATE OR REPLACE VIEW sworn.erasures {{on_cluster}} AS
SELECT
    e.time AS time, e.agent_id AS agent_id, e.seq AS seq, e.action AS action,
    e.erased_identity AS identity, e.predicate AS predicate, e.reason AS reason, e.requested_by AS requested_by,
    e.erased_activities AS activities, e.erased_agents AS agents,
    e.erased_digest AS digest,
    (e.agent_id, e.seq) IN (SELECT agent_id, tombstone_seq FROM sworn.activities WHERE kind = 'erasure' AND action = 'completed') AS completed,
    e.received_at AS received_at, e.salt AS salt, e.leaf AS leaf
FROM sworn.activities AS e
WHERE e.kind = 'erasure' AND e.action != 'completed'
COMMENT 'What was taken out of the record on purpose: one row a tombstone. completed says whether all of it is gone.';

-- What stood in them before stands where it stood; whether the payload was erased stands at the end.

CREATE OR REPLACE VIEW sworn.commands {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, token_id, pid, exe,
    protocol, operation, target, resource, statement, parameters, request, response,
    status, error_code, error_message, rows, duration_ns, request_bytes, response_bytes, truncated, tls, leaf,
    identity_source, process_id, connection_id, role, statement_shape,
    request_payload_bytes, response_payload_bytes, request_sha256, response_sha256, attributes, salt, received_at,
    identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    erasure_seq
FROM sworn.activities
WHERE kind = 'command'
COMMENT 'Requests with their replies: what the workloads asked for and what came back.';

CREATE OR REPLACE VIEW sworn.processes {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source,
    action, pid, process_id, parent_pid, parent_process_id, exe, argv, argv_bytes, truncated, cwd,
    uid, gid, login_uid, cgroup, container_id, exit_code, signal, core_dumped, end_time, received_at, salt, leaf,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    erasure_seq
FROM sworn.activities
WHERE kind = 'process'
COMMENT 'Starts and ends of the processes of workloads.';

CREATE OR REPLACE VIEW sworn.connections {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe,
    connection_id, action, transport, protocol, role, local_address, local_port, remote_address, remote_port,
    server_name, tls, joined_late, error_code,
    sent_moved, sent_decoded, sent_not_understood, sent_unreadable, sent_cut, sent_lost,
    received_moved, received_decoded, received_not_understood, received_unreadable, received_cut, received_lost,
    attributes, received_at, salt, leaf,
    attributes['tls_cipher_suite'] AS tls_cipher_suite,
    attributes['tls_alpn'] AS tls_alpn,
    attributes['tls_certificate_subject'] AS tls_certificate_subject,
    attributes['tls_certificate_issuer'] AS tls_certificate_issuer,
    attributes['tls_certificate_sha256'] AS tls_certificate_sha256,
    attributes['tls_resumed'] AS tls_resumed,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    erasure_seq
FROM sworn.activities
WHERE kind = 'connection'
COMMENT 'Connections of workloads, and what became of every byte that crossed them.';

CREATE OR REPLACE VIEW sworn.tokens {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, token_id, pid, process_id, exe, connection_id,
    action, fingerprint, audience, tenant_id, claims, issued_at, expires_at, reason, interface, received_at, salt, leaf,
    identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    suspicious, holder_session_id, holder_process_id, greatest(token_count, 1) AS count, token_kind AS kind, policy, exe_sha256,
    erasure_seq
FROM sworn.activities AS a
WHERE a.kind = 'token'
COMMENT 'Tokens issued by the broker, refused, or seen on the wire.';

CREATE OR REPLACE VIEW sworn.findings {{on_cluster}} AS
SELECT
    a.time AS time, a.end_time AS end_time, a.host AS host, a.agent_id AS agent_id, a.seq AS seq,
    a.session_id AS session_id, a.workload AS workload,
    a.identity_id AS identity_id, a.identity_name AS identity_name,
    a.identity_state AS identity_state, a.identity_source AS identity_source,
    a.pid AS pid, a.process_id AS process_id, a.exe AS exe, a.connection_id AS connection_id,
    a.finding_kind AS kind, a.subject AS subject, a.message AS message, a.events AS events, a.bytes AS bytes,
    a.attributes AS attributes, a.received_at AS received_at, a.salt AS salt, a.leaf AS leaf,
    a.token_id AS token_id, a.identity_tenant AS identity_tenant, a.identity_blueprint AS identity_blueprint, a.identity_kind AS identity_kind, a.on_behalf_of_id AS on_behalf_of_id,
    a.on_behalf_of_name AS on_behalf_of_name, a.token_audience AS token_audience, a.token_scopes AS token_scopes, a.token_fingerprint AS token_fingerprint,
    a.erasure_seq AS erasure_seq
FROM sworn.activities AS a
WHERE a.kind = 'finding'
COMMENT 'What a person should know of the record or of a workload: bytes that went by unread, ways around the recorder that were taken.';

CREATE OR REPLACE VIEW sworn.alerts {{on_cluster}} AS
SELECT
    time, alert_id, level, rule_id, rule_title, summary, host, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe,
    matched_agent_id, matched_seq, agent_id, seq, received_at, salt, leaf,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    erasure_seq
FROM sworn.activities
WHERE kind = 'alert'
COMMENT 'Activities that matched a rule. matched_agent_id and matched_seq lead to the activity.';
