# SPDX-License-Identifier: Apache-2.0
"""What a process may try against the agent, one act a line; runs as whoever starts it.

    acts.py '{"pid": …, "state_dir": …, "run_dir": …, "config": …, "certificate_key": …, "socket": …}'

Prints one JSON object a line: {"act": …, "refused": true|false, "how": …}. Acts that would end the agent come last.
"""
import ctypes
import json
import os
import platform
import socket
import sys

where = json.loads(sys.argv[1])
pid = where["pid"]
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH, RLIMIT_NOFILE = 16, 17, 7
BPF, PROCESS_VM_READV = {"x86_64": (321, 310), "aarch64": (280, 270)}[platform.machine()]
PIDFD_OPEN, PIDFD_GETFD = 434, 438
BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID = 11, 12, 31


class Refused(Exception):
    pass


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def call(number, *arguments):
    return checked(libc.syscall(number, *arguments))


def journal_file():
    folder = os.path.join(where["state_dir"], "journal")
    names = [name for name in os.listdir(folder) if name.endswith(".segment")]
    return os.path.join(folder, sorted(names)[-1])


def read(path):
    with open(path, "rb") as file:
        file.read(1)


def append(path):
    with open(path, "ab") as file:
        file.write(b"x")


def next_id(command):
    attribute = ctypes.create_string_buffer(128)
    call(BPF, command, attribute, 128)


def read_memory():
    with open(f"/proc/{pid}/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(start)
        memory.read(8)


def vm_readv():
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    buffer = ctypes.create_string_buffer(8)
    local = Vector(ctypes.cast(buffer, ctypes.c_void_p), 8)
    remote = Vector(0x400000, 8)
    try:
        call(PROCESS_VM_READV, pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
    except OSError as error:
        # EFAULT: it was let in, and nothing is there.
        if error.errno != 14:
            raise


def attach():
    checked(libc.ptrace(PTRACE_ATTACH, pid, None, None))
    os.waitpid(pid, 0x40000000)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def take_descriptor():
    handle = call(PIDFD_OPEN, pid, 0)
    call(PIDFD_GETFD, handle, 3, 0)


def set_limit():
    class Limit(ctypes.Structure):
        _fields_ = [("soft", ctypes.c_ulong), ("hard", ctypes.c_ulong)]

    limit = Limit(65536, 65536)
    checked(libc.prlimit(pid, RLIMIT_NOFILE, ctypes.byref(limit), None))


def ask(request):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(where["socket"])
        client.sendall(request + b" HTTP/1.1\r\nHost: agent\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        status = client.makefile("rb").readline()
    if b" 200 " not in status:
        raise Refused(status.decode("latin1").strip())


def replace_socket():
    os.unlink(where["socket"])


ACTS = {
    "read the journal": lambda: read(journal_file()),
    "write into the journal": lambda: append(os.path.join(where["state_dir"], "journal", "lock")),
    "list the journal": lambda: os.listdir(os.path.join(where["state_dir"], "journal")),
    "put a file beside the journal": lambda: append(os.path.join(where["state_dir"], "planted")),
    "read the key of redaction": lambda: read(os.path.join(where["state_dir"], "redaction.key")),
    "read the key of the certificate": lambda: read(where["certificate_key"]),
    "change the configuration": lambda: append(where["config"]),
    "reload the policies": lambda: ask(b"POST /v1/policies/reload"),
    "remove the control socket": replace_socket,
    "list the BPF programs": lambda: next_id(BPF_PROG_GET_NEXT_ID),
    "list the BPF maps": lambda: next_id(BPF_MAP_GET_NEXT_ID),
    "list the BPF links": lambda: next_id(BPF_LINK_GET_NEXT_ID),
    "remove probes through tracefs": lambda: open("/sys/kernel/tracing/uprobe_events", "ab").close(),
    "read its memory through /proc": read_memory,
    "read its environment": lambda: read(f"/proc/{pid}/environ"),
    "list its descriptors": lambda: os.listdir(f"/proc/{pid}/fd"),
    "read its memory by a call": vm_readv,
    "take one of its descriptors": take_descriptor,
    "trace it": attach,
    "change its limits": set_limit,
    "lower its priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "ask whether it may be signalled": lambda: os.kill(pid, 0),
}

for name, act in ACTS.items():
    try:
        act()
        print(json.dumps({"act": name, "refused": False, "how": ""}), flush=True)
    except (OSError, Refused) as error:
        print(json.dumps({"act": name, "refused": True, "how": str(error)}), flush=True)
