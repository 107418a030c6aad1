# SPDX-License-Identifier: Apache-2.0
"""terminal.py COMMAND…: runs a program in a terminal, types into it what a person would, and changes its size once."""
import fcntl
import os
import pty
import struct
import sys
import termios


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))


def until(fd, text):
    seen = b''
    while text not in seen:
        seen += os.read(fd, 4096)


pid, fd = pty.fork()
if pid == 0:
    resize(0, 24, 80)
    os.execvp(sys.argv[1], sys.argv[1:])
os.write(fd, b'echo said-$((40+2))\n')
until(fd, b'said-42')
resize(fd, 30, 100)
os.write(fd, b'while [ "$(stty size)" != "30 100" ]; do sleep 0.05; done; echo size-$(stty size)\n')
until(fd, b'size-30 100')
os.write(fd, b'exit 5\n')
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
