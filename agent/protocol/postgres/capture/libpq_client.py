# SPDX-License-Identifier: Apache-2.0
"""
Drives libpq, PostgreSQL's own client library, through ctypes: binary formats, pipelines, portals, function calls and
cancels that psql cannot make. Only for making captures.

    libpq_client.py LIBPQ CONNINFO CASE
"""

import ctypes
import sys

library_file, conninfo, case = sys.argv[1:4]
pq = ctypes.CDLL(library_file)
p, i, s = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
for name, result, *arguments in [
    ("PQconnectdb", p, s), ("PQfinish", None, p), ("PQstatus", i, p), ("PQerrorMessage", s, p), ("PQlibVersion", i),
    ("PQexec", p, p, s), ("PQclear", None, p), ("PQresultStatus", i, p), ("PQresultErrorMessage", s, p),
    ("PQntuples", i, p), ("PQnfields", i, p), ("PQgetvalue", p, p, i, i), ("PQgetlength", i, p, i, i),
    ("PQexecParams", p, p, s, i, p, p, p, p, i), ("PQprepare", p, p, s, s, i, p),
    ("PQexecPrepared", p, p, s, i, p, p, p, i), ("PQdescribePrepared", p, p, s), ("PQdescribePortal", p, p, s),
    ("PQsendQuery", i, p, s), ("PQsendQueryParams", i, p, s, i, p, p, p, p, i), ("PQsendPrepare", i, p, s, s, i, p),
    ("PQsendQueryPrepared", i, p, s, i, p, p, p, i), ("PQenterPipelineMode", i, p), ("PQexitPipelineMode", i, p),
    ("PQpipelineSync", i, p), ("PQsendFlushRequest", i, p), ("PQflush", i, p), ("PQgetResult", p, p),
    ("PQsetSingleRowMode", i, p), ("PQputCopyData", i, p, s, i), ("PQputCopyEnd", i, p, s), ("PQgetCopyData", i, p, p, i),
    ("PQfreemem", None, p), ("PQgetCancel", p, p), ("PQcancel", i, p, p, i), ("PQfn", p, p, i, p, p, i, p, i),
    ("PQsetNoticeProcessor", p, p, p, p),
]:
    function = getattr(pq, name)
    function.restype = result
    function.argtypes = arguments

QUIET = ctypes.CFUNCTYPE(None, p, s)(lambda _, text: None)


def strings(values):
    return (s * len(values))(*values) if values else None


def numbers(kind, values):
    return (kind * len(values))(*values) if values else None


class Connection:
    def __init__(self, extra=""):
        self.c = pq.PQconnectdb((conninfo + " " + extra).encode())
        pq.PQsetNoticeProcessor(self.c, QUIET, None)

    def finish(self):
        pq.PQfinish(self.c)

    def exec(self, text):
        return self.shown(pq.PQexec(self.c, text.encode()))

    def shown(self, result):
        """The values of a result, so that a case can be watched; text and binary alike as bytes."""
        if not result:
            return None
        rows = [
            [ctypes.string_at(pq.PQgetvalue(result, r, f), pq.PQgetlength(result, r, f)) for f in range(pq.PQnfields(result))]
            for r in range(pq.PQntuples(result))
        ]
        print(pq.PQresultStatus(result), (pq.PQresultErrorMessage(result) or b"").decode().strip(), str(rows)[:200])
        pq.PQclear(result)
        return rows

    @staticmethod
    def arguments(values, types=None, formats=None):
        lengths = [0 if v is None else len(v) for v in values]
        return (
            len(values), numbers(ctypes.c_uint, types), strings(values), numbers(ctypes.c_int, lengths),
            numbers(ctypes.c_int, formats),
        )

    def params(self, text, values, types=None, formats=None, binary=0):
        return self.shown(pq.PQexecParams(self.c, text.encode(), *self.arguments(values, types, formats), binary))

    def send_params(self, text, values, types=None, formats=None, binary=0):
        pq.PQsendQueryParams(self.c, text.encode(), *self.arguments(values, types, formats), binary)

    def prepare(self, name, text, types=()):
        return self.shown(
            pq.PQprepare(self.c, name.encode(), text.encode(), len(types), numbers(ctypes.c_uint, list(types)))
        )

    def prepared(self, name, values, formats=None, binary=0):
        n, _, v, lengths, f = self.arguments(values, None, formats)
        return self.shown(pq.PQexecPrepared(self.c, name.encode(), n, v, lengths, f, binary))

    def send_prepared(self, name, values, formats=None, binary=0):
        n, _, v, lengths, f = self.arguments(values, None, formats)
        pq.PQsendQueryPrepared(self.c, name.encode(), n, v, lengths, f, binary)

    def results(self, stop_after_sync=1):
        """Everything that a pipeline answers, until so many syncs were answered."""
        empty = 0
        while True:
            result = pq.PQgetResult(self.c)
            if not result:
                empty += 1
                if empty > 50:
                    return
                continue
            empty = 0
            status = pq.PQresultStatus(result)
            self.shown(result)
            if status == 10:
                stop_after_sync -= 1
                if stop_after_sync == 0:
                    return

    def drain(self):
        while True:
            result = pq.PQgetResult(self.c)
            if not result:
                return
            self.shown(result)


def be(value, size):
    return value.to_bytes(size, "big", signed=True)


ARRAYS = (
    "array[1,2,null]::int4[] ia, array['a b','c\"d','','NULL',null]::text[] ta, '{}'::int4[] ea, "
    "'[0:1]={5,6}'::int4[] lb, '{{1,2},{3,4}}'::int8[] m, array['2020-01-02'::date, null] da, "
    "array[1.5,2]::numeric[] na, array[true,false] ba, array['x\\y','{z}',' w']::varchar[] va"
)
NUMBERS = (
    "true b1, false b0, 5::int2 i2, -123456::int4 i4, 9007199254740993::int8 i8, 1.5::float4 f4, 0.1::float8 f8, "
    "'NaN'::float8 nan, '-Infinity'::float8 ninf, 1e300::float8 big, 1e-7::float8 small, -0.0::float8 nz, "
    "3.4e38::float4 f4m, 0.1::float4 f4t, 1e21::float8 e21, 123456789012345678::float8 e17, 1e15::float8 e15, "
    "16777216::float4 f4i, 1e6::float4 f4e6, "
    "12345.6789::numeric n1, 0::numeric n0, -0.00012::numeric n2, 1e20::numeric n3, 100000000.00010000::numeric n4, "
    "'NaN'::numeric nn, 'Infinity'::numeric ni, 10000::numeric n5, 0.0000::numeric n6, 4294967295::oid o, "
    "'12345.67'::money mo"
)
TIMES = (
    "'2024-02-29'::date d, '0044-03-15 BC'::date bc, 'infinity'::date di, '10000-01-01'::date dl, "
    "'2024-02-29 12:34:56.789'::timestamp ts, '-infinity'::timestamp tsi, '1999-12-31 23:59:59.000001'::timestamp t9, "
    "'0001-01-01 00:00:00 BC'::timestamp tbc, '2024-02-29 12:34:56.5+00'::timestamptz tz, "
    "'infinity'::timestamptz tzi, '12:34:56.7'::time t, '24:00:00'::time t24, '12:34:56+05:30'::timetz ttz, "
    "'12:34:56-08'::timetz ttw, "
    "'1 year 2 mons 3 days 04:05:06.789'::interval iv, '-1 day'::interval nd, '0'::interval iz, "
    "'-00:00:01.5'::interval nt, '1 mon -1 day +00:00:01'::interval mx, '-13 months'::interval nm, "
    "'100 hours'::interval hh"
)
OTHERS = (
    "'caf\u00e9 \"q\" \\ tab\t nl\n ctl\x01'::text tx, 'v'::varchar vc, 'p '::char(4) ch, 'n'::name nm, '\\x00ff10'::bytea by, "
    "''::text et, null::text nt, '6f1ed002-ab5f-4a1c-8b0a-3d2d0c2a6e11'::uuid uu, "
    "'{\"a\": [1, \"b\"]}'::json js, '{\"a\": [1, \"b\"]}'::jsonb jb, '10.1.2.3'::inet i4, '10.0.0.0/8'::inet i8, "
    "'10.0.0.0/8'::cidr c8, '2001:db8::1'::inet i6, '::ffff:1.2.3.4'::inet im, '::'::inet iz, "
    "'2001:db8::/32'::cidr c6, '::1/128'::cidr c1, '1:0:0:2:0:0:0:3'::inet i63, 'a'::\"char\" qc, "
    "'08:00:2b:01:02:03'::macaddr ma, B'10110'::bit(5) bt, B'101'::varbit vb, '(1,2)'::point pt, "
    "'<a/>'::xml xm, 42::regproc rp, '16/B374D848'::pg_lsn ls, row(1,'a') rw, int4range(1,5) rg, "
    "'$.a'::jsonpath jp, '1:1:'::txid_snapshot sn, '(0,1)'::tid td, 'x'::xid xid"
).replace(", 'x'::xid xid", ", '7'::xid xid")


def types_text_and_binary():
    c = Connection()
    for columns in (NUMBERS, TIMES, OTHERS, ARRAYS):
        c.params("select " + columns, [], binary=0)
        c.params("select " + columns, [], binary=1)
    c.finish()


def binary_parameters():
    c = Connection()
    c.params("select $1::int4 + 1, $2::text, $3::bytea", [be(41, 4), b"it's", b"\x00\xff"], [23, 25, 17], [1, 0, 1], 1)
    c.params("select $1::int8, $2::bool, $3", [be(-5, 8), b"\x01", None], [20, 16, 25], [1, 1, 1], 1)
    # No types given: the server infers them, the wire does not say them before the Bind.
    c.params("select $1::int4", [be(7, 4)], None, [1], 0)
    c.params("select $1::float8, $2::date, $3::int4[]", [b"1.5", b"2024-01-02", b"{1,2}"], None, None, 1)
    c.finish()


def prepared_statements():
    c = Connection()
    c.exec("create table if not exists prepared_items(id int primary key, name text, price numeric)")
    c.prepare("ins", "insert into prepared_items values ($1, $2, $3)")
    c.shown(pq.PQdescribePrepared(c.c, b"ins"))
    c.prepared("ins", [b"1", b"one", b"1.10"])
    c.prepared("ins", [be(2, 4), b"two", None], [1, 0, 0])
    c.prepared("ins", [b"1", b"again", b"2"])
    c.prepare("ins", "select 1")
    c.prepare("bad", "select * from does_not_exist where id = $1")
    c.prepared("never_prepared", [])
    c.prepare("", "select name from prepared_items where id = $1", [23])
    c.prepared("", [b"2"])
    c.prepared("", [b"2"], None, 1)
    c.exec("prepare by_sql(int) as delete from prepared_items where id = $1")
    c.prepared("by_sql", [b"2"])
    c.exec("execute by_sql(1)")
    c.exec("deallocate by_sql")
    c.prepared("by_sql", [b"1"])
    c.exec("begin; declare cur binary cursor for select 1 as a, 'x'::text as b; ")
    c.shown(pq.PQdescribePortal(c.c, b"cur"))
    c.exec("fetch all from cur")
    c.exec("commit")
    if hasattr(pq, "PQclosePrepared"):
        pq.PQclosePrepared.restype = p
        pq.PQclosePrepared.argtypes = [p, s]
        c.shown(pq.PQclosePrepared(c.c, b"ins"))
    c.exec("drop table prepared_items")
    c.finish()


def pipeline():
    c = Connection()
    c.exec("create temp table pipe(id int primary key)")
    pq.PQenterPipelineMode(c.c)
    c.send_params("insert into pipe values ($1)", [b"1"])
    c.send_params("insert into pipe values ($1) returning id", [b"2"])
    pq.PQsendPrepare(c.c, b"all_of_it", b"select id from pipe order by id", 0, None)
    c.send_prepared("all_of_it", [])
    pq.PQpipelineSync(c.c)
    c.send_params("select count(*) from pipe", [])
    pq.PQsendFlushRequest(c.c)
    pq.PQflush(c.c)
    c.shown(pq.PQgetResult(c.c))
    pq.PQpipelineSync(c.c)
    pq.PQpipelineSync(c.c)
    c.results(3)
    pq.PQexitPipelineMode(c.c)
    c.finish()


def pipeline_error():
    c = Connection()
    c.exec("create temp table pipe(id int primary key)")
    pq.PQenterPipelineMode(c.c)
    c.send_params("insert into pipe values ($1)", [b"1"])
    c.send_params("select 1/$1::int", [b"0"])
    c.send_params("delete from pipe", [])
    pq.PQsendPrepare(c.c, b"skipped", b"select 1", 0, None)
    pq.PQpipelineSync(c.c)
    c.send_params("select count(*) from pipe", [])
    c.send_prepared("skipped", [])
    pq.PQpipelineSync(c.c)
    c.send_params("select syntax error", [])
    c.send_params("select 2", [])
    pq.PQpipelineSync(c.c)
    c.results(3)
    pq.PQexitPipelineMode(c.c)
    c.finish()


def deferred_constraint():
    c = Connection()
    c.exec("create temp table d(id int unique deferrable initially deferred)")
    c.params("insert into d values ($1), ($1)", [b"1"])
    pq.PQenterPipelineMode(c.c)
    c.send_params("insert into d values (7)", [])
    c.send_params("insert into d values (7)", [])
    pq.PQpipelineSync(c.c)
    c.results(1)
    pq.PQexitPipelineMode(c.c)
    c.finish()


def copy_extended():
    c = Connection()
    c.exec("create temp table ct(a int, b text)")
    c.send_params("copy ct from stdin", [])
    c.shown(pq.PQgetResult(c.c))
    pq.PQputCopyData(c.c, b"1\tone\n2\ttwo\n", 12)
    pq.PQputCopyData(c.c, b"3\t\\N\n", 5)
    pq.PQputCopyEnd(c.c, None)
    c.drain()
    c.send_params("copy ct from stdin", [])
    c.shown(pq.PQgetResult(c.c))
    pq.PQputCopyData(c.c, b"not a number\n", 13)
    pq.PQputCopyEnd(c.c, None)
    c.drain()
    c.send_params("copy ct from stdin", [])
    c.shown(pq.PQgetResult(c.c))
    pq.PQputCopyEnd(c.c, b"the client gave up")
    c.drain()
    c.send_params("copy ct to stdout", [])
    c.shown(pq.PQgetResult(c.c))
    read_copy(c)
    c.drain()
    c.exec("copy (select * from ct) to stdout (format binary)")
    read_copy(c)
    c.drain()
    c.finish()


def read_copy(c):
    buffer = ctypes.c_void_p()
    while True:
        n = pq.PQgetCopyData(c.c, ctypes.byref(buffer), 0)
        if n < 0:
            return
        print(ctypes.string_at(buffer, n))
        pq.PQfreemem(buffer)


class FunctionArgument(ctypes.Structure):
    class Value(ctypes.Union):
        _fields_ = [("pointer", ctypes.c_void_p), ("integer", ctypes.c_int)]

    _fields_ = [("length", ctypes.c_int), ("is_integer", ctypes.c_int), ("value", Value)]


def function_call():
    c = Connection()
    arguments = (FunctionArgument * 2)()
    for argument, value in zip(arguments, (40, 2)):
        argument.length, argument.is_integer, argument.value.integer = 4, 1, value
    result, length = ctypes.c_int(), ctypes.c_int()
    # 177 is int4pl(int4, int4).
    c.shown(pq.PQfn(c.c, 177, ctypes.byref(result), ctypes.byref(length), 1, ctypes.byref(arguments), 2))
    print(result.value)
    c.shown(pq.PQfn(c.c, 999999, ctypes.byref(result), ctypes.byref(length), 1, ctypes.byref(arguments), 2))
    c.finish()


def cancel():
    c = Connection()
    pq.PQsendQuery(c.c, b"select pg_sleep(20)")
    import time
    time.sleep(0.3)
    handle = pq.PQgetCancel(c.c)
    message = ctypes.create_string_buffer(256)
    pq.PQcancel(handle, message, 256)
    c.drain()
    c.finish()


def large_rows():
    c = Connection()
    c.exec("select repeat('x', 3000000) as big, 1 as one")
    c.params("select decode(repeat('ab', 1500000), 'hex') as by, repeat('y', 10) as small", [], binary=1)
    c.params("select length($1::text)", [b"z" * 2_000_000])
    c.exec("select g, repeat('r', 200000) from generate_series(1, 8) g")
    c.finish()


def copy_large():
    c = Connection()
    c.exec("create temp table big(t text)")
    c.exec("copy big from stdin")
    for _ in range(20):
        pq.PQputCopyData(c.c, b"q" * 100_000 + b"\n", 100_001)
    pq.PQputCopyEnd(c.c, None)
    c.drain()
    c.exec("copy big to stdout")
    read_copy_quietly(c)
    c.drain()
    c.finish()


def read_copy_quietly(c):
    buffer = ctypes.c_void_p()
    while pq.PQgetCopyData(c.c, ctypes.byref(buffer), 0) >= 0:
        pq.PQfreemem(buffer)


def protocol_3_2():
    c = Connection("max_protocol_version=3.2")
    c.exec("select 1")
    pq.PQsendQuery(c.c, b"select pg_sleep(20)")
    import time
    time.sleep(0.3)
    pq.PQcancelCreate.restype, pq.PQcancelCreate.argtypes = p, [p]
    pq.PQcancelBlocking.restype, pq.PQcancelBlocking.argtypes = i, [p]
    pq.PQcancelFinish.restype, pq.PQcancelFinish.argtypes = None, [p]
    handle = pq.PQcancelCreate(c.c)
    pq.PQcancelBlocking(handle)
    pq.PQcancelFinish(handle)
    c.drain()
    c.finish()


def protocol_negotiated():
    c = Connection("max_protocol_version=latest")
    c.exec("select 1")
    c.finish()


print("libpq", pq.PQlibVersion())
globals()[case]()
