# SPDX-License-Identifier: Apache-2.0
"""
Two network namespaces and a link between them that can be broken, packet by packet: what tc's netem does, for kernels that
do not have it. Each namespace has a TUN device; what the kernel sends into one comes out here, is dropped, delayed, doubled
or let overtake, and goes into the other.

Prints {"near": path, "far": path}: the namespaces, to be entered with nsenter --net=PATH. Then a line "ok" for each line of
standard input, which is a JSON object of what to change: "cut" (no packet passes), "one_way" ("near" or "far": packets from
there do not pass), "delay_ms", "jitter_ms", "loss", "duplicate", "reorder" (shares), "down" (the near device is down),
"seed". Ends when its input does; the namespaces go when nothing is in them.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES_MAX = 65536
# A link holds so many packets; more are lost, as on a real one.
WAITING_MAX = 5000
REORDER_MS = 30

libc = ctypes.CDLL(None, use_errno=True)


def enter_new():
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def make_end(address, peer):
    enter_new()
    namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"sworn0", IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "addr", "add", address, "peer", peer, "dev", "sworn0"], check=True)
    subprocess.run(["ip", "link", "set", "dev", "sworn0", "up"], check=True)
    os.set_blocking(device, False)
    return namespace, device


class Link:
    def __init__(self, near, far):
        self.devices = {"near": near, "far": far}
        self.waiting = []
        self.count = 0
        self.state = {}
        self.random = random.Random(0)

    def change(self, change):
        if "seed" in change:
            self.random = random.Random(change.pop("seed"))
        self.state = change

    def take(self, side):
        try:
            packet = os.read(self.devices[side], PACKET_BYTES_MAX)
        except OSError:
            return
        state = self.state
        if state.get("cut") or state.get("one_way") == side or len(self.waiting) >= WAITING_MAX:
            return
        if self.random.random() < state.get("loss", 0):
            return
        for _ in range(2 if self.random.random() < state.get("duplicate", 0) else 1):
            delay_ms = state.get("delay_ms", 0) + self.random.random() * state.get("jitter_ms", 0)
            if self.random.random() < state.get("reorder", 0):
                delay_ms += REORDER_MS * self.random.random()
            self.count += 1
            to = "far" if side == "near" else "near"
            heapq.heappush(self.waiting, (time.monotonic() + delay_ms / 1000, self.count, to, packet))

    def deliver(self):
        """Seconds until the next one is due."""
        while self.waiting:
            due_in = self.waiting[0][0] - time.monotonic()
            if due_in > 0:
                return due_in
            _, _, to, packet = heapq.heappop(self.waiting)
            if self.state.get("cut"):
                continue
            try:
                os.write(self.devices[to], packet)
            except OSError:
                pass
        return None


def main():
    far_namespace, far = make_end("10.99.0.2", "10.99.0.1")
    near_namespace, near = make_end("10.99.0.1", "10.99.0.2")
    pid = os.getpid()
    paths = {"near": f"/proc/{pid}/fd/{near_namespace}", "far": f"/proc/{pid}/fd/{far_namespace}"}
    print(json.dumps(paths), flush=True)
    link = Link(near, far)
    pending = b""
    is_down = False
    while True:
        ready, _, _ = select.select([near, far, 0], [], [], link.deliver())
        if near in ready:
            link.take("near")
        if far in ready:
            link.take("far")
        if 0 not in ready:
            continue
        read = os.read(0, 65536)
        if read == b"":
            return
        *lines, pending = (pending + read).split(b"\n")
        for line in lines:
            change = json.loads(line)
            down = change.pop("down", False)
            if down != is_down:
                # This process is in the near namespace.
                subprocess.run(["ip", "link", "set", "dev", "sworn0", "down" if down else "up"], check=True)
                is_down = down
            link.change(change)
            print("ok", flush=True)


if __name__ == "__main__":
    sys.exit(main())
