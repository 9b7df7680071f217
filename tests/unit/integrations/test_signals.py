"""Signals during a block: delayed, or handled differently."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dataform_action.integrations.signals import delayed, handled_by


@pytest.fixture
def arrived() -> Iterator[list[int]]:
    """Return the signals that the program's own handler received."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _frame: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGUSR1, before)


def test_a_delayed_signal_arrives_after_the_block(arrived: list[int]) -> None:
    with delayed(signal.SIGUSR1):
        signal.raise_signal(signal.SIGUSR1)
        assert arrived == []
    assert arrived == [signal.SIGUSR1]


def test_a_delayed_signal_arrives_after_an_exception(arrived: list[int]) -> None:

    def fail() -> None:
        with delayed(signal.SIGUSR1):
            signal.raise_signal(signal.SIGUSR1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert arrived == [signal.SIGUSR1]


def test_the_previous_handler_is_restored(arrived: list[int]) -> None:
    handled: list[int] = []
    with handled_by(lambda number, _frame: handled.append(number), signal.SIGUSR1):
        signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    assert (handled, arrived) == ([signal.SIGUSR1], [signal.SIGUSR1])


def test_another_thread_changes_no_handler(arrived: list[int]) -> None:
    """Python allows signal handlers only in the main thread."""

    def run() -> None:
        with delayed(signal.SIGUSR1):
            signal.raise_signal(signal.SIGUSR1)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(run).result()
    assert arrived == [signal.SIGUSR1]
