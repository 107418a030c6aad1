# SPDX-License-Identifier: Apache-2.0
"""give_socket.py WHERE PATH WORD...: connects, and hands the connection to who comes to the unix socket PATH.

The words, in order: give; send, half and rest send the request or its halves; go-PATH waits for a file; end kills itself;
read says what came; stay keeps everything open.
"""

import os
import signal
import socket
import sys
import time

import wire

where, path, *words = sys.argv[1:]
request = wire.request()
middle = len(request) // 2
door = socket.socket(socket.AF_UNIX)
# Who waits for the path finds one that listens.
door.bind(path + ".new")
door.listen()
os.rename(path + ".new", path)
connection = wire.connect(where)
wire.say(fd=connection.fileno())
for word in words:
    if word == "give":
        taker, _ = door.accept()
        socket.send_fds(taker, [str(os.getpid()).encode()], [connection.fileno()])
        # Before it has a hold of this process, this process must not end.
        taker.recv(1)
    elif word == "send":
        connection.sendall(request)
    elif word == "half":
        connection.sendall(request[:middle])
    elif word == "rest":
        connection.sendall(request[middle:])
    elif word.startswith("go-"):
        wire.wait_for(word[3:])
    elif word == "read":
        wire.say(wire.read_all(connection))
    elif word == "end":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "stay":
        time.sleep(60)
