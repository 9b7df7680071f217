"""Every fault with what must happen, as one table; ``make faults`` plays and prints it.

A row is played over a scripted service and over Dataform Web on the emulator, in time
that only sleeps move. A later service joins by a column of its own.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from dataform_action.emulator import Course, Emulator, Fault
from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    Misconfigured,
    NoResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
)
from dataform_action.events import Changed, Created, OutageStarted, RunOutcome, Update
from dataform_action.github.signals import Interrupted
from dataform_action.model import Polling, Run, RunRequest
from dataform_action.report.outcome import StepOutcome, outcome_of
from dataform_action.runs.api import run
from dataform_action.services.base import Service
from dataform_action.services.dataform_web import DataformWeb
from dataform_action.services.google.service import GoogleDataform
from dataform_action.transport.response import RULES
from tests.support.fakes import FakeClock, FakeService, Step

DOCS = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
MARK = "<!-- table -->\n"
RESPONSES_MARK = "<!-- responses -->\n"
NIGHTLY = RunRequest(schedule="nightly")
#: What an answer may take in the emulator, so that one that never comes is soon given up.
READ_SECONDS = 0.3

_LOST = [NoResponse("lost")]
_ODD = [InvalidResponse("odd")]
_MANY = 10_000
_REMOTE = "The remote server unexpectedly closed the connection during remote operation."


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault and what must come of it.

    ``faults`` and ``statuses`` tell the emulator what to do, ``polls`` and ``creates``
    the scripted service. ``peers`` are the measured outcomes of ``PEERS``, in order.
    """

    name: str
    exit_code: int = 0
    creates: int = 1
    runs: int = 1
    outages: int = 1
    faults: tuple[Fault, ...] = ()
    statuses: tuple[str, ...] = ("RUNNING", "RUNNING", "SUCCESSFUL")
    polls: tuple[Step, ...] = ("RUNNING", "RUNNING", "SUCCESSFUL")
    made: tuple[Step, ...] = ("",)
    signal: int | None = None
    #: What becomes of an invocation on Google Cloud; ``None`` if the row has no meaning there.
    course: Course | None = field(default_factory=Course)
    #: The exit code there, if it is another one.
    google_exit_code: int | None = None
    google_request: RunRequest | None = None
    peers: tuple[str, ...] = ("", "", "", "", "")


PEERS = (
    "the API page's script",
    "curl and jq loop",
    "Airflow's hook",
    "aws-codebuild-run-build",
    "dbt-cloud-action",
)


def _on_a_poll(name: str, fault: Fault, error: DataformError, peers: tuple[str, ...]) -> Row:
    """Return a row whose fault spoils some polls from the second on, and then ends."""
    times = fault.times or 1
    return Row(
        name=name,
        faults=(fault,),
        polls=("RUNNING", *[error] * times, "RUNNING", "SUCCESSFUL"),
        peers=peers,
    )


def _get(kind: str, **options: object) -> Fault:
    return Fault(kind, on="get", **{"after": 1, **options})  # type: ignore[arg-type]


def _post(kind: str, **options: object) -> Fault:
    return Fault(kind, on="create", **options)  # type: ignore[arg-type]


_ALL_FAIL = ("fails", "fails", "ok", "ok", "ok")
_STUCK_READ = ("stuck", "stuck", "stuck", "stuck", "ok")

TABLE: tuple[Row, ...] = (
    Row(name="healthy run", outages=0, peers=("ok",) * 5),
    _on_a_poll("500 on one poll", _get("status", status=500), _LOST[0], _ALL_FAIL),
    _on_a_poll(
        "503 on five polls",
        _get("status", status=503, times=5),
        _LOST[0],
        ("fails", "fails", "ok", "fails", "ok"),
    ),
    _on_a_poll("502 on one poll", _get("status", status=502), _LOST[0], ()),
    _on_a_poll("504 on one poll", _get("status", status=504), _LOST[0], ()),
    *(
        _on_a_poll(f"{status} on one poll", _get("status", status=status), _LOST[0], ())
        for status in (408, 409, 421, 425, 499)
    ),
    _on_a_poll(
        "400 on one poll: the remote server closed the connection",
        _get("status", status=400, body=f'{{"error": {{"message": "{_REMOTE}"}}}}'),
        _LOST[0],
        (),
    ),
    _on_a_poll(
        "403 on one poll, with the status UNAVAILABLE",
        _get("status", status=403, body='{"error": {"status": "UNAVAILABLE", "message": "x"}}'),
        _LOST[0],
        (),
    ),
    _on_a_poll(
        "429, `Retry-After: 25`",
        _get("status", status=429, headers={"Retry-After": "25"}),
        Throttled("429", retry_after=25),
        ("fails", "fails", "ok, too soon", "ok, too soon", "ok, too soon"),
    ),
    _on_a_poll(
        "429, `Retry-After` a date",
        _get("status", status=429, headers={"Retry-After": formatdate(0, usegmt=True)}),
        Throttled("429", retry_after=0),
        (),
    ),
    _on_a_poll("429 alone", _get("status", status=429), Throttled("429"), ()),
    _on_a_poll(
        "TCP reset on one poll", _get("reset"), _LOST[0], ("fails", "fails", "ok", "ok", "ok")
    ),
    _on_a_poll("connection closed, no bytes", _get("close"), _LOST[0], _ALL_FAIL),
    _on_a_poll(
        "HTML body with 200", _get("html"), _ODD[0], ("fails", "fails", "ok", "fails", "fails")
    ),
    _on_a_poll(
        "cut JSON, right length",
        _get("cut-json"),
        _ODD[0],
        ("fails", "fails", "ok", "fails", "fails"),
    ),
    _on_a_poll("body shorter than Content-Length", _get("short"), _LOST[0], _ALL_FAIL),
    _on_a_poll("JSON of the wrong shape", _get("json", body="[1]"), _ODD[0], ()),
    _on_a_poll("one poll without `status`", _get("json", body="{}"), _ODD[0], ("fails", "fails")),
    _on_a_poll("a redirect", _get("redirect", headers={"Location": "/"}), _ODD[0], ()),
    _on_a_poll("a body without end", _get("huge", size=40_000_000), _ODD[0], ()),
    _on_a_poll("one poll never answered", _get("hang", seconds=600), _LOST[0], _STUCK_READ),
    _on_a_poll("one poll answered a byte at a time", _get("drip", seconds=600), _LOST[0], ()),
    Row(
        name="`QUEUED` three times, then its end",
        course=None,
        statuses=("QUEUED", "QUEUED", "QUEUED", "RUNNING", "SUCCESSFUL"),
        polls=(*_ODD * 3, "RUNNING", "SUCCESSFUL"),
        peers=("**false success**", "fails", "ok", "ok", "ok"),
    ),
    Row(
        name="unknown status, for ever",
        exit_code=4,
        course=Course(state="PAUSED"),
        statuses=("PAUSED",),
        polls=(_ODD[0],),
        peers=("**false success**", "fails", "stuck", "stuck", "stuck"),
    ),
    Row(
        name="404 in the first 30 s, then its end",
        outages=0,
        faults=(_get("status", status=404, times=3, after=0),),
        polls=(*[Refused("404", status=404)] * 3, "RUNNING", "SUCCESSFUL"),
    ),
    Row(
        name="404 after the first 30 s",
        exit_code=3,
        outages=0,
        course=Course(endless=("orders_cleaned",)),
        faults=(_get("status", status=404, times=None, after=30),),
        statuses=("RUNNING",) * 100,
        polls=(*["RUNNING"] * 30, Refused("404", status=404)),
        peers=("ok", "ok", "stuck", "ok", "stuck"),
    ),
    Row(
        name="401 from the 3rd poll on (token expired)",
        exit_code=3,
        outages=0,
        course=Course(endless=("orders_cleaned",)),
        faults=(_get("status", status=401, times=None, after=2),),
        statuses=("RUNNING",) * 100,
        polls=("RUNNING", "RUNNING", Refused("401", status=401)),
        peers=("ok", "ok", "stuck", "ok", "stuck"),
    ),
    Row(
        name="500 from the 2nd poll on",
        exit_code=4,
        faults=(_get("status", status=500, times=None),),
        polls=("RUNNING", _LOST[0]),
        peers=("fails", "fails", "stuck", "fails", "stuck"),
    ),
    Row(
        name="connection refused from the 2nd poll on",
        exit_code=4,
        faults=(_get("reset", times=None),),
        polls=("RUNNING", NotConnected("refused")),
    ),
    *(
        Row(
            name=f"run {status}",
            exit_code=1,
            outages=0,
            course=Course(ending=status) if status in ("FAILED", "CANCELLED") else None,
            statuses=("RUNNING", status),
            polls=("RUNNING", status),
            peers=peers,
        )
        for status, peers in (
            ("FAILED", ("**false success**", "ok", "ok", "ok", "ok")),
            ("CANCELLED", ("**false success**", "ok", "ok", "ok", "**false success**")),
            ("TIMED_OUT", ("**false success**", "ok", "ok", "ok", "ok")),
        )
    ),
    Row(
        name="a status that holds a workflow command, once",
        faults=(_get("json", body='{"status": "X\\n::error::injected"}'),),
        polls=("RUNNING", InvalidResponse("X\n::error::injected"), "RUNNING", "SUCCESSFUL"),
        peers=("not injected", "**injected**", "not injected", "", "not injected"),
    ),
    Row(
        name="create: 429 twice",
        creates=3,
        faults=(_post("status", status=429, times=2),),
        made=(Throttled("429"), Throttled("429"), ""),
    ),
    Row(
        name="create: 429 for ever",
        exit_code=4,
        creates=_MANY,
        runs=0,
        faults=(_post("status", status=429, times=None),),
        made=(Throttled("429"),),
    ),
    *(
        Row(
            name=f"create: {status}",
            exit_code=3,
            runs=0,
            outages=0,
            faults=(_post("status", status=status),),
            made=(Refused(str(status), status=status),),
            peers=("ok",) * 5 if status == 401 else (),
        )
        for status in (400, 401, 403, 404)
    ),
    *(
        Row(
            name=f"create: {name}",
            exit_code=4,
            runs=int(fault.processed),
            outages=0,
            # The run of a compilation that only this step made is found again.
            google_exit_code=0 if fault.processed else 4,
            faults=(fault,),
            made=(RunMayExist("lost"),),
            peers=peers,
        )
        for name, fault, peers in (
            ("500 with HTML, no run made", _post("html", status=500), ("ok", "ok", "ok", "", "ok")),
            (
                "503, run made",
                _post("status", status=503, processed=True),
                ("ok", "ok", "ok", "", "ok"),
            ),
            ("499, run made", _post("status", status=499, processed=True), ()),
            (
                "409 ABORTED, no run made",
                _post("status", status=409, body='{"error": {"status": "ABORTED"}}'),
                (),
            ),
            (
                "answer lost, run made",
                _post("close", processed=True),
                ("ok", "ok", "ok", "**3 runs**", "ok"),
            ),
            ("reset, run made", _post("reset", processed=True), ()),
            ("HTML with 200, run made", _post("html", processed=True), ()),
            ("cut JSON, run made", _post("cut-json", processed=True), ()),
            ("an id that is a path", _post("json", body='{"id": "../1"}', processed=True), ()),
            (
                "never answered, run made",
                _post("hang", seconds=600, processed=True),
                ("stuck", "stuck", "stuck", "", "ok"),
            ),
        )
    ),
    Row(
        name="timeout of the step reached",
        exit_code=5,
        course=Course(endless=("orders_cleaned",)),
        outages=0,
        statuses=("RUNNING",),
        polls=("RUNNING",),
    ),
    *(
        Row(
            name=f"{name} in mid run",
            exit_code=128 + number,
            course=Course(endless=("orders_cleaned",)),
            outages=0,
            statuses=("RUNNING",),
            polls=("RUNNING",),
            signal=number,
            peers=peers,
        )
        for name, number, peers in (
            ("SIGINT", 2, ("run lost", "no exit", "run lost", "cancelled, 13 s", "run lost")),
            ("SIGTERM", 15, ("run lost",) * 5),
        )
    ),
)


#: Faults that only Google Cloud Dataform can have.
GOOGLE_TABLE: tuple[Row, ...] = (
    Row(
        name="workflow configuration alone, create: answer lost, run made",
        exit_code=4,
        outages=0,
        google_request=RunRequest(schedule="nightly"),
        faults=(_post("close", processed=True),),
    ),
    Row(
        name="create: answer lost, and the list of runs fails twice",
        faults=(
            _post("close", processed=True),
            Fault("status", on="list", status=503, times=2),
        ),
    ),
    Row(name="compile: 503 once", faults=(Fault("status", on="compile", status=503),)),
    Row(
        name="compile: 400, the remote server closed the connection",
        faults=(
            Fault(
                "status",
                on="compile",
                status=400,
                body=f'{{"error": {{"message": "{_REMOTE}", "status": "INVALID_ARGUMENT"}}}}',
            ),
        ),
    ),
    Row(
        name="compile: 404, no package.json",
        exit_code=3,
        creates=0,
        runs=0,
        outages=0,
        faults=(Fault("status", on="compile", status=404),),
    ),
    Row(
        name="compile errors",
        exit_code=1,
        creates=0,
        runs=0,
        outages=0,
        google_request=RunRequest(git_ref="broken"),
    ),
    Row(
        name="actions cannot be asked for",
        outages=0,
        faults=(Fault("status", on="query", status=503, times=None),),
    ),
    Row(
        name="failed without a failed action",
        exit_code=1,
        outages=0,
        course=Course(ending="FAILED"),
    ),
    Row(
        name="unknown states of actions",
        outages=0,
        course=Course(action_states={"orders_cleaned": "NEW"}),
    ),
    Row(
        name="cancel at the timeout: 503",
        exit_code=5,
        outages=0,
        course=Course(endless=("orders_cleaned",)),
        faults=(Fault("status", on="cancel", status=503, times=None),),
    ),
    Row(
        name="cancel at the timeout: 400, the run is over",
        exit_code=5,
        outages=0,
        course=Course(endless=("orders_cleaned",)),
        faults=(Fault("status", on="cancel", status=400, times=None),),
    ),
)


@dataclass
class Played:
    """What came of a row."""

    outcome: StepOutcome
    creates: int
    polls: int
    runs: int | None
    outages: int
    seconds: float
    updates: list[Update] = field(default_factory=list)


class _StoppingClock(FakeClock):
    """Time in which a signal comes at the third sleep."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.sleeps) == 3:
            raise Interrupted(self._number)


def _clock_for(row: Row) -> FakeClock:
    return FakeClock() if row.signal is None else _StoppingClock(row.signal)


def play_over_fake(row: Row) -> Played:
    """Play a row over the scripted service."""
    clock = _clock_for(row)
    service = FakeService(clock, polls=row.polls, creates=row.made)
    played = _play(service, clock)
    played.creates, played.polls = len(service.times("start")), len(service.times("get"))
    return played


def play_over_dataform_web(row: Row) -> Played:
    """Play a row over Dataform Web on the emulator."""
    clock = _clock_for(row)
    with Emulator(advance="poll") as emulator:
        emulator.set_outcome("nightly", row.statuses)
        for fault in row.faults:
            emulator.add_fault(fault)
        played = _play(connect(emulator), clock)
        methods = [request.method for request in emulator.requests]
        played.runs = len(emulator.runs)
    played.creates, played.polls = methods.count("POST"), methods.count("GET")
    return played


def play_over_google(row: Row) -> Played:
    """Play a row over Google Cloud Dataform on the emulator."""
    clock = _clock_for(row)
    with Emulator(advance="poll") as emulator:
        emulator.set_course(None, row.course or Course())
        emulator.set_course("nightly", row.course or Course())
        for fault in row.faults:
            emulator.add_fault(fault)
        service = GoogleDataform(
            project_id="my-project",
            location="europe-west1",
            repository="warehouse",
            token=emulator.token,
            api_url=emulator.url,
            read_seconds=READ_SECONDS,
        )
        played = _play(service, clock, row.google_request or RunRequest(environment="production"))
        sent = [(request.method, request.path) for request in emulator.requests]
        played.runs = len(emulator.invocations)
    played.creates = sum(
        method == "POST" and path.endswith("/workflowInvocations") for method, path in sent
    )
    played.polls = sum(
        method == "GET" and "/workflowInvocations/" in path and ":" not in path
        for method, path in sent
    )
    return played


def connect(emulator: Emulator) -> DataformWeb:
    """Return the emulator's service, with little patience for an answer."""
    return DataformWeb(
        project_id="1234", token=emulator.token, api_url=emulator.url, read_seconds=READ_SECONDS
    )


def _play(service: Service, clock: FakeClock, request: RunRequest = NIGHTLY) -> Played:
    updates: list[Update] = []
    try:
        result = run(service, request, Polling(timeout=3600), on_update=updates.append, clock=clock)
        outcome = RunOutcome(run=result.run, result=result)
    except (DataformError, Interrupted) as error:
        outcome = RunOutcome(run=_known_run(updates), error=error)
    outages = sum(isinstance(update, OutageStarted) for update in updates)
    return Played(outcome_of(outcome), 0, 0, None, outages, clock.now() - 1000, updates)


def _known_run(updates: list[Update]) -> Run | None:
    runs = [update.run for update in updates if isinstance(update, Created | Changed)]
    return runs[-1] if runs else None


COLUMNS = ("fault", "outcome", "exit code", "creates", "polls", "warnings")


def render_google_table() -> str:
    """Return the table of Google Cloud Dataform as Markdown, each row played anew."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in (*TABLE, *GOOGLE_TABLE):
        if row.course is not None:
            lines.append("| " + " | ".join(_cells(row, play_over_google(row))) + " |")
    return "\n".join(lines) + "\n"


def render_table(play: Callable[[Row], Played] = play_over_dataform_web) -> str:
    """Return the table as Markdown, each row played anew, with the peers' outcomes beside it."""
    lines = [
        "| " + " | ".join((*COLUMNS, *PEERS)) + " |",
        "|" + "---|" * (len(COLUMNS) + len(PEERS)),
    ]
    for row in TABLE:
        cells = _cells(row, play(row))
        peers = (*row.peers, *[""] * (len(PEERS) - len(row.peers)))
        lines.append("| " + " | ".join((*cells, *(peer or "-" for peer in peers))) + " |")
    return "\n".join(lines) + "\n"


def _cells(row: Row, played: Played) -> tuple[str, ...]:
    return (
        row.name,
        _outcome(played.outcome),
        str(int(played.outcome.exit_code)),
        str(played.creates) if row.creates < _MANY else "many",
        str(played.polls) if played.outcome.exit_code != 4 or not played.polls else "many",
        str(played.outages),
    )


def _outcome(outcome: StepOutcome) -> str:
    words = outcome.title.removeprefix("Dataform: ").removeprefix("Dataform ")
    return words[0].lower() + words[1:]


def random_sequence(seed: int) -> tuple[list[Fault], tuple[str, ...]]:
    """Return faults on the polls of a run, and the statuses of that run, from a seed."""
    choose = random.Random(seed)  # noqa: S311
    kinds = ("reset", "close", "short", "cut-json", "html", "json", "status", "redirect")
    faults = []
    for _ in range(choose.randint(1, 6)):
        kind = choose.choice(kinds)
        options: dict[str, object] = {
            "after": choose.randint(0, 12),
            "times": choose.choice((1, 1, 2, 5, None)),
            "processed": choose.random() < 0.3,
        }
        if kind == "status":
            options["status"] = choose.choice((404, 408, 429, 500, 502, 503, 504))
            if choose.random() < 0.5:
                options["headers"] = {"Retry-After": str(choose.choice((0, 5, 90, 10**6)))}
        elif kind == "json":
            options["body"] = choose.choice(("[]", "null", "{}", '{"status": 7}', '"x"', "1e999"))
        elif kind == "redirect":
            options["headers"] = {"Location": "http://127.0.0.1:1/"}
        faults.append(_get(kind, **options))
    running = [choose.choice(("RUNNING", "RUNNING", "QUEUED")) for _ in range(choose.randint(0, 8))]
    end = choose.choice(("SUCCESSFUL", "FAILED", "CANCELLED", "TIMED_OUT"))
    return faults, (*running, end)


def play_random(emulator: Emulator, seed: int) -> str:
    """Play a random sequence and return how it ended; raise if that was not honest."""
    faults, statuses = random_sequence(seed)
    emulator.set_outcome("nightly", statuses)
    emulator.clear_faults()
    for fault in faults:
        emulator.add_fault(fault)
    before = len(emulator.runs), len(emulator.requests)
    played = _play(connect(emulator), FakeClock())
    sent = [request.method for request in emulator.requests[before[1] :]]
    if (len(emulator.runs) - before[0], sent.count("POST")) != (1, 1):
        raise AssertionError(f"seed {seed}: {sent.count('POST')} creates")
    true_end = {
        "SUCCESSFUL": "success",
        "FAILED": "failure",
        "CANCELLED": "cancelled",
        "TIMED_OUT": "timed_out",
    }[statuses[-1]]
    match int(played.outcome.exit_code):
        case 4:
            honest = played.seconds >= 600
        case 3:
            honest = played.seconds >= 30 and any(fault.status == 404 for fault in faults)
        case _:
            honest = played.outcome.status.value == true_end
    if not honest:
        raise AssertionError(f"seed {seed}: {played.outcome} instead of {true_end}")
    return "gave up" if int(played.outcome.exit_code) in (3, 4) else "true outcome"


#: What an error means to a read or a write that may be repeated, and to a create.
_MEANINGS = {
    Throttled: ("outage: made again, after `Retry-After`", "no run: made again"),
    Misconfigured: ("ends at once, or an outage after a good response", "no run: ends at once"),
    NoResponse: ("outage: made again", "the run may exist: looked for, never created again"),
    NotConnected: ("outage: made again", "no run: made again"),
    Refused: ("ends", "no run: ends"),
}


def render_responses() -> str:
    """Return the table of what each response means, and each connection that is not made."""
    others: list[tuple[str, type[DataformError]]] = [
        ("no connection, no tunnel of a proxy, or no TLS handshake", NotConnected),
        ("a connection that broke off after the first byte of the request", NoResponse),
    ]
    rules = [(rule.failures, rule.kind) for rule in RULES]
    lines = [
        "| response | to a read or a write that may be repeated | to a create |",
        "|---|---|---|",
    ]
    for words, kind in [*rules, *others]:
        lines.append(f"| {words} | {' | '.join(_MEANINGS[kind])} |")
    return "\n".join(lines) + "\n"


def documented_responses() -> str:
    """Return the table of responses as the docs show it."""
    return DOCS.read_text("utf-8").split(RESPONSES_MARK)[1]


def documented() -> list[str]:
    """Return the tables as the docs show them."""
    return DOCS.read_text("utf-8").split(MARK)[1::2]


def main() -> None:
    """Print the tables and the tally of 1,000 random sequences; --write renews the docs."""
    tables = [render_table(), render_google_table()]
    print("\n".join(tables))
    if "--write" in sys.argv[1:]:
        parts = DOCS.read_text("utf-8").split(MARK)
        parts[1::2] = tables
        text = MARK.join(parts).split(RESPONSES_MARK)
        text[1] = render_responses()
        DOCS.write_text(RESPONSES_MARK.join(text), "utf-8")
    elif tables != documented() or render_responses() != documented_responses():
        sys.exit("The tables differ from docs/faults.md: see what changed, then add --write")
    tally: Counter[str] = Counter()
    with Emulator(advance="poll") as emulator:
        tally.update(play_random(emulator, seed) for seed in range(1000))
    print(f"1,000 random sequences of faults, exactly one create in each: {dict(tally)}")


if __name__ == "__main__":
    main()
