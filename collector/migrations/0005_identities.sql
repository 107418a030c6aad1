-- SPDX-License-Identifier: Apache-2.0
--
-- More of the identity on every activity, more of each token.
--
-- Only additions: rows that are there already have the new columns empty, which says what they said before, and their
-- leaves still come out of them.

ALTER TABLE sworn.activities{{local}} {{on_cluster}}
    ADD COLUMN IF NOT EXISTS identity_tenant LowCardinality(String) COMMENT 'Id of the identity''s tenant.' CODEC(ZSTD(1)) AFTER token_id,
    ADD COLUMN IF NOT EXISTS identity_blueprint LowCardinality(String) COMMENT 'Application id of the blueprint that an agent identity is made from.' CODEC(ZSTD(1)) AFTER identity_tenant,
    ADD COLUMN IF NOT EXISTS identity_kind LowCardinality(String) COMMENT 'What the identity is: app, agent, agent-user (the user account of an agent), user (a human) or host; empty where no token said.' CODEC(ZSTD(1)) AFTER identity_blueprint,
    ADD COLUMN IF NOT EXISTS on_behalf_of_id LowCardinality(String) COMMENT 'Object id of the human for whom it acts, when the token is on-behalf-of.' CODEC(ZSTD(1)) AFTER identity_kind,
    ADD COLUMN IF NOT EXISTS on_behalf_of_name LowCardinality(String) COMMENT 'Name of that human, as the token has it.' CODEC(ZSTD(1)) AFTER on_behalf_of_id,
    ADD COLUMN IF NOT EXISTS token_audience LowCardinality(String) COMMENT 'Who the token is for that the identity is known by.' CODEC(ZSTD(1)) AFTER on_behalf_of_name,
    ADD COLUMN IF NOT EXISTS token_scopes LowCardinality(String) COMMENT 'Its scopes and roles, sorted, with a space between.' CODEC(ZSTD(1)) AFTER token_audience,
    ADD COLUMN IF NOT EXISTS token_fingerprint String COMMENT 'Its SHA-256, hex: that of a row in tokens.' CODEC(ZSTD(1)) AFTER token_scopes,
    ADD COLUMN IF NOT EXISTS suspicious Bool COMMENT 'token: what an honest workload does not cause: used by a session that it was not given to, the right secret from the wrong process, a credential that must not leave the broker.' CODEC(ZSTD(1)) AFTER interface,
    ADD COLUMN IF NOT EXISTS holder_session_id String COMMENT 'token: session_id of whom it was given to, the user''s own session first.' CODEC(ZSTD(1)) AFTER suspicious,
    ADD COLUMN IF NOT EXISTS holder_process_id String COMMENT 'token: process_id of whom it was given to.' CODEC(ZSTD(1)) AFTER holder_session_id,
    ADD COLUMN IF NOT EXISTS token_count UInt64 COMMENT 'token: how many equal refusals the row stands for; 0 for one. `count` in the view tokens.' CODEC(ZSTD(1)) AFTER holder_process_id,
    ADD COLUMN IF NOT EXISTS token_kind LowCardinality(String) COMMENT 'token: jwt, opaque or saml. `kind` in the view tokens.' CODEC(ZSTD(1)) AFTER token_count,
    ADD COLUMN IF NOT EXISTS policy LowCardinality(String) COMMENT 'token: name of the policy by which it was issued or refused.' CODEC(ZSTD(1)) AFTER token_kind,
    ADD COLUMN IF NOT EXISTS exe_sha256 LowCardinality(String) COMMENT 'token: SHA-256 of the program that asked, hex.' CODEC(ZSTD(1)) AFTER policy,
    COMMENT COLUMN IF EXISTS identity_id 'Object id of the Entra identity whose power was used; of an application on behalf of a human its client id, where no object id is configured.',
    COMMENT COLUMN IF EXISTS identity_name 'Its name, as configured; of a user as its token says.';

-- @cluster
ALTER TABLE sworn.activities {{on_cluster}}
    ADD COLUMN IF NOT EXISTS identity_tenant LowCardinality(String) AFTER token_id,
    ADD COLUMN IF NOT EXISTS identity_blueprint LowCardinality(String) AFTER identity_tenant,
    ADD COLUMN IF NOT EXISTS identity_kind LowCardinality(String) AFTER identity_blueprint,
    ADD COLUMN IF NOT EXISTS on_behalf_of_id LowCardinality(String) AFTER identity_kind,
    ADD COLUMN IF NOT EXISTS on_behalf_of_name LowCardinality(String) AFTER on_behalf_of_id,
    ADD COLUMN IF NOT EXISTS token_audience LowCardinality(String) AFTER on_behalf_of_name,
    ADD COLUMN IF NOT EXISTS token_scopes LowCardinality(String) AFTER token_audience,
    ADD COLUMN IF NOT EXISTS token_fingerprint String AFTER token_scopes,
    ADD COLUMN IF NOT EXISTS suspicious Bool AFTER interface,
    ADD COLUMN IF NOT EXISTS holder_session_id String AFTER suspicious,
    ADD COLUMN IF NOT EXISTS holder_process_id String AFTER holder_session_id,
    ADD COLUMN IF NOT EXISTS token_count UInt64 AFTER holder_process_id,
    ADD COLUMN IF NOT EXISTS token_kind LowCardinality(String) AFTER token_count,
    ADD COLUMN IF NOT EXISTS policy LowCardinality(String) AFTER token_kind,
    ADD COLUMN IF NOT EXISTS exe_sha256 LowCardinality(String) AFTER policy;

-- What stood in them before stands where it stood; new columns are at the end.

CREATE OR REPLACE VIEW sworn.commands {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, token_id, pid, exe,
    protocol, operation, target, resource, statement, parameters, request, response,
    status, error_code, error_message, rows, duration_ns, request_bytes, response_bytes, truncated, tls, leaf,
    identity_source, process_id, connection_id, role, statement_shape,
    request_payload_bytes, response_payload_bytes, request_sha256, response_sha256, attributes, salt, received_at,
    identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
FROM sworn.activities
WHERE kind = 'command'
COMMENT 'Requests with their replies: what the workloads asked for and what came back.';

CREATE OR REPLACE VIEW sworn.processes {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source,
    action, pid, process_id, parent_pid, parent_process_id, exe, argv, argv_bytes, truncated, cwd,
    uid, gid, login_uid, cgroup, container_id, exit_code, signal, core_dumped, end_time, received_at, salt, leaf,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
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
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
FROM sworn.activities
WHERE kind = 'connection'
COMMENT 'Connections of workloads, and what became of every byte that crossed them.';

CREATE OR REPLACE VIEW sworn.tokens {{on_cluster}} AS
SELECT
    time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, token_id, pid, process_id, exe, connection_id,
    action, fingerprint, audience, tenant_id, claims, issued_at, expires_at, reason, interface, received_at, salt, leaf,
    identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    suspicious, holder_session_id, holder_process_id, greatest(token_count, 1) AS count, token_kind AS kind, policy, exe_sha256
FROM sworn.activities AS a
WHERE a.kind = 'token'
COMMENT 'Tokens issued by the broker, refused, or seen on the wire.';

CREATE OR REPLACE VIEW sworn.losses {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe, connection_id,
    place, reason, events, bytes, direction, message, received_at, salt, leaf,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
FROM sworn.activities
WHERE kind = 'loss'
COMMENT 'What the recorders know that they missed.';

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
    a.on_behalf_of_name AS on_behalf_of_name, a.token_audience AS token_audience, a.token_scopes AS token_scopes, a.token_fingerprint AS token_fingerprint
FROM sworn.activities AS a
WHERE a.kind = 'finding'
COMMENT 'What a person should know of the record or of a workload: bytes that went by unread, ways around the recorder that were taken.';

CREATE OR REPLACE VIEW sworn.alerts {{on_cluster}} AS
SELECT
    time, alert_id, level, rule_id, rule_title, summary, host, session_id, workload,
    identity_id, identity_name, identity_state, identity_source, pid, process_id, exe,
    matched_agent_id, matched_seq, agent_id, seq, received_at, salt, leaf,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
FROM sworn.activities
WHERE kind = 'alert'
COMMENT 'Activities that matched a rule. matched_agent_id and matched_seq lead to the activity.';

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
        AS adds_up,
    token_id, identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint
FROM sworn.activities
WHERE kind = 'connection' AND (action = 'closed' OR sent_moved + received_moved > 0)
COMMENT 'One row a connection that ended: how many of its bytes were read (decoded, or cut at a bound and hashed), and what became of the others. destination is the server''s name or address; share is NULL when nothing moved; adds_up says whether the account is whole.';

-- Who was seen, from every part: kept with the part, so that it is there exactly when the activities are, counts nothing
-- twice when an insert is repeated, and goes with them. Without it the view `identities` reads the whole table: a second for
-- 4 million activities, where it now takes a few hundredths. The view has to ask in these very words.
ALTER TABLE sworn.activities{{local}} {{on_cluster}}
    ADD PROJECTION IF NOT EXISTS identities
    (
        SELECT
            identity_id, identity_name, identity_kind, identity_tenant, identity_blueprint, on_behalf_of_id,
            on_behalf_of_name, identity_state, identity_source, host, workload, kind, action, suspicious,
            min(time), max(end_time), count(), sum(greatest(token_count, 1)), uniqExactState(nullIf(session_id, ''))
        GROUP BY
            identity_id, identity_name, identity_kind, identity_tenant, identity_blueprint, on_behalf_of_id,
            on_behalf_of_name, identity_state, identity_source, host, workload, kind, action, suspicious
    );

-- An identity without an id goes by its name. What only claims an identity and proves nothing is counted in `unproven`, and in
-- no other column: nobody can be made to have been somewhere by a token that anybody can write.
CREATE OR REPLACE VIEW sworn.identities {{on_cluster}} AS
SELECT
    if(s.identity_id = '', s.identity_name, s.identity_id) AS identity,
    argMaxIf(s.identity_name, (s.proven, s.last), s.identity_name != '') AS name,
    argMaxIf(s.identity_kind, (s.proven, s.last), s.identity_kind != '') AS kind,
    argMaxIf(s.identity_tenant, (s.proven, s.last), s.identity_tenant != '') AS tenant,
    argMaxIf(s.identity_blueprint, (s.proven, s.last), s.identity_blueprint != '') AS blueprint,
    s.on_behalf_of_id AS on_behalf_of_id,
    argMaxIf(s.on_behalf_of_name, (s.proven, s.last), s.on_behalf_of_name != '') AS on_behalf_of_name,
    multiIf(countIf(s.identity_state = 'verified') > 0, 'verified',
            countIf(s.identity_state = 'unverifiable' AND s.proven) > 0, 'unverifiable',
            countIf(s.identity_state = 'policy') > 0, 'policy', 'unproven') AS state,
    if(countIf(s.proven) = 0, min(s.first), minIf(s.first, s.proven)) AS first_seen,
    if(countIf(s.proven) = 0, max(s.last), maxIf(s.last, s.proven)) AS last_seen,
    arraySort(groupUniqArrayIf(s.host, s.proven AND s.host != '')) AS hosts,
    arraySort(groupUniqArrayIf(s.workload, s.proven AND s.workload != '')) AS workloads,
    uniqExactMergeIf(s.session_ids, s.proven) AS sessions,
    sumIf(s.activities, s.proven AND s.activity = 'command') AS commands,
    sumIf(s.token_counts, s.proven AND s.activity = 'token' AND s.action = 'issued') AS tokens_issued,
    sumIf(s.token_counts, s.proven AND s.activity = 'token' AND s.action = 'refused') AS tokens_refused,
    sumIf(s.token_counts, s.proven AND s.activity = 'token' AND s.action = 'observed') AS tokens_observed,
    sumIf(s.token_counts, s.proven AND s.activity = 'token' AND s.suspicious) AS tokens_suspicious,
    sumIf(s.activities, s.proven AND s.activity = 'alert') AS alerts,
    sumIf(s.activities, NOT s.proven) AS unproven
FROM
(
    SELECT
        identity_id, identity_name, identity_kind, identity_tenant, identity_blueprint, on_behalf_of_id,
        on_behalf_of_name, identity_state, identity_source, host, workload, kind AS activity, action, suspicious,
        identity_state IN ('verified', 'policy') OR (identity_state = 'unverifiable' AND identity_source = 'broker') AS proven,
        min(time) AS first, max(end_time) AS last, count() AS activities,
        sum(greatest(token_count, 1)) AS token_counts, uniqExactState(nullIf(session_id, '')) AS session_ids
    FROM sworn.activities
    GROUP BY
        identity_id, identity_name, identity_kind, identity_tenant, identity_blueprint, on_behalf_of_id,
        on_behalf_of_name, identity_state, identity_source, host, workload, kind, action, suspicious
) AS s
WHERE s.identity_id != '' OR s.identity_name != ''
GROUP BY identity, on_behalf_of_id
COMMENT 'One row an identity, and one for each human that it acted for: who was seen, where, since when, what it did. state is the best there was; unproven counts what claims to be it and proves nothing, which no other column has.';

-- A command may have been asked for with somebody else's token: whom the session itself acts for is in its other rows.
CREATE OR REPLACE VIEW sworn.sessions {{on_cluster}} AS
SELECT
    a.session_id AS session_id,
    min(a.time) AS start,
    max(a.end_time) AS end,
    any(a.host) AS host,
    anyIf(a.agent_id, a.kind != 'alert') AS agent_id,
    any(a.workload) AS workload,
    argMaxIf(a.identity_id, (a.kind IN ('session', 'process', 'loss', 'finding') OR (a.kind = 'token' AND a.action = 'issued'), a.identity_id != '', a.seq), a.kind != 'alert') AS identity_id,
    argMaxIf(a.identity_name, (a.kind IN ('session', 'process', 'loss', 'finding') OR (a.kind = 'token' AND a.action = 'issued'), a.identity_id != '', a.seq), a.kind != 'alert') AS identity_name,
    argMaxIf(a.identity_state, (a.kind IN ('session', 'process', 'loss', 'finding') OR (a.kind = 'token' AND a.action = 'issued'), a.identity_id != '', a.seq), a.kind != 'alert') AS identity_state,
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
