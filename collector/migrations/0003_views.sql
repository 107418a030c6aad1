-- SPDX-License-Identifier: Apache-2.0
--
-- What analysts read. Names and order of the columns of `commands` are a contract with the outside; new columns are
-- added at the end.

CREATE OR REPLACE VIEW sworn.commands {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, token_id, pid, exe,
    protocol, operation, target, resource, statement, parameters, request, response,
    status, error_code, error_message, rows, duration_ns, request_bytes, response_bytes, truncated, tls, leaf,
    identity_source, process_id, connection_id, role, statement_shape,
    request_payload_bytes, response_payload_bytes, request_sha256, response_sha256, attributes, salt, received_at
FROM sworn.activities
WHERE kind = 'command'
COMMENT 'Requests with their replies: what the workloads asked for and what came back.';

CREATE OR REPLACE VIEW sworn.processes {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source,
    action, pid, process_id, parent_pid, parent_process_id, exe, argv, argv_bytes, truncated, cwd,
    uid, gid, login_uid, cgroup, container_id, exit_code, signal, core_dumped, end_time, received_at, salt, leaf
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
    attributes, received_at, salt, leaf
FROM sworn.activities
WHERE kind = 'connection'
COMMENT 'Connections of workloads, and what became of every byte that crossed them.';

CREATE OR REPLACE VIEW sworn.tokens {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, token_id, pid, process_id, exe, connection_id,
    action, fingerprint, audience, tenant_id, claims, issued_at, expires_at, reason, interface, received_at, salt, leaf
FROM sworn.activities
WHERE kind = 'token'
COMMENT 'Tokens issued by the broker, refused, or seen on the wire.';

CREATE OR REPLACE VIEW sworn.losses {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe, connection_id,
    place, reason, events, bytes, direction, message, received_at, salt, leaf
FROM sworn.activities
WHERE kind = 'loss'
COMMENT 'What the recorders know that they missed.';

CREATE OR REPLACE VIEW sworn.alerts {{on_cluster}} AS
SELECT
    time, alert_id, level, rule_id, rule_title, summary, host, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe,
    matched_agent_id, matched_seq, agent_id, seq, received_at, salt, leaf
FROM sworn.activities
WHERE kind = 'alert'
COMMENT 'Activities that matched a rule. matched_agent_id and matched_seq lead to the activity.';

CREATE OR REPLACE VIEW sworn.recorders {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, action, version, kernel, boot_id, attributes, received_at, salt, leaf
FROM sworn.activities
WHERE kind = 'recorder'
COMMENT 'What the agents say of themselves: starts, stops, heartbeats.';

CREATE OR REPLACE VIEW sworn.sessions {{on_cluster}} AS
SELECT
    a.session_id AS session_id,
    min(a.time) AS start,
    max(a.end_time) AS end,
    any(a.host) AS host,
    anyIf(a.agent_id, a.kind != 'alert') AS agent_id,
    any(a.workload) AS workload,
    argMaxIf(a.identity_id, (a.identity_id != '', a.seq), a.kind != 'alert') AS identity_id,
    argMaxIf(a.identity_name, (a.identity_id != '', a.seq), a.kind != 'alert') AS identity_name,
    argMaxIf(a.identity_state, (a.identity_id != '', a.seq), a.kind != 'alert') AS identity_state,
    anyIf(a.command_line, a.kind = 'session' AND a.action = 'started') AS command_line,
    countIf(a.kind = 'session' AND a.action = 'ended') > 0 AS ended,
    countIf(a.kind = 'command') AS commands,
    countIf(a.kind = 'command' AND a.status = 'error') AS errors,
    uniqExactIf(a.process_id, a.kind = 'process') AS processes,
    uniqExactIf(a.connection_id, a.kind = 'connection') AS connections,
    countIf(a.kind = 'loss') AS losses,
    countIf(a.kind = 'alert') AS alerts
FROM sworn.activities AS a
WHERE a.session_id != ''
GROUP BY a.session_id
COMMENT 'One row a session: one run of a workload.';
