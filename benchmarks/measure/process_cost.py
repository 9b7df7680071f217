"""Run a command and write its cost to a file: ``process_cost.py FILE COMMAND …``.

It is a separate, small process, because Linux adds the memory of the parent process to the peak
of the process that it starts.
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
    # Including all child processes that the command waited for.
    "cpu": usage.ru_utime + usage.ru_stime,
    # The peak of the largest process; macOS counts in bytes, not in KiB.
    "peak_memory": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
}
with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123
    json.dump(cost, file)
sys.exit(os.waitstatus_to_exitcode(status))
