"""Random interruptions of a step in a process of its own, and the post step afterwards.

Each is made from a seed: a run, the faults of the requests about it, and the moment of a signal.
The signals are those of the runner (SIGINT, SIGTERM 7.5 s later, SIGKILL 2.5 s after that), one
that comes alone, or SIGKILL at once, as from a machine that is out of memory. The moment is a
request, or a time after the step's first line.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataform_action.emulator import DEFAULT_TOKEN, Course, Emulator, Fault
from tests.faults.planted import echo
from tests.support.leaks import Leaks, written
from tests.support.steps import (
    Step,
    google_inputs_for,
    inputs_for,
    read_step,
    start_step,
)

#: The runner's patience: after SIGINT, and after SIGTERM.
SIGTERM_AFTER = 7.5
SIGKILL_AFTER = 2.5
#: What a step or a post step may take at most, in seconds; a busy machine is no fault.
LONGEST = 60.0
#: How many are played at the same time: most of their time is spent in waiting.
AT_ONCE = 8
_LEAKS = Leaks({"the token": DEFAULT_TOKEN})
_SAYS_SO = re.compile(
    r"run \S+ continues|may exist|may still be running|left running|not cancelled|"
    "not be cancelled|refused to cancel"
)
_CREATE = re.compile(r"/(run|workflowInvocations)$")


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """What is played, and when it is stopped."""

    name: str
    on_google: bool
    inputs: dict[str, str]
    faults: tuple[Fault, ...]
    statuses: tuple[str, ...] = ("RUNNING",)
    course: Course = field(default_factory=Course)
    #: The signals in their order, those of the runner or one alone.
    signals: tuple[int, ...]
    #: The first signal comes with this request, or, if it is 0, with the step's first line;
    request: int
    #: and then so much later, in seconds.
    delay: float
    #: Whether the faults are over when the post step runs.
    is_mended: bool


def make_interruption(seed: int) -> Interruption:
    """Return the interruption of a seed."""
    choose = random.Random(f"interruption {seed}")  # noqa: S311
    on_google = choose.random() < 0.6
    faults = [
        _make_fault(choose, on)
        for on in ("create", "get", "cancel", "compile", "list")
        if choose.random() < 0.35
    ]
    places: tuple[dict[str, str], ...] = (
        {"git-ref": "main", "schedule": ""},
        {"environment": "production"},
        {},
    )
    return Interruption(
        name=f"interruption {seed}",
        on_google=on_google,
        inputs={
            "poll-interval": "1",
            "cancel-run": choose.choice(("true", "true", "true", "false")),
            **(choose.choice(places) if on_google else {}),
        },
        faults=tuple(faults),
        statuses=("RUNNING",) * choose.choice((1, 3)) + choose.choice(((), ("SUCCESSFUL",))),
        course=choose.choice((Course(), Course(endless=("orders_cleaned",)))),
        signals=choose.choice(
            (
                (signal.SIGINT, signal.SIGTERM, signal.SIGKILL),
                (signal.SIGINT, signal.SIGTERM, signal.SIGKILL),
                (signal.SIGTERM, signal.SIGKILL),
                (signal.SIGKILL,),
                (signal.SIGKILL,),
            )
        ),
        request=choose.choice((0, 1, 1, 2, 2, 3, 4)),
        delay=choose.choice((0.0, 0.0, choose.random() * 0.1, choose.random())),
        is_mended=choose.random() < 0.7,
    )


def _make_fault(choose: random.Random, on: Any) -> Fault:  # noqa: ANN401
    kind: Any = choose.choice(("hang", "hang", "close", "status", "html"))
    return Fault(
        kind,
        on=on,
        after=choose.choice((0, 0, 1)) if on != "create" else 0,
        times=choose.choice((1, 3)) if on != "create" else 1,
        # Those that are longer than the patience of the runner come last.
        seconds=choose.choice((0.05, 0.5, 2.5, 5.0, 30.0)),
        processed=choose.random() < 0.6,
        body=json.dumps({"error": {"message": echo(DEFAULT_TOKEN)}}) if kind == "status" else None,
    )


@dataclass(frozen=True)
class Interrupted:
    """What is left when the step and its post step are over."""

    step: Step
    post_exit_code: int
    #: Everything that was written.
    text: str
    runs: tuple[str, ...]
    creates: int
    #: From the first signal to the end of the step.
    seconds: float


def play(interruption: Interruption) -> Interrupted:
    """Play an interruption in processes of their own."""
    with (
        tempfile.TemporaryDirectory() as name,
        Emulator(advance="poll") as emulator,
    ):
        folder = Path(name)
        emulator.set_outcome("nightly", interruption.statuses)
        for schedule in (None, "nightly"):
            emulator.set_course(schedule, interruption.course)
        for fault in interruption.faults:
            emulator.add_fault(fault)
        usual = google_inputs_for(emulator) if interruption.on_google else inputs_for(emulator)
        inputs = {**usual, **interruption.inputs}
        with start_step(folder, inputs) as process:
            try:
                log, seconds = _stop(process, emulator, interruption)
            finally:
                process.kill()
        step = read_step(folder, process.returncode, log)
        if interruption.is_mended:
            emulator.clear_faults()
        state = {f"STATE_{key}": value for key, value in step.state.items()}
        with start_step(folder, inputs, "post_entrypoint.py", **state) as post:
            try:
                post_log, _ = post.communicate(timeout=LONGEST)
            finally:
                post.kill()
        creates = sum(
            request.method == "POST" and _CREATE.search(request.path) is not None
            for request in emulator.requests
        )
        runs = (*(run.status for run in emulator.runs), *(i.state for i in emulator.invocations))
        text = written(folder, log, post_log)
        return Interrupted(step, post.returncode, text, runs, creates, seconds)


def _stop(
    process: subprocess.Popen[str], emulator: Emulator, interruption: Interruption
) -> tuple[str, float]:
    """Send the signals at their times; return the log, and how long the step took to leave."""
    lines: list[str] = []
    begun = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            begun.set()
        begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait(LONGEST)
    if interruption.request:

        def is_due() -> bool:
            return len(emulator.requests) >= interruption.request or process.poll() is not None

        # A wait that is longer than the step itself, unless that hangs.
        with suppress(TimeoutError):
            emulator.wait_for(is_due, 3.0)
    _wait(process, interruption.delay)
    started = time.monotonic()
    for number in interruption.signals:
        if process.poll() is None:
            process.send_signal(number)
            _wait(process, SIGTERM_AFTER if number == signal.SIGINT else SIGKILL_AFTER)
    process.wait(LONGEST)
    seconds = time.monotonic() - started
    reader.join()
    return "".join(lines), seconds


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait for the end of a process, but no longer than this."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def check(interruption: Interruption) -> str:
    """Play an interruption, and return what became of its run; raise if that is not honest.

    Raises:
        AssertionError: a run was created twice or lost without a word, the post step failed, or a
            secret was written.
    """
    played = play(interruption)
    problems = _LEAKS.find(played.text)
    if len(played.runs) > 1 or played.creates > 1:
        problems.append(f"{len(played.runs)} runs, {played.creates} requests to create one")
    if played.post_exit_code != 0:
        problems.append(f"the post step's exit code is {played.post_exit_code}")
    if "Traceback" in played.text:
        problems.append("a traceback")
    fate = _fate_of(played)
    if fate == "lost":
        problems.append("the run goes on, and nothing says so")
    if fate.startswith("goes on") and _can_be_cancelled(interruption, played.step):
        problems.append("the run goes on, although it could be cancelled")
    code, killed = played.step.exit_code, -signal.SIGKILL
    ended = (0, 1, 3, 4)
    first = interruption.signals[0]
    if code not in (*ended, killed, 128 + signal.SIGINT, 128 + signal.SIGTERM):
        problems.append(f"exit code {code}")
    if code == killed and first != signal.SIGKILL:
        patience = SIGTERM_AFTER if first == signal.SIGINT else 0
        if played.seconds < patience + SIGKILL_AFTER:
            problems.append("killed before the end of the runner's patience")
    if problems:
        raise AssertionError(f"{interruption}\n{played.text}\n{played.runs}\n{'; '.join(problems)}")
    return fate


def _fate_of(played: Interrupted) -> str:
    """Return what became of the run."""
    if not played.runs:
        return "never created"
    [state] = played.runs
    if state in ("CANCELING", "CANCELLED"):
        return "cancelled"
    if state != "RUNNING":
        return "over"
    return "goes on, as is said" if _SAYS_SO.search(played.text) else "lost"


def _can_be_cancelled(interruption: Interruption, step: Step) -> bool:
    """Tell whether a run that goes on is known, and nothing is in the way of its end."""
    names = interruption.inputs
    return (
        interruption.on_google
        and interruption.is_mended
        and names["cancel-run"] == "true"
        and step.exit_code not in (0, 1, 3, 4)
        and ("run_id" in step.state or "git-ref" in names or "environment" in names)
    )


def check_all(seeds: Iterable[int]) -> dict[str, int]:
    """Play the interruptions of these seeds, and count what became of their runs."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(Counter(pool.map(check, map(make_interruption, seeds))))
