# SPDX-License-Identifier: Apache-2.0
"""fetch.py URL: fetches it and goes where it leads, as a program does that shows a picture from an address it was given."""

import sys
import urllib.error
import urllib.request

import wire

try:
    with urllib.request.urlopen(sys.argv[1], timeout=20) as answer:
        wire.say(answer.read())
except urllib.error.HTTPError as error:
    wire.say(f"HTTP/1.1 {error.code}\r\n\r\n".encode() + error.read())
