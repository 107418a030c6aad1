# SPDX-License-Identifier: Apache-2.0
"""
A person at a terminal: runs a program in a pty, types when it asks, and writes down what was typed and what was shown.

Usage   drive.py LOG STEPS PROGRAM ARGUMENTS...
        STEPS: JSON, a list of {"wait": texts that have to be shown first, in order, "type": text, "echoes": wait until
        the terminal does or does not, "size": [columns, rows] to set before}
Output  LOG: JSON, {"shown": hex, "typed": [[hex, bytes shown by then, silent], ...]}
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

PATIENCE_S = 20
log, steps, program = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]


def resize(descriptor, columns, rows):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


child, master = pty.fork()
if child == 0:
    resize(0, 80, 24)
    os.execvp(program[0], program)

shown, seen, typed = b"", 0, []


def read_some():
    """False when the terminal is gone."""
    global shown
    ready, _, _ = select.select([master], [], [], PATIENCE_S)
    if not ready:
        raise TimeoutError(f"nothing is shown any more: {shown[-500:]!r}")
    try:
        some = os.read(master, 65536)
    except OSError:
        return False
    shown += some
    return len(some) > 0


for step in steps:
    for text in [wait.encode() for wait in step["wait"]]:
        while text not in shown[seen:]:
            if not read_some():
                raise EOFError(f"ended before {text!r}: {shown[-500:]!r}")
        seen = shown.index(text, seen) + len(text)
    end = time.monotonic() + PATIENCE_S
    while "echoes" in step and bool(termios.tcgetattr(master)[3] & termios.ECHO) != step["echoes"]:
        if time.monotonic() > end:
            raise TimeoutError("it does not change what it echoes")
        time.sleep(0.01)
    if "size" in step:
        resize(master, *step["size"])
    text = step["type"].encode()
    typed.append([text.hex(), len(shown), step.get("echoes") is False])
    os.write(master, text)
while read_some():
    pass
_, status = os.waitpid(child, 0)
with open(log, "w") as file:
    json.dump({"shown": shown.hex(), "typed": typed}, file)
sys.exit(os.waitstatus_to_exitcode(status))
