"""The whole action, started as ``entrypoint.py`` does it, in time that passes at once.

So that hundreds of polls can be measured: everything that they cost but the waiting.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


class InstantClock:
    """Time that passes only when somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the seconds slept so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self._now += seconds


if __name__ == "__main__":
    from dataform_action.action.main import main
    from dataform_action.github.commands import open_log

    sys.exit(main(os.environ, open_log(sys.stdout), InstantClock()))
