# SPDX-License-Identifier: Apache-2.0
"""PyMySQL against a server: argument 1 is its port."""

import sys
import pymysql
from pymysql.constants import CLIENT

about = {"host": "127.0.0.1", "port": int(sys.argv[1]), "user": "ann", "password": "ann-Passwort-77", "database": "shop"}
connection = pymysql.connect(**about, charset="utf8mb4", client_flag=CLIENT.MULTI_STATEMENTS, program_name="an agent")
with connection.cursor() as cursor:
    cursor.execute("create table python_items (id int primary key, name varchar(100), price decimal(8,2), data blob)")
    for n in range(100):
        cursor.execute("insert into python_items values (%s, %s, %s, %s)", (n, f"Größe 'ß' \"{n}\" \\ ☃", n / 4, None))
    cursor.execute("select * from python_items order by id")
    assert len(cursor.fetchall()) == 100
    cursor.execute("update python_items set price = 1 where id < 10; select count(*) from python_items; delete from python_items where id = 1")
    while cursor.nextset():
        pass
    for text in ("select nothing from nowhere", "insert into python_items (id) values (2)"):
        try:
            cursor.execute(text)
        except pymysql.MySQLError:
            pass
    cursor.execute("select repeat('long ', 100000)")
    cursor.fetchall()
connection.commit()
connection.select_db("other")
connection.ping()
connection.close()
try:
    pymysql.connect(**{**about, "password": "wrong-Passwort-78"})
except pymysql.MySQLError:
    pass
