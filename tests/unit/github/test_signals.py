"""Signals as exceptions: the first one raises, the second one exits.

``conftest.py`` restores the handlers after each test.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from dataform_action.github.signals import Interrupted, Signals

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def signals() -> Signals:
    signals = Signals()
    signals.install()
    return signals


def _shielded(signals: Signals, *steps: Callable[[], object]) -> None:
    with signals.shielded():
        for step in steps:
            step()


def _send(number: int) -> Callable[[], None]:
    return partial(signal.raise_signal, number)


def _fail(failure: BaseException | None = None) -> None:
    raise failure or RuntimeError("lost")


@pytest.mark.parametrize(
    ("number", "name", "exit_code"),
    [(signal.SIGINT, "SIGINT", 130), (signal.SIGTERM, "SIGTERM", 143)],
)
@pytest.mark.usefixtures("signals")
def test_a_first_signal_interrupts(number: int, name: str, exit_code: int) -> None:
    """Either signal becomes an exception with its name and the shells' exit code."""
    with pytest.raises(Interrupted) as caught:
        signal.raise_signal(number)
    assert (caught.value.name, caught.value.exit_code) == (name, exit_code)
    assert caught.value.cut_short is False


def test_no_error_handler_catches_an_interrupt() -> None:
    """``except Exception`` does not catch it, in our code and in libraries."""
    assert not issubclass(Interrupted, Exception)


def test_a_shield_delays_a_first_signal(signals: Signals) -> None:
    """A signal during the creation of a run is raised when the run's id is known."""
    ids: list[str] = []
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGTERM), lambda: ids.append("77"))
    assert ids == ["77"]
    assert caught.value.signal_number == signal.SIGTERM
    assert caught.value.__cause__ is None
    assert caught.value.cut_short is False


def test_a_shield_keeps_an_error(signals: Signals) -> None:
    """A signal and then a failed creation are one interrupt, whose cause is the error."""
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), _fail)
    assert repr(caught.value.__cause__) == "RuntimeError('lost')"
    assert caught.value.cut_short is False


@pytest.mark.parametrize("failure", [RuntimeError("lost"), SystemExit("lost")])
def test_a_shield_passes_errors_on(signals: Signals, failure: BaseException) -> None:
    """Without a signal, an error is raised unchanged, and the shield ends."""
    with pytest.raises(type(failure), match="lost"):
        _shielded(signals, partial(_fail, failure))
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)


def test_a_shield_without_a_signal_does_nothing(signals: Signals) -> None:
    """After the block, a signal interrupts as before."""
    _shielded(signals)
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)


def test_a_second_signal_is_not_delayed(signals: Signals) -> None:
    """A second signal does not wait for the id, and the outcome can say so."""
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), _send(signal.SIGTERM))
    assert caught.value.signal_number == signal.SIGTERM
    assert caught.value.cut_short is True


def test_an_interrupted_shield_interrupts_once(signals: Signals) -> None:
    """An error after the second signal does not hide the signal."""

    def hide() -> None:
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), hide, _fail)
    assert caught.value.signal_number == signal.SIGINT
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_caught_signal_is_not_lost(signals: Signals) -> None:
    """If other code caught the exception, ``check`` and the shield raise it again."""
    with suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        signals.check()
    with pytest.raises(Interrupted):
        _shielded(signals, _fail)


def test_the_delay_is_limited(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal is not delayed for longer than the limit."""
    monkeypatch.setattr("dataform_action.github.signals._LONGEST_DELAY_SECONDS", 0.05)
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), lambda: threading.Event().wait(5))
    assert caught.value.cut_short
    assert caught.value.exit_code == 130


def test_another_alarm_is_ignored(signals: Signals) -> None:
    """An alarm without a previous signal raises nothing."""
    with signals.shielded():
        signal.raise_signal(signal.SIGALRM)
    signals.check()


def test_the_end_is_not_interrupted(signals: Signals) -> None:
    """After ``finish``, a first signal changes nothing."""
    signals.finish()
    signal.raise_signal(signal.SIGINT)
    signals.check()
    assert signals.received == signal.SIGINT


@pytest.mark.parametrize(
    ("between", "number", "exit_code"),
    [
        ("", signal.SIGTERM, 143),
        ("", signal.SIGINT, 130),
        ("signals.finish()", signal.SIGTERM, 143),
    ],
)
def test_a_signal_after_the_interrupt_exits_immediately(
    between: str, number: int, exit_code: int
) -> None:
    """A second signal ends the process immediately, without cleanup."""
    assert (
        _exit_code(
            f"""
        try:
            signal.raise_signal(signal.SIGINT)
        except Interrupted:
            {between or "pass"}
            signal.raise_signal({int(number)})
        """
        )
        == exit_code
    )


def test_two_signals_at_the_end_exit_immediately() -> None:
    """A process that hangs at the end can be stopped, with the second signal's exit code."""
    assert (
        _exit_code(
            """
        signals.finish()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        """
        )
        == 143
    )


def test_three_signals_in_a_shield_exit_immediately() -> None:
    """After the signal that interrupted the shield, the next one exits."""
    assert (
        _exit_code(
            """
        with signals.shielded():
            signal.raise_signal(signal.SIGINT)
            try:
                signal.raise_signal(signal.SIGINT)
            except Interrupted:
                signal.raise_signal(signal.SIGTERM)
        """
        )
        == 143
    )


def _exit_code(code: str) -> int:
    """Run code in a separate process, which must exit there."""
    program = f"""
import signal
from dataform_action.github.signals import Interrupted, Signals
signals = Signals()
signals.install()
try:{code.replace(chr(10), chr(10) + "    ")}
finally:
    print("cleaned up")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=_ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("", "")
    return done.returncode
