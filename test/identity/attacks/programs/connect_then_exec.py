# SPDX-License-Identifier: Apache-2.0
"""connect_then_exec.py exec|late|fork|sent WHERE PROGRAM: connects, and another program sends.

exec: this process becomes it; late: after a second, when the connection has been accepted. fork: a child becomes it, this one stays. sent: this process sends, becomes the program before
the answer is there, and the program reads it.
"""

import os
import sys
import time

import wire

how, where, program = sys.argv[1:]
connection = wire.connect(where)
os.dup2(connection.fileno(), 9, inheritable=True)
if how == "sent":
    connection.sendall(wire.request())
elif how == "late":
    time.sleep(1)
elif how == "fork":
    child = os.fork()
    if child != 0:
        os.waitpid(child, 0)
        sys.exit(0)
os.execv(program, [program, "fd:9"])
