"""Poll a run to its end without waiting, and print what that cost as JSON.

``run.py`` starts this as ``poll.py library|session <url> <token> <run id>``. The costs are
of the polls alone, measured inside the process: imports and set-up come before.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PROJECT = "1234"


class RushingClock:
    """Time that passes only when somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds slept so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self._now += seconds


def with_library(url: str, token: str, run_id: str) -> Callable[[], object]:
    """Return the library's wait."""
    from dataform_action import DataformWeb, wait

    service = DataformWeb(project_id=PROJECT, token=token, api_url=url)
    run = service.describe(run_id)
    return lambda: wait(service, run, clock=RushingClock())


def with_session(url: str, token: str, run_id: str) -> Callable[[], object]:
    """Return the same requests on a plain session."""
    import requests

    session = requests.Session()
    session.headers["User-Agent"] = "session-script"
    session.headers["Authorization"] = f"Bearer {token}"
    run_url = f"{url}/v1/project/{PROJECT}/run/{run_id}"

    def poll() -> None:
        while True:
            response = session.get(run_url, timeout=(10, 30), allow_redirects=False)
            response.raise_for_status()
            if response.json()["status"] != "RUNNING":
                return

    return poll


def cpu_seconds() -> float:
    """Return the processor time of this process so far, its own and the system's for it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_memory_kib() -> int:
    """Return the most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux hands ru_maxrss down from the process that started this one, VmHWM not.
        fields = dict(line.split(":", 1) for line in status.read_text("utf-8").splitlines())
        return int(fields["VmHWM"].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def main() -> None:
    """Prepare, poll, and print the cost of the polls."""
    client, url, token, run_id = sys.argv[1:]
    poll = {"library": with_library, "session": with_session}[client](url, token, run_id)
    before = cpu_seconds()
    poll()
    cpu = cpu_seconds() - before
    print(json.dumps({"cpu_seconds": cpu, "peak_memory_kib": peak_memory_kib()}))


if __name__ == "__main__":
    main()
