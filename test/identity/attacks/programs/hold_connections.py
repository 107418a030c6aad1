# SPDX-License-Identifier: Apache-2.0
"""hold_connections.py WHERE COUNT: opens so many connections and sends nothing; what is closed is opened again."""

import resource
import selectors
import sys
import time

import wire

where, count = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
watched = selectors.DefaultSelector()


def open_one():
    connection = wire.connect(where)
    connection.setblocking(False)
    watched.register(connection, selectors.EVENT_READ)


for _ in range(count):
    open_one()
wire.say()
answer = b""
until = time.monotonic() + 8
while time.monotonic() < until:
    for key, _ in watched.select(1):
        try:
            answer = key.fileobj.recv(65536) or answer
        except OSError:
            pass
        watched.unregister(key.fileobj)
        key.fileobj.close()
        open_one()
wire.say(answer)
