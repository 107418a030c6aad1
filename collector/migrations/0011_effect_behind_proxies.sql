-- SPDX-License-Identifier: Apache-2.0
--
-- The view of 0010 with an `effect` for calls of varlink, and for what is asked of proxies (SOCKS, the PROXY header).

CREATE OR REPLACE VIEW sworn.commands {{on_cluster}} AS
SELECT
    time, end_time, host, agent_id, seq, session_id, workload,
    identity_id, identity_name, identity_state, token_id, pid, exe,
    protocol, operation, target, resource, statement, parameters, request, response,
    status, error_code, error_message, rows, duration_ns, request_bytes, response_bytes, truncated, tls, leaf,
    identity_source, process_id, connection_id, role, statement_shape,
    request_payload_bytes, response_payload_bytes, request_sha256, response_sha256, attributes, salt, received_at,
    identity_tenant, identity_blueprint, identity_kind, on_behalf_of_id, on_behalf_of_name, token_audience, token_scopes, token_fingerprint,
    erasure_seq,
    multiIf(
        protocol IN ('postgresql', 'mysql'), multiIf(
            operation = 'LOGIN', 'login',
            operation IN ('DELETE', 'TRUNCATE') OR startsWith(operation, 'DROP ') OR has(splitByString(', ', attributes['verbs']), 'DELETE'), 'delete',
            operation IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES', 'CREATE ROLE', 'CREATE USER', 'CREATE GROUP', 'ALTER ROLE', 'ALTER USER', 'ALTER GROUP'), 'grant',
            operation = 'COPY', if(match(statement_shape, '^copy (binary )?[^ (]+ ?(\\([^)]*\\) ?)?from '), 'write', 'read'),
            operation IN ('INSERT', 'UPDATE', 'MERGE', 'REPLACE', 'LOAD DATA', 'SELECT INTO', 'COMMENT', 'RENAME', 'SECURITY LABEL', 'REFRESH MATERIALIZED VIEW', 'IMPORT FOREIGN SCHEMA', 'REASSIGN OWNED')
                OR startsWith(operation, 'CREATE ') OR startsWith(operation, 'ALTER '), 'write',
            operation IN ('CALL', 'DO', 'EXECUTE', 'FUNCTION CALL', 'LOAD'), 'execute',
            operation IN ('SELECT', 'VALUES', 'TABLE', 'SHOW', 'FETCH', 'MOVE', 'DECLARE', 'EXPLAIN', 'EXPLAIN ANALYZE', 'DESCRIBE', 'DESC', 'HELP', 'HANDLER'), 'read',
            operation IN ('', 'EMPTY', 'UNKNOWN'), '',
            'control'),
        protocol = 'kubernetes', multiIf(
            attributes['k8s_dry_run'] != '', 'read',
            operation IN ('delete', 'deletecollection'), 'delete',
            operation IN ('create', 'update', 'patch', 'post', 'put'), 'write',
            operation IN ('get', 'list', 'watch', 'head', 'options'), 'read',
            operation IN ('connect', 'exec', 'attach', 'portforward', 'proxy'), 'execute',
            ''),
        protocol = 'http', multiIf(
            operation IN ('GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH'), 'read',
            operation = 'DELETE', 'delete',
            operation IN ('POST', 'PUT', 'PATCH', 'MKCOL', 'COPY', 'MOVE', 'PROPPATCH', 'LINK', 'UNLINK'), 'write',
            operation IN ('CONNECT', 'LOCK', 'UNLOCK'), 'control',
            ''),
        protocol = 'redis', multiIf(
            operation IN ('AUTH', 'HELLO'), 'login',
            operation IN ('DEL', 'UNLINK', 'FLUSHALL', 'FLUSHDB', 'GETDEL', 'HDEL', 'HGETDEL', 'SREM', 'LREM', 'LTRIM', 'XDEL', 'XDELEX', 'XTRIM', 'ZREM', 'ZREMRANGEBYLEX', 'ZREMRANGEBYRANK', 'ZREMRANGEBYSCORE',
                'DELEX', 'XGROUP DESTROY', 'XGROUP DELCONSUMER', 'FUNCTION DELETE', 'FUNCTION FLUSH', 'SCRIPT FLUSH', 'ACL DELUSER', 'SLOWLOG RESET', 'JSON.DEL', 'JSON.FORGET', 'FT.DROPINDEX'), 'delete',
            operation IN ('ACL SETUSER', 'ACL LOAD'), 'grant',
            operation IN ('EVAL', 'EVALSHA', 'EVAL_RO', 'EVALSHA_RO', 'FCALL', 'FCALL_RO', 'DEBUG', 'MODULE LOAD', 'MODULE LOADEX', 'SHUTDOWN'), 'execute',
            operation IN ('GET', 'MGET', 'GETRANGE', 'SUBSTR', 'GETBIT', 'BITCOUNT', 'BITPOS', 'BITFIELD_RO', 'STRLEN', 'LCS', 'EXISTS', 'TYPE', 'TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME', 'DUMP', 'KEYS', 'SCAN', 'RANDOMKEY',
                'DBSIZE', 'TOUCH', 'SORT_RO', 'HGET', 'HMGET', 'HGETALL', 'HKEYS', 'HVALS', 'HLEN', 'HEXISTS', 'HSCAN', 'HSTRLEN', 'HRANDFIELD', 'LRANGE', 'LINDEX', 'LLEN', 'LPOS', 'SMEMBERS', 'SISMEMBER', 'SMISMEMBER',
                'SCARD', 'SSCAN', 'SRANDMEMBER', 'SINTER', 'SINTERCARD', 'SUNION', 'SDIFF', 'ZRANGE', 'ZRANGEBYSCORE', 'ZRANGEBYLEX', 'ZREVRANGE', 'ZREVRANGEBYSCORE', 'ZREVRANGEBYLEX', 'ZSCORE', 'ZMSCORE', 'ZRANK', 'ZREVRANK',
                'ZCARD', 'ZCOUNT', 'ZLEXCOUNT', 'ZSCAN', 'ZRANDMEMBER', 'ZINTER', 'ZINTERCARD', 'ZUNION', 'ZDIFF', 'GEOPOS', 'GEODIST', 'GEOHASH', 'GEOSEARCH', 'PFCOUNT', 'XRANGE', 'XREVRANGE', 'XLEN', 'XREAD', 'XPENDING',
                'XINFO STREAM', 'XINFO GROUPS', 'XINFO CONSUMERS', 'INFO', 'CONFIG GET', 'ACL LIST', 'ACL GETUSER', 'ACL USERS', 'ACL WHOAMI', 'CLIENT LIST', 'CLIENT INFO', 'COMMAND', 'MONITOR', 'JSON.GET', 'JSON.MGET'), 'read',
            operation IN ('SET', 'MSET', 'MSETNX', 'SETNX', 'SETEX', 'PSETEX', 'SETRANGE', 'SETBIT', 'GETSET', 'GETEX', 'APPEND', 'INCR', 'INCRBY', 'INCRBYFLOAT', 'DECR', 'DECRBY', 'BITOP', 'BITFIELD', 'EXPIRE', 'EXPIREAT', 'PEXPIRE',
                'PEXPIREAT', 'PERSIST', 'RENAME', 'RENAMENX', 'COPY', 'MOVE', 'RESTORE', 'MIGRATE', 'SORT', 'HSET', 'HMSET', 'HSETNX', 'HINCRBY', 'HINCRBYFLOAT', 'HEXPIRE', 'LPUSH', 'LPUSHX', 'RPUSH', 'RPUSHX', 'LPOP', 'RPOP', 'BLPOP', 'BRPOP',
                'LMPOP', 'BLMPOP', 'LMOVE', 'BLMOVE', 'RPOPLPUSH', 'BRPOPLPUSH', 'LSET', 'LINSERT', 'SADD', 'SPOP', 'SMOVE', 'SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE', 'ZADD', 'ZINCRBY', 'ZPOPMIN', 'ZPOPMAX', 'BZPOPMIN', 'BZPOPMAX', 'ZMPOP',
                'BZMPOP', 'ZRANGESTORE', 'ZINTERSTORE', 'ZUNIONSTORE', 'ZDIFFSTORE', 'GEOADD', 'GEOSEARCHSTORE', 'PFADD', 'PFMERGE', 'XADD', 'XACK', 'XCLAIM', 'XAUTOCLAIM', 'XREADGROUP', 'XGROUP CREATE', 'XSETID', 'PUBLISH', 'SPUBLISH',
                'CONFIG SET', 'CONFIG REWRITE', 'SWAPDB', 'FUNCTION LOAD', 'FUNCTION RESTORE', 'SCRIPT LOAD', 'REPLICAOF', 'SLAVEOF', 'SAVE', 'BGSAVE', 'JSON.SET'), 'write',
            operation IN ('PING', 'ECHO', 'MULTI', 'EXEC', 'DISCARD', 'WATCH', 'UNWATCH', 'SELECT', 'QUIT', 'RESET', 'SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'UNSUBSCRIBE', 'PUNSUBSCRIBE', 'SUNSUBSCRIBE', 'WAIT', 'ASKING', 'READONLY', 'READWRITE')
                OR startsWith(operation, 'CLIENT '), 'control',
            ''),
        protocol = 'ssh', multiIf(
            operation = 'login', 'login',
            operation IN ('exec', 'shell', 'subsystem'), 'execute',
            operation IN ('sftp remove', 'sftp rmdir'), 'delete',
            operation IN ('sftp read', 'sftp opendir', 'sftp readdir', 'sftp stat', 'sftp lstat', 'sftp fstat', 'sftp readlink', 'sftp realpath', 'sftp statvfs', 'sftp fstatvfs', 'sftp expand-path', 'sftp users-groups-by-id', 'sftp home-directory'), 'read',
            operation IN ('sftp write', 'sftp rename', 'sftp mkdir', 'sftp setstat', 'sftp fsetstat', 'sftp symlink', 'sftp link', 'sftp hardlink', 'sftp posix-rename', 'sftp lsetstat', 'sftp copy-data'), 'write',
            operation IN ('forward', 'tcpip-forward', 'cancel-tcpip-forward', 'streamlocal-forward', 'cancel-streamlocal-forward', 'agent', 'x11', 'session'), 'control',
            ''),
        protocol = 'mcp', multiIf(
            operation IN ('resources/read', 'prompts/get', 'completion/complete') OR endsWith(operation, '/list'), 'read',
            operation IN ('initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe') OR startsWith(operation, 'notifications/'), 'control',
            operation IN ('', 'response'), '',
            -- What a tool does is known to the tool: the activities of its process say it.
            'execute'),
        -- A call does what its method does: nothing in the protocol says whether that changes anything.
        protocol IN ('grpc', 'json-rpc'), 'execute',
        protocol = 'varlink', if(match(operation, '^(Get|List|Resolve|Describe|Query|Browse|Subscribe|Monitor|Dump)'), 'read', 'execute'),
        protocol IN ('socks', 'proxy'), if(operation = 'LOGIN', 'login', 'control'),
        protocol = 'dns', multiIf(operation = 'UPDATE', 'write', operation = 'NOTIFY', 'control', 'read'),
        -- What a message does is its program's to say.
        protocol = 'websocket' AND operation IN ('CLOSE', 'PING', 'PONG'), 'control',
        '')::LowCardinality(String) AS effect
FROM sworn.activities
WHERE kind = 'command'
COMMENT 'Requests with their replies: what the workloads asked for and what came back.';
