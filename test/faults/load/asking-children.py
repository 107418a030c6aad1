# SPDX-License-Identifier: Apache-2.0

"""A workload whose children do the work: each is a psql that asks for one number and ends.

    asking-children.py REPORT NAME

At SIGTERM it writes one JSON object to REPORT: its session, and of each number when its child was started and had ended, in
milliseconds of the wall clock.
"""

import json
import os
import shutil
import signal
import sys
import time

report, name = sys.argv[1], sys.argv[2]
psql = shutil.which("psql")
is_over = False


def end(_signal, _frame):
    global is_over
    is_over = True


signal.signal(signal.SIGTERM, end)
spans = {}
print("moving", flush=True)
while not is_over:
    number = f"{name}-{len(spans)}"
    asked = int(time.time() * 1000)
    pid = os.posix_spawn(psql, ["psql", "-XAtqc", f"SELECT '{number}' AS number"], os.environ)
    os.waitpid(pid, 0)
    spans[number] = [asked, int(time.time() * 1000), "a child"]
    time.sleep(0.2)
with open(report, "w") as file:
    json.dump({"session": os.environ["SWORN_SESSION"], "spans": spans}, file)
