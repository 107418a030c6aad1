# SPDX-License-Identifier: Apache-2.0
"""hold_token.py memory|environment|child WHERE [PORT]: gets a token as its workload, and keeps it there.

environment: it becomes another program, which has it. child: a child that has it in its environment uses it at PORT.

Standard input is the request. It says that it has it, and stays.
"""

import os
import re
import subprocess
import sys
import time

import wire

place, where, *port = sys.argv[1:]
answer = wire.ask(wire.connect(where), wire.request())
found = re.search(rb'"access_token":"([^"]+)"', answer)
if found is None:
    sys.exit(answer.decode())
token = found[1]
wire.say(answer)
if place == "environment":
    os.execve("/bin/sleep", ["sleep", "120"], {"TOKEN": token.decode()})
if place == "child":
    thief = os.path.join(os.path.dirname(__file__), "steal_token.py")
    child = [sys.executable, thief, "0", "none", "http", *port]
    sys.exit(subprocess.run(child, env={"TOKEN": token.decode()}, check=False).returncode)
time.sleep(120)
