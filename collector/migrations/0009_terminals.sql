-- SPDX-License-Identifier: Apache-2.0
--
-- Terminals: what was typed and shown, with its timing.
--
-- Only additions: rows that are there already have the new columns empty, and their leaves still come out of them.

ALTER TABLE sworn.activities{{local}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS terminal_id String COMMENT 'terminal: equal for all stretches of one terminal.' CODEC(ZSTD(1)) AFTER erased_digest,
    ADD COLUMN IF NOT EXISTS terminal_kind LowCardinality(String) COMMENT 'terminal: terminal of the host, or the protocol that carries it: ssh, kubernetes, … `kind` in the view terminals.' CODEC(ZSTD(1)) AFTER terminal_id,
    ADD COLUMN IF NOT EXISTS terminal_name LowCardinality(String) COMMENT 'terminal: its device, or as the protocol names it. `name` in the view terminals.' CODEC(ZSTD(1)) AFTER terminal_kind,
    ADD COLUMN IF NOT EXISTS input String COMMENT 'terminal: what was typed, without what the terminal did not show.' CODEC(ZSTD(1)) AFTER terminal_name,
    ADD COLUMN IF NOT EXISTS output String COMMENT 'terminal: what was shown, escape sequences included.' CODEC(ZSTD(1)) AFTER input,
    ADD COLUMN IF NOT EXISTS timing String COMMENT 'terminal: JSON, in order: [microseconds since time, what, how much]. i takes so many bytes off input, o off output; h: so many were typed and not shown; r: a new size, the third is text, 80x24 (columns, rows).' CODEC(ZSTD(1)) AFTER output,
    ADD COLUMN IF NOT EXISTS terminal_columns UInt32 COMMENT 'terminal: its width in characters when the stretch began; 0: not known. `columns` in the view terminals.' CODEC(T64, ZSTD(1)) AFTER timing,
    ADD COLUMN IF NOT EXISTS terminal_rows UInt32 COMMENT 'terminal: its height. `rows` in the view terminals.' CODEC(T64, ZSTD(1)) AFTER terminal_columns,
    ADD COLUMN IF NOT EXISTS input_bytes UInt64 COMMENT 'terminal: bytes that were typed, also those that are hidden or redacted.' CODEC(T64, ZSTD(1)) AFTER terminal_rows,
    ADD COLUMN IF NOT EXISTS output_bytes UInt64 COMMENT 'terminal: bytes that were shown, also those that are redacted.' CODEC(T64, ZSTD(1)) AFTER input_bytes,
    ADD COLUMN IF NOT EXISTS cut_bytes UInt64 COMMENT 'terminal: besides, bytes beyond a bound or never had.' CODEC(T64, ZSTD(1)) AFTER output_bytes,
    ADD COLUMN IF NOT EXISTS hidden_bytes UInt64 COMMENT 'terminal: bytes that were typed while the terminal showed nothing (a password): counted, never kept.' CODEC(T64, ZSTD(1)) AFTER cut_bytes,
    COMMENT COLUMN IF EXISTS transport 'connection: tcp, udp, unix or pipe.',
    COMMENT COLUMN IF EXISTS kind 'command, process, connection, token, loss, session, recorder, alert, finding, erasure or terminal.';

-- @cluster
ALTER TABLE sworn.activities {{on_cluster}}
    ADD COLUMN IF NOT EXISTS terminal_id String AFTER erased_digest,
    ADD COLUMN IF NOT EXISTS terminal_kind LowCardinality(String) AFTER terminal_id,
    ADD COLUMN IF NOT EXISTS terminal_name LowCardinality(String) AFTER terminal_kind,
    ADD COLUMN IF NOT EXISTS input String AFTER terminal_name,
    ADD COLUMN IF NOT EXISTS output String AFTER input,
    ADD COLUMN IF NOT EXISTS timing String AFTER output,
    ADD COLUMN IF NOT EXISTS terminal_columns UInt32 AFTER timing,
    ADD COLUMN IF NOT EXISTS terminal_rows UInt32 AFTER terminal_columns,
    ADD COLUMN IF NOT EXISTS input_bytes UInt64 AFTER terminal_rows,
    ADD COLUMN IF NOT EXISTS output_bytes UInt64 AFTER input_bytes,
    ADD COLUMN IF NOT EXISTS cut_bytes UInt64 AFTER output_bytes,
    ADD COLUMN IF NOT EXISTS hidden_bytes UInt64 AFTER cut_bytes;

-- `kind`, `name`, `columns` and `rows` are here the terminal's own.
CREATE OR REPLACE VIEW sworn.terminals {{on_cluster}} AS
SELECT
    a.time AS time, a.end_time AS end_time, a.host AS host, a.agent_id AS agent_id, a.seq AS seq,
    a.session_id AS session_id, a.workload AS workload,
    a.identity_id AS identity_id, a.identity_name AS identity_name,
    a.identity_state AS identity_state, a.identity_source AS identity_source,
    a.pid AS pid, a.process_id AS process_id, a.exe AS exe, a.connection_id AS connection_id,
    a.terminal_id AS terminal_id, a.terminal_kind AS kind, a.terminal_name AS name,
    a.input AS input, a.output AS output, a.timing AS timing,
    a.terminal_columns AS columns, a.terminal_rows AS rows,
    a.input_bytes AS input_bytes, a.output_bytes AS output_bytes, a.cut_bytes AS cut_bytes, a.hidden_bytes AS hidden_bytes,
    a.received_at AS received_at, a.salt AS salt, a.leaf AS leaf,
    a.token_id AS token_id, a.identity_tenant AS identity_tenant, a.identity_blueprint AS identity_blueprint, a.identity_kind AS identity_kind, a.on_behalf_of_id AS on_behalf_of_id,
    a.on_behalf_of_name AS on_behalf_of_name, a.token_audience AS token_audience, a.token_scopes AS token_scopes, a.token_fingerprint AS token_fingerprint,
    a.erasure_seq AS erasure_seq
FROM sworn.activities AS a
WHERE a.kind = 'terminal'
COMMENT 'Terminals, a stretch a row: what was typed and shown, and when. The stretches of one terminal have one terminal_id.';

-- Pipes have no addresses that would say anything of another pipe: together they are one destination.
CREATE OR REPLACE VIEW sworn.coverage {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe,
    connection_id, transport, protocol, role,
    multiIf(transport = 'pipe', 'pipe', transport = 'unix', if(remote_address = '', local_address, remote_address),
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
        AS adds_up,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
FROM sworn.activities
WHERE kind = 'connection' AND (action = 'closed' OR sent_moved + received_moved > 0)
COMMENT 'One row a connection that ended: how many of its bytes were read (decoded, or cut at a bound and hashed), and what became of the others. destination is the server''s name or address; share is NULL when nothing moved; adds_up says whether the account is whole.';
