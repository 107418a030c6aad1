# SPDX-License-Identifier: Apache-2.0
"""take_socket.py FROM WORD...: takes a connection that is another's, and goes on with it.

FROM is a unix socket where give_socket.py hands it over, or PID:FD, taken by force (pidfd_getfd). The words, in order: send,
half, rest; read says what came; go-PATH makes a file; gone waits until the giver has ended; reuse-PROGRAM goes on as that
program, in a process with the giver's pid, which sends what stands on standard input; reuse-read-PROGRAM only reads.
"""

import ctypes
import os
import select
import socket
import sys

import wire

PIDFD_GETFD = 438

source, *words = sys.argv[1:]
request = b"" if any(word.startswith("reuse") for word in words) else wire.request()
middle = len(request) // 2
if source.startswith("/"):
    door = socket.socket(socket.AF_UNIX)
    wire.wait_for(source)
    door.connect(source)
    told, descriptors, _, _ = socket.recv_fds(door, 64, 1)
    giver, taken = int(told), descriptors[0]
else:
    giver, number = (int(part) for part in source.split(":"))
    taken = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, os.pidfd_open(giver), number, 0)
    if taken < 0:
        sys.exit(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
held = os.pidfd_open(giver)
if source.startswith("/"):
    door.send(b"k")
connection = socket.socket(fileno=taken)
for word in words:
    if word == "send":
        connection.sendall(request)
    elif word == "half":
        connection.sendall(request[:middle])
    elif word == "rest":
        connection.sendall(request[middle:])
    elif word == "read":
        wire.say(wire.read_all(connection))
    elif word.startswith("go-"):
        open(word[3:], "w").close()
    elif word == "gone":
        select.select([held], [], [], 30)
    elif word.startswith("reuse-"):
        program, asker = word[6:].split(",")
        os.close(held)
        os.dup2(taken, 9, inheritable=True)
        os.execv(program, [program, str(giver), asker, "fd:9"])
