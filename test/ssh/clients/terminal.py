# SPDX-License-Identifier: Apache-2.0
"""terminal.py COMMAND…: runs a program in a terminal, types into it what a person would, and changes its size once.

Two passwords are among it: one that a shell reads, and one that is asked for as sudo does.
"""
import fcntl
import os
import pty
import struct
import sys
import termios
import time


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
os.write(fd, b"bash -c 'read -rsp First: word; echo; echo first-${#word}'\n")
until(fd, b'\nFirst:')
os.write(fd, b'unshown-one\n')
until(fd, b'first-11')
ask = "import getpass; print('second-%d' % len(getpass.getpass('Second:')))"
os.write(fd, f'python3 -c "{ask}"\n'.encode())
until(fd, b'\nSecond:')
for letter in b'unshown-second':
    os.write(fd, bytes([letter]))
    time.sleep(0.1)
os.write(fd, b'\n')
until(fd, b'second-14')
os.write(fd, b'exit 5\n')
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
