"""Run a program in simulated time: ``without_waiting.py SCRIPT …``; CLOCK_FILE has the time.

A pause moves the time, and takes none. The emulator reads the same file, so an hour of waiting
takes as long as its requests.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path

_FORMAT = "d"


class FileClock:
    """A clock in a file, which several processes share; only ``sleep`` moves it."""

    def __init__(self, path: str = "") -> None:
        self._file = os.open(path or os.environ["CLOCK_FILE"], os.O_RDWR | os.O_CREAT)
        if path:
            os.pwrite(self._file, struct.pack(_FORMAT, time.time()), 0)

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return float(struct.unpack(_FORMAT, os.pread(self._file, 8, 0))[0])

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        os.pwrite(self._file, struct.pack(_FORMAT, self.now() + seconds), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def main() -> None:
    """Replace the clock of the action, or that of another script, and run it."""
    import runpy

    script = sys.argv[1]
    folder = Path(script).parent
    if (folder / "dataform_action").is_dir():
        sys.path.insert(0, str(folder))
        import dataform_action.clock

        dataform_action.clock.MonotonicClock = FileClock  # type: ignore[assignment,misc]
    else:
        time.sleep = FileClock().sleep  # type: ignore[assignment]
    del sys.argv[0]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
