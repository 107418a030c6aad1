# SPDX-License-Identifier: Apache-2.0

"""
A workload: the PostgreSQL drivers of Python over TLS. What it asks for stands in README.md; where, in libpq's environment
variables.

    postgres_clients.py psycopg|psycopg2|asyncpg one|several
"""

import os
import sys

CLIENT, LIFE = sys.argv[1:]
ONE, UPLOAD, LARGE, FAILS = (os.environ[f"RUNTIME_{name}"] for name in ("ONE", "UPLOAD", "LARGE", "FAILS"))


def body():
    with open(os.environ["RUNTIME_BODY"], encoding="utf-8") as file:
        return file.read()


def with_psycopg(driver):
    """Psycopg 3 and 2 have the same interface, and their own spelling of parameters."""
    connection = driver.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    if LIFE == "one":
        cursor.execute(ONE.replace("$1", "%s"), ("one",))
    else:
        cursor.execute(UPLOAD.replace("$1", "%s"), (body(),))
        cursor.execute(LARGE)
        cursor.fetchall()
        try:
            cursor.execute(FAILS)
            raise AssertionError("a division by zero succeeded")
        except driver.errors.DivisionByZero:
            pass
        cursor.execute(ONE.replace("$1", "%s"), ("last",))
    connection.close()


def with_asyncpg():
    import asyncio

    import asyncpg

    async def ask_all():
        connection = await asyncpg.connect()
        if LIFE == "one":
            await connection.fetch(ONE, "one")
        else:
            await connection.fetch(UPLOAD, body())
            await connection.fetch(LARGE)
            try:
                await connection.fetch(FAILS)
                raise AssertionError("a division by zero succeeded")
            except asyncpg.DivisionByZeroError:
                pass
            await connection.fetch(ONE, "last")
        await connection.close()

    asyncio.run(ask_all())


if CLIENT == "asyncpg":
    with_asyncpg()
else:
    driver = __import__(CLIENT)
    __import__(f"{CLIENT}.errors")
    with_psycopg(driver)
