"""A signal at each stage of a step: the requests to the emulator, and the post step.

SIGINT and SIGTERM go to the docker client, like those of the runner. SIGKILL goes to the first
process of the container, because a killed docker client does not stop its container.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dataform_action.emulator import Emulator, Fault
from tests.e2e.job import Container, Job
from tests.e2e.seen import describe_requests
from tests.support.steps import ROOT, google_inputs_for, inputs_for

INT, TERM, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
#: The time until the next signal if a step missed the first one, in seconds.
_NEXT_SIGNAL_AFTER = 3.0
_NOTHING = "nothing to clean up"
_CANCELLED = "cancelled the run"
_CANNOT = "reported that the run continues"
_PERHAPS = "reported that a run may exist"


@dataclass(frozen=True)
class Stage:
    """A stage of a step: the fault that prolongs it, and a function that waits for it."""

    words: str
    reach: Callable[[Container, Emulator], object]
    fault: Fault | None = None
    inputs: Mapping[str, str] = field(default_factory=lambda: {"schedule": "endless"})


def _wait_for(kind: str) -> Callable[[Container, Emulator], object]:
    return lambda _, emulator: emulator.wait_for(
        lambda: describe_requests(emulator.requests).endswith(kind), seconds=20
    )


def _cancel_first(step: Container, emulator: Emulator) -> None:
    step.read_until("Status RUNNING")
    step.send(INT)
    _wait_for("cancel")(step, emulator)


#: Long enough for a signal to arrive, and shorter than a create delays a signal (3 s).
_SLOW_CREATE = Fault("hang", on="create", seconds=2.0, processed=True)
START = Stage("while the interpreter starts", lambda step, _: step.wait_until_started())
CREATE = Stage(
    "during the create",
    _wait_for("create"),
    _SLOW_CREATE,
)
COMPILED = Stage(
    "during the create, after a compilation",
    _wait_for("create"),
    _SLOW_CREATE,
    {"schedule": "", "environment": "production"},
)
CREATED = Stage("right after the create", _wait_for("get"), Fault("hang", on="get", seconds=60))
WAITING = Stage("while it waits", lambda step, _: step.read_until("Status RUNNING"))
CANCEL = Stage("during the cancel", _cancel_first, Fault("hang", on="cancel", seconds=60))


@dataclass(frozen=True)
class Case:
    """A signal at a stage, and the expected result, in the words of the table."""

    stage: Stage
    number: signal.Signals
    exit_code: int
    saw: str
    post: str
    run: str

    def __str__(self) -> str:
        return f"{self.number.name} {self.stage.words}"


GOOGLE = (
    Case(CREATE, INT, 130, "create, cancel", _NOTHING, "CANCELING"),
    Case(CREATE, TERM, 143, "create, cancel", _NOTHING, "CANCELING"),
    # Its id is unknown; only the run of a compilation can be identified.
    Case(CREATE, KILL, 137, "create", _PERHAPS, "RUNNING"),
    Case(COMPILED, KILL, 137, "compile, create", _CANCELLED, "CANCELING"),
    Case(CREATED, INT, 130, "create, get, cancel", _NOTHING, "CANCELING"),
    Case(CREATED, TERM, 143, "create, get, cancel", _NOTHING, "CANCELING"),
    Case(CREATED, KILL, 137, "create, get", _CANCELLED, "CANCELING"),
    Case(WAITING, INT, 130, "create, get, cancel", _NOTHING, "CANCELING"),
    Case(WAITING, TERM, 143, "create, get, cancel", _NOTHING, "CANCELING"),
    Case(WAITING, KILL, 137, "create, get", _CANCELLED, "CANCELING"),
    Case(CANCEL, INT, 130, "create, get, cancel", _CANCELLED, "CANCELING"),
    Case(CANCEL, TERM, 143, "create, get, cancel", _CANCELLED, "CANCELING"),
    Case(CANCEL, KILL, 137, "create, get, cancel", _CANCELLED, "CANCELING"),
)
#: Dataform Web cannot cancel a run.
WEB = (
    Case(CREATE, INT, 130, "create", _NOTHING, "RUNNING"),
    Case(CREATE, KILL, 137, "create", _PERHAPS, "RUNNING"),
    Case(WAITING, INT, 130, "create, get", _NOTHING, "RUNNING"),
    Case(WAITING, TERM, 143, "create, get", _NOTHING, "RUNNING"),
    Case(WAITING, KILL, 137, "create, get", _CANNOT, "RUNNING"),
)
CASES = (
    *(("Google Cloud", case) for case in GOOGLE),
    *(("Dataform Web", case) for case in WEB),
)
Record = Callable[[str, object], None]


@pytest.mark.parametrize(
    ("service", "case"),
    CASES,
    ids=str,
)
def test_signal(
    service: str, case: Case, emulator: Emulator, job: Job, record_property: Record
) -> None:
    """After a signal at any stage, no run continues that can be cancelled, and no second one."""
    seen = _run(service, case.stage, case.number, emulator, job, record_property)
    assert seen == {
        "service": service,
        "stage": case.stage.words,
        "signal": case.number.name,
        "exit": str(case.exit_code),
        "emulator saw": case.saw,
        "post step": case.post,
        "run": case.run,
    }


@pytest.mark.parametrize("number", [INT, TERM, KILL], ids=lambda number: number.name)
def test_signal_at_the_start(
    number: signal.Signals, emulator: Emulator, job: Job, record_property: Record
) -> None:
    """During the start of the interpreter, a signal ends it before any request, or is lost.

    The first process of a container has no default handlers, so a signal is lost until Python has
    set its own. Then the step continues until the runner's next signal.
    """
    seen = _run("Google Cloud", START, number, emulator, job, record_property)
    assert seen["post step"] == _NOTHING
    result = (seen["signal"], seen["emulator saw"], seen["run"])
    assert result in {
        (number.name, "nothing", "none"),
        (f"{number.name} (lost), SIGTERM", "create, get, cancel", "CANCELING"),
    }


@pytest.mark.parametrize("delay", [0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
def test_cancellation_soon_after_the_start(delay: float, emulator: Emulator, job: Job) -> None:
    """If the runner cancels a step soon after its start, no run continues."""
    inputs = google_inputs_for(emulator, schedule="endless", poll_interval="1")
    step = job.start(inputs)
    step.wait_until_started()
    # The time itself is what the test varies.
    time.sleep(delay)
    step.send(INT)
    if not step.ends_within(_NEXT_SIGNAL_AFTER):
        step.send(TERM)
    ended = step.wait()
    assert ended.exit_code in {128 + INT, 128 + TERM, 1}
    assert "Traceback" not in "".join(ended.log) or emulator.requests == []
    post = job.post(inputs, ended.state)
    assert (post.exit_code, post.log[-1]) == (0, "Nothing to clean up.")
    assert [invocation.state for invocation in emulator.invocations] in ([], ["CANCELING"])


def test_documentation() -> None:
    """The table in docs/image.md has all tested rows."""
    text = Path(ROOT, "docs", "image.md").read_text("utf-8")
    for service, case in CASES:
        cells = (service, case.stage.words, case.number.name, str(case.exit_code))
        row = f"| {' | '.join((*cells, case.saw, case.post, case.run))} |"
        assert row in text.splitlines()


def _run(
    service: str,
    stage: Stage,
    number: signal.Signals,
    emulator: Emulator,
    job: Job,
    record_property: Record,
) -> dict[str, str]:
    """Send a signal at a stage and run the post step; record and return the row of the table."""
    make_inputs = google_inputs_for if service == "Google Cloud" else inputs_for
    inputs = make_inputs(emulator, poll_interval="1", **stage.inputs)
    if stage.fault is not None:
        emulator.add_fault(stage.fault)
    step = job.start(inputs)
    stage.reach(step, emulator)
    if number is KILL:
        step.send_to_container(KILL)
    else:
        step.send(number)
    is_missed = not step.ends_within(7.5 if stage is not START else _NEXT_SIGNAL_AFTER)
    if is_missed:
        step.send(TERM)
    ended = step.wait()
    saw = describe_requests(emulator.requests)
    post = job.post(inputs, ended.state)
    assert post.exit_code == 0
    done = _describe_post(post.log)
    runs = [invocation.state for invocation in emulator.invocations]
    runs += [run.status for run in emulator.runs]
    row = {
        "service": service,
        "stage": stage.words,
        "signal": f"{number.name} (lost), SIGTERM" if is_missed else number.name,
        "exit": str(ended.exit_code),
        "emulator saw": saw,
        "post step": done,
        "run": ", ".join(runs) or "none",
    }
    stages = (START, CREATE, COMPILED, CREATED, WAITING, CANCEL)
    order = f"{service == 'Dataform Web'}{stages.index(stage)}{(INT, TERM, KILL).index(number)}"
    record_property("row", {**row, "order": order})
    return row


def _describe_post(log: list[str]) -> str:
    """Describe the last line of the post step."""
    descriptions = {
        "Nothing to clean up.": _NOTHING,
        "Cancellation was requested.": _CANCELLED,
        "cannot cancel runs": _CANNOT,
        "so the run may exist": _PERHAPS,
    }
    return next((words for line, words in descriptions.items() if line in log[-1]), log[-1])
