-- SPDX-License-Identifier: Apache-2.0
--
-- Findings: what a person should know of the record or of a workload, and that is no command and no loss. And what share of
-- the bytes was read, connection by connection.
--
-- Only additions: rows that are there already have the new columns empty, and their leaves still come out of them.

ALTER TABLE sworn.activities{{local}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS finding_kind LowCardinality(String) COMMENT 'finding: what it is, a stable word: tls_unreadable, probe_silent, io_uring, … `kind` in the view findings.' CODEC(ZSTD(1)) AFTER message,
    ADD COLUMN IF NOT EXISTS subject String COMMENT 'finding: what it is about: a path, an address, a process.' CODEC(ZSTD(1)) AFTER finding_kind,
    COMMENT COLUMN IF EXISTS kind 'command, process, connection, token, loss, session, recorder, alert or finding.',
    COMMENT COLUMN IF EXISTS attributes 'command, connection, recorder, finding: what else there is to say: headers, portal, notices, …',
    COMMENT COLUMN IF EXISTS events 'loss, finding: how many events.',
    COMMENT COLUMN IF EXISTS bytes 'loss, finding: how many bytes.',
    COMMENT COLUMN IF EXISTS message 'loss, finding: a sentence for a person.';

-- @cluster
ALTER TABLE sworn.activities {{on_cluster}}
    ADD COLUMN IF NOT EXISTS finding_kind LowCardinality(String) AFTER message,
    ADD COLUMN IF NOT EXISTS subject String AFTER finding_kind;

-- `kind` is here the finding's own; the activity's is always 'finding'.
CREATE OR REPLACE VIEW sworn.findings {{on_cluster}} AS
SELECT
    a.time AS time, a.end_time AS end_time, a.host AS host, a.agent_id AS agent_id, a.seq AS seq,
    a.session_id AS session_id, a.workload AS workload,
    a.identity_id AS identity_id, a.identity_name AS identity_name,
    a.identity_state AS identity_state, a.identity_source AS identity_source,
    a.pid AS pid, a.process_id AS process_id, a.exe AS exe, a.connection_id AS connection_id,
    a.finding_kind AS kind, a.subject AS subject, a.message AS message, a.events AS events, a.bytes AS bytes,
    a.attributes AS attributes, a.received_at AS received_at, a.salt AS salt, a.leaf AS leaf
FROM sworn.activities AS a
WHERE a.kind = 'finding'
COMMENT 'What a person should know of the record or of a workload: bytes that went by unread, ways around the recorder that were taken.';

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
    attributes['tls_resumed'] AS tls_resumed
FROM sworn.activities
WHERE kind = 'connection'
COMMENT 'Connections of workloads, and what became of every byte that crossed them.';

-- Read is what was decoded, and what was cut: content above a bound, which was framed, counted and hashed, but not kept.
-- Sums are checked in 128 bits, so that no choice of numbers makes them come out by wrapping around.
CREATE OR REPLACE VIEW sworn.coverage {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe,
    connection_id, transport, protocol, role,
    multiIf(transport = 'unix', if(remote_address = '', local_address, remote_address),
            role = 'server', concat(if(position(local_address, ':') > 0, concat('[', local_address, ']'), local_address), ':', toString(local_port)),
            server_name != '', concat(server_name, ':', toString(remote_port)),
            concat(if(position(remote_address, ':') > 0, concat('[', remote_address, ']'), remote_address), ':', toString(remote_port))) AS destination,
    server_name, tls, joined_late,
    sent_moved + received_moved AS moved_bytes,
    sent_decoded + received_decoded + sent_cut + received_cut AS read_bytes,
    sent_decoded + received_decoded AS decoded_bytes,
    sent_cut + received_cut AS cut_bytes,
    sent_not_understood + received_not_understood AS not_understood_bytes,
    sent_unreadable + received_unreadable AS unreadable_bytes,
    sent_lost + received_lost AS lost_bytes,
    if(moved_bytes = 0, NULL, read_bytes / moved_bytes) AS share,
    toUInt128(sent_decoded) + sent_not_understood + sent_unreadable + sent_cut + sent_lost = sent_moved
        AND toUInt128(received_decoded) + received_not_understood + received_unreadable + received_cut + received_lost = received_moved
        AS adds_up
FROM sworn.activities
WHERE kind = 'connection' AND (action = 'closed' OR sent_moved + received_moved > 0)
COMMENT 'One row a connection that ended: how many of its bytes were read (decoded, or cut at a bound and hashed), and what became of the others. destination is the server''s name or address; share is NULL when nothing moved; adds_up says whether the account is whole.';

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
    countIf(a.kind = 'alert') AS alerts,
    countIf(a.kind = 'finding') AS findings
FROM sworn.activities AS a
WHERE a.session_id != ''
GROUP BY a.session_id
COMMENT 'One row a session: one run of a workload.';
