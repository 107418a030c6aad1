# SPDX-License-Identifier: Apache-2.0

"""A workload that starts short processes as fast as it can, and some that stay.

    process-storm.py REPORT SECONDS STAYING RELEASE_FILE

Each short one is told its number as an argument. Writes one JSON object to REPORT when the storm is over: of each process
its pid and when it was started and ended, in milliseconds of the wall clock. Ends, with those that stayed, when
RELEASE_FILE is there.
"""

import json
import os
import signal
import sys
import time

report, seconds, staying, release = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]


def start(program, *args):
    return os.posix_spawn(program, [os.path.basename(program), *args], os.environ)


stay = [start("/bin/sleep", "3600") for _ in range(staying)]
short = []
print("the storm begins", flush=True)
deadline = time.monotonic() + seconds
while time.monotonic() < deadline:
    started = time.time()
    pid = start("/bin/true", str(len(short)))
    os.waitpid(pid, 0)
    short.append({"pid": pid, "startedMs": started * 1000, "endedMs": time.time() * 1000})
with open(report, "w") as file:
    json.dump({"session": os.environ["SWORN_SESSION"], "pid": os.getpid(), "short": short, "stay": stay}, file)
print("the storm is over", flush=True)
while not os.path.exists(release):
    time.sleep(0.05)
for pid in stay:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
