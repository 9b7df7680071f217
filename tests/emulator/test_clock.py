"""The clock of the emulator."""

from __future__ import annotations

import time

import pytest

from dataform_action.emulator.clock import SystemClock


def test_system_clock_gives_the_time_of_day() -> None:
    """The real clock counts the seconds since the epoch."""
    assert SystemClock().now() == pytest.approx(time.time(), abs=5)
