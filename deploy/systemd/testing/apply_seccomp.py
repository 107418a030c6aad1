# SPDX-License-Identifier: Apache-2.0
"""Execute a program under a seccomp filter, as systemd would: what is not allowed fails with EPERM.

    apply_seccomp.py '{"calls": [0, 1, …], "families": [1, 2, 10]}' PROGRAM ARGUMENT…

Kept to what Python brings along: the filter is written as BPF and handed to prctl(2) with ctypes.
"""
import ctypes
import json
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO_EPERM = 0x7FFF0000, 0x00050001
# struct seccomp_data: nr at 0, arch at 4, low half of the first argument at 16.
LOAD, JUMP_EQUAL, JUMP_GREATER_EQUAL, RETURN = 0x20, 0x15, 0x35, 0x06
ARCHITECTURE, SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}[platform.machine()]
X32_BIT = 0x40000000


def program(calls, families):
    yield LOAD, 0, 0, 4
    yield JUMP_EQUAL, 1, 0, ARCHITECTURE
    yield RETURN, 0, 0, ERRNO_EPERM
    yield LOAD, 0, 0, 0
    yield JUMP_GREATER_EQUAL, 0, 1, X32_BIT
    yield RETURN, 0, 0, ERRNO_EPERM
    for call in calls:
        if call == SOCKET:
            continue
        yield JUMP_EQUAL, 0, 1, call
        yield RETURN, 0, 0, ALLOW
    yield JUMP_EQUAL, 1, 0, SOCKET
    yield RETURN, 0, 0, ERRNO_EPERM
    yield LOAD, 0, 0, 16
    for family in families:
        yield JUMP_EQUAL, 0, 1, family
        yield RETURN, 0, 0, ALLOW
    yield RETURN, 0, 0, ERRNO_EPERM


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


wanted = json.loads(sys.argv[1])
code = [struct.pack("HBBI", *instruction) for instruction in program(wanted["calls"], wanted["families"])]
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
    sys.exit("no_new_privs: " + os.strerror(ctypes.get_errno()))
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Filter(len(code), b"".join(code))), 0, 0) != 0:
    sys.exit("seccomp: " + os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[2], sys.argv[2:])
