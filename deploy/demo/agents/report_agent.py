# SPDX-License-Identifier: Apache-2.0

"""The demo's second workload: Python, plain HTTP for its token, psycopg for its database, a shell for the rest."""

import json
import os
import subprocess
import urllib.error
import urllib.request

import psycopg


def ask(url, **options):
    request = urllib.request.Request(url, **options)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.read()
    except urllib.error.HTTPError as error:
        return error.read()


endpoint = os.environ["IDENTITY_ENDPOINT"]
resource = "https://graph.microsoft.com"
answer = ask(
    f"{endpoint}?api-version=2019-08-01&resource={resource}",
    headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]},
)
headers = {"Authorization": "Bearer " + json.loads(answer)["access_token"]}

api = os.environ["INVOICE_API"]
ask(f"{api}/reports", headers=headers)
ask(f"{api}/reports", headers=headers, data=b"month=11&format=pdf", method="POST")
ask(f"{api}/reports/none", headers=headers)

with psycopg.connect("", autocommit=True) as database:
    database.execute("CREATE TABLE reports (month int, lines int, note text)")
    for month, lines in ((9, 120), (10, 98), (11, 143)):
        database.execute("INSERT INTO reports VALUES (%s, %s, %s)", (month, lines, None), prepare=True)
    with database.cursor().copy("COPY reports (month, lines, note) FROM STDIN") as copy:
        copy.write_row((12, 7, "draft"))
    print(database.execute("SELECT month, lines FROM reports WHERE lines > %s", (100,)).fetchall())
    with database.transaction():
        database.execute("UPDATE reports SET note = %s WHERE month = %s", ("final", 11))
    try:
        database.execute("INSERT INTO report VALUES (1)")
    except psycopg.errors.UndefinedTable as error:
        print("as expected:", error.diag.message_primary)

subprocess.run(["sh", "-c", "date -u; id -un"], stdout=subprocess.DEVNULL, check=True)
