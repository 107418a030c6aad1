# SPDX-License-Identifier: Apache-2.0
"""flood.py PORT COUNT: asks so often, one connection after the other, and says the last answer."""

import sys

import wire

port, count = sys.argv[1:]
request = wire.request()
answer = b""
for number in range(int(count)):
    answer = wire.ask(wire.connect(port), request)
    if number == 0:
        wire.say(answer)
wire.say(answer)
