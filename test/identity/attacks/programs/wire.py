# SPDX-License-Identifier: Apache-2.0
"""What the programs share: how to reach an endpoint, and how to say what came back."""

import json
import os
import socket
import sys
import time


def say(received=b"", **more):
    line = json.dumps({"pid": os.getpid(), "received": received.hex(), **more}) + "\n"
    # In one call: others of a crowd write into the same file.
    os.write(1, line.encode())


def connect(where):
    """[ADDRESS:]PORT or unix:PATH."""
    if where.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where[5:])
        return connection
    address, _, port = where.rpartition(":")
    connection = socket.create_connection((address or "127.0.0.1", int(port)), 20)
    # What has a time limit does not block, also in a program that goes on with it.
    connection.setblocking(True)
    return connection


def read_all(connection):
    """To the end, or to an end by force."""
    connection.settimeout(20)
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts)


def ask(connection, request):
    try:
        connection.sendall(request)
    except OSError:
        pass
    return read_all(connection)


def request():
    """What stands on standard input."""
    return sys.stdin.buffer.read()


def wait_for(path):
    """Until somebody makes that file."""
    while not os.path.exists(path):
        time.sleep(0.01)
