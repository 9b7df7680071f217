"""A signal at each stage of a step: what the emulator saw of it, and what the post step did.

SIGINT and SIGTERM go to the docker client, as the runner sends them; SIGKILL goes to the
container's first process, since a docker client that is killed leaves its container alone.
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
#: How long a step that missed its signal goes on before the next one.
_PATIENCE = 3.0
_NOTHING = "nothing to clean up"
_CANCELLED = "cancelled the run"
_CANNOT = "said that the run goes on"
_PERHAPS = "said that a run may exist"


@dataclass(frozen=True)
class Stage:
    """A moment of a step: what makes it last, and how a test knows that it has come."""

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


#: Longer than a signal takes to arrive, and shorter than a create is shielded from it (3 s).
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
    """A signal at a stage, and what is to come of it: in words, as they stand in the table."""

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
    # Its id never came; only the run of a compilation can be told from others.
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
    """A signal at any stage leaves no run behind that can be cancelled, nor a second one."""
    seen = _play(service, case.stage, case.number, emulator, job, record_property)
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
    """A signal to an interpreter that starts ends it before it sent anything, or is lost.

    A first process has no default handlers, so a signal before Python's own is lost; the step
    goes on, and the runner's next signal finds it.
    """
    seen = _play("Google Cloud", START, number, emulator, job, record_property)
    assert seen["post step"] == _NOTHING
    left = (seen["signal"], seen["emulator saw"], seen["run"])
    assert left in {
        (number.name, "nothing", "none"),
        (f"{number.name} (lost), SIGTERM", "create, get, cancel", "CANCELING"),
    }


@pytest.mark.parametrize("delay", [0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
def test_first_moments(delay: float, emulator: Emulator, job: Job) -> None:
    """The runner's way to cancel, begun in any of a step's first moments, leaves no run behind."""
    inputs = google_inputs_for(emulator, schedule="endless", poll_interval="1")
    step = job.start(inputs)
    step.wait_until_started()
    # The moment itself is what is tested.
    time.sleep(delay)
    step.send(INT)
    if not step.ends_within(_PATIENCE):
        step.send(TERM)
    left = step.wait()
    assert left.exit_code in {128 + INT, 128 + TERM, 1}
    assert "Traceback" not in "".join(left.log) or emulator.requests == []
    post = job.post(inputs, left.state)
    assert (post.exit_code, post.log[-1]) == (0, "Nothing to clean up.")
    assert [invocation.state for invocation in emulator.invocations] in ([], ["CANCELING"])


def test_documentation() -> None:
    """The table of docs/image.md says what is tested here, row by row."""
    text = Path(ROOT, "docs", "image.md").read_text("utf-8")
    for service, case in CASES:
        cells = (service, case.stage.words, case.number.name, str(case.exit_code))
        row = f"| {' | '.join((*cells, case.saw, case.post, case.run))} |"
        assert row in text.splitlines()


def _play(
    service: str,
    stage: Stage,
    number: signal.Signals,
    emulator: Emulator,
    job: Job,
    record_property: Record,
) -> dict[str, str]:
    """Send a signal at a stage, run the post step, and record and return the table's row."""
    make_inputs = google_inputs_for if service == "Google Cloud" else inputs_for
    inputs = make_inputs(emulator, poll_interval="1", **stage.inputs)
    if stage.fault is not None:
        emulator.add_fault(stage.fault)
    step = job.start(inputs)
    stage.reach(step, emulator)
    if number is KILL:
        step.strike(KILL)
    else:
        step.send(number)
    missed = not step.ends_within(7.5 if stage is not START else _PATIENCE)
    if missed:
        step.send(TERM)
    left = step.wait()
    saw = describe_requests(emulator.requests)
    post = job.post(inputs, left.state)
    assert post.exit_code == 0
    done = _what_post_did(post.log)
    runs = [invocation.state for invocation in emulator.invocations]
    runs += [run.status for run in emulator.runs]
    row = {
        "service": service,
        "stage": stage.words,
        "signal": f"{number.name} (lost), SIGTERM" if missed else number.name,
        "exit": str(left.exit_code),
        "emulator saw": saw,
        "post step": done,
        "run": ", ".join(runs) or "none",
    }
    stages = (START, CREATE, COMPILED, CREATED, WAITING, CANCEL)
    order = f"{service == 'Dataform Web'}{stages.index(stage)}{(INT, TERM, KILL).index(number)}"
    record_property("row", {**row, "order": order})
    return row


def _what_post_did(log: list[str]) -> str:
    """Put the post step's last line into words."""
    said = {
        "Nothing to clean up.": _NOTHING,
        "Cancellation was requested.": _CANCELLED,
        "cannot cancel runs": _CANNOT,
        "so the run may exist": _PERHAPS,
    }
    return next((words for line, words in said.items() if line in log[-1]), log[-1])
