# SPDX-License-Identifier: Apache-2.0
"""crowd.py PORT COUNT GO: so many processes ask at once, as soon as the file GO is there; each says what it got."""

import os
import sys

import wire

port, count, go = sys.argv[1:]
request = wire.request()
wire.say()
children = []
for _ in range(int(count)):
    child = os.fork()
    if child == 0:
        wire.wait_for(go)
        wire.say(wire.ask(wire.connect(port), request))
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
