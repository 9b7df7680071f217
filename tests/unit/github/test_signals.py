"""Signals as exceptions: the first signals, the second leaves at once.

``conftest.py`` puts the handlers back after each test.
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
    """Either signal becomes an exception that knows its name and the shells' exit code."""
    with pytest.raises(Interrupted) as caught:
        signal.raise_signal(number)
    assert (caught.value.name, caught.value.exit_code) == (name, exit_code)
    assert caught.value.cut_short is False


def test_no_handler_of_errors_swallows_an_interrupt() -> None:
    """An ``except Exception`` lets it pass, in our code as in a library's."""
    assert not issubclass(Interrupted, Exception)


def test_a_shield_holds_a_first_signal_back(signals: Signals) -> None:
    """A signal while a run is being created signals only when its id is known."""
    ids: list[str] = []
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGTERM), lambda: ids.append("77"))
    assert ids == ["77"]
    assert caught.value.signal_number == signal.SIGTERM
    assert caught.value.__cause__ is None
    assert caught.value.cut_short is False


def test_a_shield_keeps_the_failure_that_it_saw(signals: Signals) -> None:
    """A signal and then a failed creation are one interrupt, whose cause is the failure."""
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), _fail)
    assert repr(caught.value.__cause__) == "RuntimeError('lost')"
    assert caught.value.cut_short is False


@pytest.mark.parametrize("failure", [RuntimeError("lost"), SystemExit("lost")])
def test_a_shield_passes_a_failure_on(signals: Signals, failure: BaseException) -> None:
    """Without a signal, a failure leaves the block as it is, and the shield is down."""
    with pytest.raises(type(failure), match="lost"):
        _shielded(signals, partial(_fail, failure))
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)


def test_a_shield_without_a_signal_does_nothing(signals: Signals) -> None:
    """After the block a signal signals as before."""
    _shielded(signals)
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGINT)


def test_a_second_signal_pierces_the_shield(signals: Signals) -> None:
    """Whoever sends a second signal does not wait for the id; the ending can say so."""
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), _send(signal.SIGTERM))
    assert caught.value.signal_number == signal.SIGTERM
    assert caught.value.cut_short is True


def test_a_pierced_shield_interrupts_once(signals: Signals) -> None:
    """A failure on the way out of a pierced shield does not hide that there was a signal."""

    def hide() -> None:
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), hide, _fail)
    assert caught.value.signal_number == signal.SIGINT
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_signal_that_was_swallowed_is_not_lost(signals: Signals) -> None:
    """What some code in between swallowed is raised again at the next look, and by a shield."""
    with suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Interrupted):
        signals.check()
    with pytest.raises(Interrupted):
        _shielded(signals, _fail)


def test_patience_has_an_end(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal is held back for no longer than the runner has patience."""
    monkeypatch.setattr("dataform_action.github.signals._PATIENCE_SECONDS", 0.05)
    with pytest.raises(Interrupted) as caught:
        _shielded(signals, _send(signal.SIGINT), lambda: threading.Event().wait(5))
    assert caught.value.cut_short
    assert caught.value.exit_code == 130


def test_alarm_that_is_not_ours_is_no_signal(signals: Signals) -> None:
    """An alarm without a signal before it signals nothing."""
    with signals.shielded():
        signal.raise_signal(signal.SIGALRM)
    signals.check()


def test_the_end_is_not_interrupted(signals: Signals) -> None:
    """After ``finish`` a first signal is too late to change anything."""
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
def test_a_signal_after_the_interrupt_leaves_at_once(
    between: str, number: int, exit_code: int
) -> None:
    """A second signal ends the process there and then, without cleaning up."""
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


def test_two_signals_at_the_end_leave_at_once() -> None:
    """A hanging end can still be ended, with the second signal's exit code."""
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


def test_three_signals_in_a_shield_leave_at_once() -> None:
    """After the signal that pierced a shield, the next one leaves."""
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
    """Run some code in a process of its own, in which nothing may follow it."""
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
