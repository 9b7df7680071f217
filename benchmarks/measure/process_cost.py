"""Run a command and write what it cost to a file: ``process_cost.py FILE COMMAND …``.

A process of its own, and a small one: Linux counts the memory of the process that starts
another into the peak of the one that is started.
"""

import json
import os
import sys
import time

report, *command = sys.argv[1:]
started = time.monotonic()
process = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(process, 0)
ended = time.monotonic()
cost = {
    "started": started,
    "ended": ended,
    # With those of all processes that it waited for.
    "cpu": usage.ru_utime + usage.ru_stime,
    # The most that one of them held; macOS counts bytes, not KiB.
    "peak_memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
}
with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123
    json.dump(cost, file)
sys.exit(os.waitstatus_to_exitcode(status))
