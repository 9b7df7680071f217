"""Random interruptions of a step in a separate process, and the post step afterwards.

A seed determines a run, the faults of its requests, and the time of the first signal. The signals
are those of the runner (SIGINT, SIGTERM after 7.5 s, SIGKILL after another 2.5 s), one signal
alone, or an immediate SIGKILL, as on a machine without free memory. The first signal comes with a
request, or some time after the step's first line.
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
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dataform_action.emulator import DEFAULT_TOKEN, Course, Emulator, Fault
from tests.faults.planted import echo
from tests.faults.sequences import set_courses
from tests.support.leaks import Leaks, written
from tests.support.steps import (
    Step,
    google_inputs_for,
    inputs_for,
    read_step,
    start_step,
)

#: The time between the runner's signals, in seconds.
SIGTERM_AFTER = 7.5
SIGKILL_AFTER = 2.5
#: The time limit of a step or a post step, in seconds; it allows for a busy machine.
TIME_LIMIT = 60.0
#: The number of concurrent interruptions: they mostly wait.
CONCURRENCY = 8
_LEAKS = Leaks({"the token": DEFAULT_TOKEN})
_REPORT = re.compile(
    r"run \S+ continues|may exist|may still be running|left running|not cancelled|"
    "not be cancelled|refused to cancel"
)
_CREATE = re.compile(r"/(run|workflowInvocations)$")
#: The exit codes of a step that ends by itself.
_UNDISTURBED = (0, 1, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """A step, and when it is interrupted."""

    name: str
    on_google: bool
    inputs: dict[str, str]
    faults: tuple[Fault, ...]
    statuses: tuple[str, ...] = ("RUNNING",)
    course: Course = field(default_factory=Course)
    #: The courses of the next runs, which repeat what failed.
    next_courses: tuple[Course, ...] = ()
    #: The signals in order: those of the runner, or one alone.
    signals: tuple[int, ...]
    #: The number of the request after which the first signal comes; 0: after the first line.
    request: int
    #: How long that request may take, in seconds: longer than the step takes, unless it hangs.
    most_seconds: float = 3.0
    #: An additional delay of the first signal, in seconds.
    delay: float
    #: Whether the faults have ended when the post step runs.
    is_recovered: bool


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
        is_recovered=choose.random() < 0.7,
    )


def make_interrupted_retry(seed: int) -> Interruption:
    """Return the interruption of a seed in a step that runs again what failed."""
    choose = random.Random(f"retry {seed}")  # noqa: S311
    interruption = make_interruption(seed)
    places: tuple[dict[str, str], ...] = (
        {"git-ref": "main", "schedule": ""},
        {"environment": "production"},
        {"schedule": "nightly"},
    )
    failing = Course(failures={"orders_cleaned": "Out of memory"})
    lost = Fault(
        choose.choice(("hang", "close", "status", "html")),
        on="create",
        after=1,
        seconds=choose.choice((0.05, 2.5, 30.0)),
        processed=choose.random() < 0.6,
    )
    return replace(
        interruption,
        name=f"interrupted retry {seed}",
        on_google=True,
        inputs={
            "poll-interval": "1",
            "retry-failed": "2",
            "cancel-run": choose.choice(("true", "true", "true", "false")),
            **choose.choice(places),
        },
        faults=(lost,) if choose.random() < 0.5 else (),
        course=failing,
        next_courses=choose.choice(
            ((failing, Course()), (Course(endless=("orders_cleaned",)),), (Course(),))
        ),
        # The second run is created at about the tenth request.
        request=choose.randint(5, 14),
        most_seconds=20.0,
    )


def _make_fault(choose: random.Random, on: Any) -> Fault:  # noqa: ANN401
    kind: Any = choose.choice(("hang", "hang", "close", "status", "html"))
    return Fault(
        kind,
        on=on,
        after=choose.choice((0, 0, 1)) if on != "create" else 0,
        times=choose.choice((1, 3)) if on != "create" else 1,
        # The last times are longer than the runner waits.
        seconds=choose.choice((0.05, 0.5, 2.5, 5.0, 30.0)),
        processed=choose.random() < 0.6,
        body=json.dumps({"error": {"message": echo(DEFAULT_TOKEN)}}) if kind == "status" else None,
    )


@dataclass(frozen=True)
class Ended:
    """The state after the step and its post step."""

    step: Step
    post_exit_code: int
    #: Everything that the step and the post step wrote.
    text: str
    runs: tuple[str, ...]
    creates: int
    #: The time from the first signal to the end of the step.
    seconds: float


def run(interruption: Interruption) -> Ended:
    """Run a step with an interruption, and its post step, in separate processes."""
    with (
        tempfile.TemporaryDirectory() as name,
        Emulator(advance="poll") as emulator,
    ):
        folder = Path(name)
        emulator.set_outcome("nightly", interruption.statuses)
        courses = (interruption.course, *interruption.next_courses)
        set_courses(emulator, interruption.inputs, courses)
        for fault in interruption.faults:
            emulator.add_fault(fault)
        default = google_inputs_for(emulator) if interruption.on_google else inputs_for(emulator)
        inputs = {**default, **interruption.inputs}
        with start_step(folder, inputs, is_covered=False) as process:
            try:
                log, seconds = _stop(process, emulator, interruption)
            finally:
                process.kill()
        step = read_step(folder, process.returncode, log)
        if interruption.is_recovered:
            emulator.clear_faults()
        state = {f"STATE_{key}": value for key, value in step.state.items()}
        with start_step(folder, inputs, "post_entrypoint.py", is_covered=False, **state) as post:
            try:
                post_log, _ = post.communicate(timeout=TIME_LIMIT)
            finally:
                post.kill()
        creates = sum(
            request.method == "POST" and _CREATE.search(request.path) is not None
            for request in emulator.requests
        )
        runs = (*(run.status for run in emulator.runs), *(i.state for i in emulator.invocations))
        text = written(folder, log, post_log)
        return Ended(step, post.returncode, text, runs, creates, seconds)


def _stop(
    process: subprocess.Popen[str], emulator: Emulator, interruption: Interruption
) -> tuple[str, float]:
    """Send the signals; return the log, and the time from the first signal to the end."""
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
    begun.wait(TIME_LIMIT)
    if interruption.request:

        def is_due() -> bool:
            return len(emulator.requests) >= interruption.request or process.poll() is not None

        with suppress(TimeoutError):
            emulator.wait_for(is_due, interruption.most_seconds)
    _wait(process, interruption.delay)
    started = time.monotonic()
    for number in interruption.signals:
        if process.poll() is None:
            process.send_signal(number)
            _wait(process, SIGTERM_AFTER if number == signal.SIGINT else SIGKILL_AFTER)
    process.wait(TIME_LIMIT)
    seconds = time.monotonic() - started
    reader.join()
    return "".join(lines), seconds


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait for the end of a process, but at most this long."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def check(interruption: Interruption) -> str:
    """Run an interruption; return the state of the Dataform run afterwards.

    Raises:
        AssertionError: a run was created twice or lost without a report, the post step failed, or
            a secret was written.
    """
    ended = run(interruption)
    problems = _LEAKS.find(ended.text)
    attempts = 1 + ended.text.count("\nAttempt ")
    if len(ended.runs) > attempts or ended.creates > attempts:
        problems.append(f"{len(ended.runs)} runs, {ended.creates} requests to create one")
    if ended.post_exit_code != 0:
        problems.append(f"the post step's exit code is {ended.post_exit_code}")
    if "Traceback" in ended.text:
        problems.append("a traceback")
    state = _state_of_run(ended)
    if state == "lost":
        problems.append("the run continues, and nothing reports it")
    if state == "continues, reported" and _can_be_cancelled(interruption, ended.step):
        problems.append("the run continues, although it could be cancelled")
    code, killed = ended.step.exit_code, -signal.SIGKILL
    first = interruption.signals[0]
    if code not in (*_UNDISTURBED, killed, 128 + signal.SIGINT, 128 + signal.SIGTERM):
        problems.append(f"exit code {code}")
    if code == killed and first != signal.SIGKILL:
        limit = SIGKILL_AFTER + (SIGTERM_AFTER if first == signal.SIGINT else 0)
        if ended.seconds < limit:
            problems.append("killed before the runner would kill it")
    if problems:
        raise AssertionError(f"{interruption}\n{ended.text}\n{ended.runs}\n{'; '.join(problems)}")
    return state


def _state_of_run(ended: Ended) -> str:
    """Return the state of the Dataform run at the end."""
    if not ended.runs:
        return "never created"
    *earlier, state = ended.runs
    if any(other != "FAILED" for other in earlier):
        return "lost"
    if state in ("CANCELING", "CANCELLED"):
        return "cancelled"
    if state != "RUNNING":
        return "ended"
    return "continues, reported" if _REPORT.search(ended.text) else "lost"


def _can_be_cancelled(interruption: Interruption, step: Step) -> bool:
    """Return whether a run that continues is known, and nothing prevents its cancellation."""
    names = interruption.inputs
    return (
        interruption.on_google
        and interruption.is_recovered
        and names["cancel-run"] == "true"
        and step.exit_code not in _UNDISTURBED
        and (bool(step.state.get("run_id")) or "git-ref" in names or "environment" in names)
    )


def check_all(
    seeds: Iterable[int], make: Callable[[int], Interruption] = make_interruption
) -> dict[str, int]:
    """Check the interruptions of these seeds; count the states of their last runs."""
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return dict(Counter(pool.map(check, map(make, seeds))))
