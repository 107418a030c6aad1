# SPDX-License-Identifier: Apache-2.0

"""
A workload: psycopg 3, used in all the ways that it can be. Prints what it sent and was told, one object a line
(../told.ts), of the connections on which it can tell all of it; what psycopg sends of its own accord (BEGIN, DEALLOCATE,
cursors) is on others, and only the server tells of it. Where to connect stands in PGHOST and the like.
"""

import datetime
import decimal
import json
import sys
import threading
import time
import uuid

import psycopg
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer
from psycopg.types.json import Jsonb

TAG = sys.argv[1]
BIG = 5 * 1024 * 1024
# int8, int2, int4
INTEGERS = (20, 21, 23)


def say(connection, text, parameters, rows, error, table=None):
    told = {"serverPid": connection.info.backend_pid, "text": text, "rows": rows, "error": error}
    if parameters is not None:
        told["parameters"] = parameters
    if table is not None:
        told["table"] = table
    print(json.dumps(told), flush=True)


def sent(connection, query, parameters=None):
    """The text and the values as psycopg puts them on the wire; of values in binary that are no integers nothing is said."""
    wire = PostgresQuery(Transformer(connection))
    wire.convert(query, parameters)
    values = []
    for value, format, type_oid in zip(wire.params or (), wire.formats or (), wire.types):
        if value is None or int(format) == 0:
            values.append(value if value is None else bytes(value).decode())
        elif type_oid in INTEGERS:
            values.append(str(int.from_bytes(value, "big", signed=True)))
        else:
            return wire.query.decode(), None
    return wire.query.decode(), values


def table_of(result):
    """Columns and rows as the server sent them, when that is text."""
    if result is None or result.nfields == 0 or result.fformat(0) != 0:
        return None
    rows = range(result.ntuples)
    columns = range(result.nfields)
    values = [[result.get_value(row, column) for column in columns] for row in rows]
    texts = [[None if value is None else value.decode() for value in row] for row in values]
    return [[result.fname(column).decode() for column in columns], *texts]


def count_of(cursor):
    return None if cursor.rowcount < 0 else cursor.rowcount


def ask(connection, query, parameters=None, binary=False, **options):
    cursor = connection.cursor(binary=binary)
    text, values = sent(connection, query, parameters)
    try:
        cursor.execute(query, parameters, **options)
        say(connection, text, values, count_of(cursor), "", table_of(cursor.pgresult))
    except psycopg.Error as error:
        say(connection, text, values, None, error.sqlstate)


def connected(name, **options):
    return psycopg.connect("", application_name=f"{name} {TAG}", autocommit=True, **options)


def statements():
    with connected("statements") as connection:
        ask(
            connection,
            f"CREATE TABLE parts_{TAG} (id int PRIMARY KEY, name text, price numeric, made timestamptz, data bytea, more jsonb, key uuid)",
        )
        insert = f"INSERT INTO parts_{TAG} VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id, name, price"
        made = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=datetime.timezone.utc)
        values = (1, "O'Neil & \"Söhne\" 東京 🎉\n\\x", decimal.Decimal("12.50"), made, b"\x00\xff'", Jsonb({"a": [1, None]}), uuid.UUID(int=7))
        ask(connection, insert, values)
        ask(connection, insert.replace("%s", "%b"), (2, "in binary", decimal.Decimal("-0.001"), made, b"\x00\xff", Jsonb([]), uuid.UUID(int=8)))
        ask(connection, insert, (3, "", None, None, None, None, None), prepare=True)
        ask(connection, insert, (3, "again", None, None, None, None, None), prepare=True)
        for number in range(4, 12):
            # Prepared of its own accord when it was run five times.
            ask(connection, f"INSERT INTO parts_{TAG} (id, name) VALUES (%s, %s)", (number, f"part {number}"))
        ask(connection, f"SELECT * FROM parts_{TAG} ORDER BY id")
        ask(connection, f"SELECT id, price, made, data, more, key FROM parts_{TAG} WHERE id < %s ORDER BY id", (3,), binary=True)
        ask(connection, f"SELECT name FROM parts_{TAG} WHERE id = ANY(%s)", ([1, 2, 99],))
        ask(connection, f"UPDATE parts_{TAG} SET name = upper(name) WHERE id > %(least)s AND id > %(least)s", {"least": 5})
        ask(connection, f"DELETE FROM parts_{TAG} WHERE id = %s", (11,))
        ask(connection, "SELECT 'it''s 100 %' AS t -- a comment; and behind")
        ask(connection, "SELECT 100 %% %s AS rest", (7,))
        ask(connection, "SELEC %s", (1,))
        ask(connection, "SELECT * FROM nothing WHERE id = %s", (1,))
        ask(connection, "SELECT %s::text::int", ("no number",))
        ask(connection, "SELECT 1 / %s", (0,))
        ask(connection, "SELECT length(%s) AS length", ("x" * BIG,))
        ask(connection, "SELECT length(%b) AS length", (b"\x07" * BIG,))
        ask(connection, "SELECT g, repeat('ä', 100) AS padding FROM generate_series(1, %s) g", (12000,))
        ask(connection, "BEGIN")
        ask(connection, "SELECT no_such_column")
        ask(connection, "SELECT 1 AS one")
        ask(connection, "ROLLBACK")
        # psycopg adds it, for what it prepared may be gone with the transaction.
        say(connection, "DEALLOCATE ALL", [], None, "")


def pipeline():
    """What psycopg tells of a pipeline comes at its end, so it is said then."""
    with connected("pipeline") as connection:
        piped = "SELECT %s AS n, %s AS t"
        cursors = [(connection.cursor(), (number, f"piped {number}")) for number in range(3)]
        with connection.pipeline():
            for cursor, parameters in cursors:
                cursor.execute(piped, parameters, prepare=False)
        for cursor, parameters in cursors:
            say(connection, *sent(connection, piped, parameters), count_of(cursor), "", table_of(cursor.pgresult))
        wrong = [("SELECT 1 / %s", (1,), ""), ("SELECT 1 / %s", (0,), "22012"), ("SELECT 3 + %s", (1,), "skipped")]
        try:
            with connection.pipeline():
                for query, parameters, _ in wrong:
                    connection.cursor().execute(query, parameters, prepare=False)
        except psycopg.Error:
            pass
        for query, parameters, outcome in wrong:
            say(connection, *sent(connection, query, parameters), None if outcome else 1, outcome)


def copies():
    with connected("copies") as connection:
        ask(connection, f"CREATE TABLE copied_{TAG} (id int, name text)")
        cursor = connection.cursor()
        into = f"COPY copied_{TAG} (id, name) FROM STDIN"
        with cursor.copy(into) as copy:
            for number in range(1000):
                copy.write_row((number, f"Größe\t{number}" if number % 3 else None))
        say(connection, into, [], cursor.rowcount, "")
        binary = f"COPY copied_{TAG} (id, name) FROM STDIN (FORMAT binary)"
        with cursor.copy(binary) as copy:
            copy.set_types(["int4", "text"])
            for number in range(1000, 1100):
                copy.write_row((number, "binary"))
        say(connection, binary, [], cursor.rowcount, "")
        out = f"COPY (SELECT * FROM copied_{TAG} ORDER BY id) TO STDOUT"
        with cursor.copy(out) as copy:
            rows = sum(1 for _ in copy)
        say(connection, out, [], rows, "")
        broken = f"COPY copied_{TAG} (id) FROM STDIN"
        try:
            with cursor.copy(broken) as copy:
                copy.write("not a number\n")
        except psycopg.Error as error:
            say(connection, broken, [], None, error.sqlstate)
        given_up = f"COPY copied_{TAG} (name) FROM STDIN"
        try:
            with cursor.copy(given_up) as copy:
                copy.write("one\n")
                raise ValueError("the program has changed its mind")
        except psycopg.errors.QueryCanceled:
            say(connection, given_up, [], None, "57014")
        ask(connection, f"SELECT count(*) FROM copied_{TAG}")


def of_its_own_accord():
    """Transactions, savepoints, cursors, executemany, statements that are deallocated: psycopg writes SQL of its own."""
    with psycopg.connect("", application_name=f"own accord {TAG}") as connection:
        connection.prepared_max = 2
        connection.execute(f"CREATE TABLE lines_{TAG} (id int PRIMARY KEY, name text)")
        cursor = connection.cursor()
        cursor.executemany(f"INSERT INTO lines_{TAG} VALUES (%s, %s)", [(number, f"line {number}") for number in range(300)])
        cursor.executemany(f"UPDATE lines_{TAG} SET name = %s WHERE id = %s RETURNING id", [("x", 1), ("y", 2)], returning=True)
        connection.commit()
        with connection.cursor(name="pages") as pages:
            pages.itersize = 100
            pages.execute(f"SELECT id FROM lines_{TAG} WHERE id < %s ORDER BY id", (250,))
            assert sum(1 for _ in pages) == 250
        with connection.transaction(), connection.transaction():
            connection.execute("SELECT 1")
        try:
            with connection.transaction():
                connection.execute(f"INSERT INTO lines_{TAG} VALUES (1)")
        except psycopg.Error:
            pass
        for number in range(4):
            connection.execute(f"SELECT {number}, %s", (number,), prepare=True)
        connection.rollback()


def cancelled():
    with connected("cancelled") as connection:
        sleeping = threading.Thread(target=ask, args=(connection, "SELECT pg_sleep(%s)", (600,)))
        sleeping.start()
        with connected("watching") as watching:
            running = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND query LIKE '%%pg_sleep%%'"
            while watching.execute(running, (connection.info.backend_pid,)).fetchone() != (1,):
                time.sleep(0.02)
        connection.cancel()
        sleeping.join()


for step in (statements, pipeline, copies, of_its_own_accord, cancelled):
    step()
