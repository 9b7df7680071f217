"""The whole action, started like ``entrypoint.py``, in simulated time.

This measures the cost of hundreds of polls without the waiting.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


class InstantClock:
    """A clock that only ``sleep`` moves, without waiting."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds slept so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self._now += seconds


if __name__ == "__main__":
    from dataform_action.action.main import main
    from dataform_action.github.commands import open_log

    sys.exit(main(os.environ, open_log(sys.stdout), InstantClock()))
