"""Run every row of the tables in docs/faults.md: ``make faults``.

The rows run in simulated time: over a scripted service, and over the services of the emulator.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from dataform_action.auth.token_source import ApplicationDefaultCredentials
from dataform_action.emulator import Course, Emulator, Fault
from dataform_action.errors import (
    DataformError,
    Misconfigured,
    NoResponse,
    NotConnected,
    Refused,
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
from tests.faults.fault_rows import TABLE
from tests.faults.google_rows import GOOGLE_TABLE
from tests.faults.interruptions import check_all, make_interrupted_retry
from tests.faults.network_rows import NETWORK_TABLE
from tests.faults.retries import check_retry, make_retry
from tests.faults.row import MANY, NIGHTLY, PEERS, Row
from tests.faults.sequences import check, make_sequence
from tests.support.fakes import FakeClock, FakeService
from tests.support.google_stand_ins import GoogleStandIns
from tests.support.networks import NETWORKS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
MARK = "<!-- table -->\n"
RESPONSES_MARK = "<!-- responses -->\n"
#: The services for random sequences, with their names.
SERVICES = {"web": "Dataform Web", "google": "Google Cloud Dataform"}


@dataclass
class RowResult:
    """The result of a row."""

    outcome: StepOutcome
    creates: int
    polls: int
    runs: int | None
    outages: int
    seconds: float
    updates: list[Update] = field(default_factory=list)


class _StoppingClock(FakeClock):
    """A clock that raises the exception of a signal during the third sleep."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.sleeps) == 3:
            raise Interrupted(self._number)


def _clock_for(row: Row) -> FakeClock:
    return FakeClock() if row.signal is None else _StoppingClock(row.signal)


def run_over_fake(row: Row) -> RowResult:
    """Run a row over the scripted service."""
    clock = _clock_for(row)
    service = FakeService(clock, polls=row.polls, creates=row.made)
    found = _run(service, clock, row.polling)
    found.creates, found.polls = len(service.times("start")), len(service.times("get"))
    return found


def run_over_dataform_web(row: Row) -> RowResult:
    """Run a row over Dataform Web on the emulator."""
    clock = _clock_for(row)
    with Emulator(advance="poll") as emulator, _network_of(row, emulator) as url:
        emulator.set_outcome("nightly", row.statuses)
        for fault in row.faults:
            emulator.add_fault(fault)
        service = DataformWeb(
            project_id="1234", token=emulator.token, api_url=url, read_seconds=row.read_seconds
        )
        found = _run(service, clock, row.polling)
        methods = [request.method for request in emulator.requests]
        found.runs = len(emulator.runs)
    found.creates, found.polls = methods.count("POST"), methods.count("GET")
    return found


def run_over_google(row: Row) -> RowResult:
    """Run a row over Google Cloud Dataform on the emulator."""
    if row.ends_late:
        row = _ending_late(row)
    clock = _clock_for(row)
    repositories = None if row.repository is None else (row.repository(),)
    with (
        Emulator(advance="poll", repositories=repositories) as emulator,
        _network_of(row, emulator) as url,
        _token_of(row, emulator) as token,
    ):
        for schedule in (None, "nightly"):
            emulator.set_course(schedule, row.course or Course())
        for fault in row.faults:
            emulator.add_fault(fault)
        service = GoogleDataform(
            project_id="my-project",
            location="europe-west1",
            repository="warehouse",
            token=token,
            api_url=url,
            read_seconds=row.read_seconds,
        )
        request = row.google_request or RunRequest(environment="production")
        found = _run(service, clock, row.polling, request)
        sent = [(request.method, request.path) for request in emulator.requests]
        found.runs = len(emulator.invocations)
    found.creates = sum(
        method == "POST" and path.endswith("/workflowInvocations") for method, path in sent
    )
    found.polls = sum(
        method == "GET" and "/workflowInvocations/" in path and ":" not in path
        for method, path in sent
    )
    return found


def _ending_late(row: Row) -> Row:
    """Return a row whose run ends with the last poll; the response to that poll is lost."""
    endless = replace(row, course=Course(endless=("one",)), ends_late=False)
    # The last poll comes after the cancel.
    polls = run_over_google(endless).polls - 1
    course = replace(row.course or Course(), lengths={"one": polls - 1})
    lost = Fault("status", on="get", after=polls - 1, processed=True)
    return replace(row, course=course, faults=(*row.faults, lost))


@contextmanager
def _network_of(row: Row, emulator: Emulator) -> Iterator[str]:
    """Yield the address of the emulator in the row's network."""
    if row.network:
        with NETWORKS[row.network](emulator) as url:
            yield url
    else:
        yield emulator.url


@contextmanager
def _token_of(row: Row, emulator: Emulator) -> Iterator[str | ApplicationDefaultCredentials]:
    """Yield the emulator's token, or a source of renewable tokens, which it also accepts."""
    if not row.renews:
        yield emulator.token
        return
    emulator.accept_tokens(lambda _token: True)
    with GoogleStandIns() as google, TemporaryDirectory() as folder:
        path = Path(folder, "credentials.json")
        path.write_text(json.dumps(google.external_account()), "utf-8")
        yield ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})


def _run(
    service: Service, clock: FakeClock, polling: Polling, request: RunRequest = NIGHTLY
) -> RowResult:
    updates: list[Update] = []
    try:
        result = run(service, request, polling, on_update=updates.append, clock=clock)
        outcome = RunOutcome(run=result.run, result=result)
    except (DataformError, Interrupted) as error:
        outcome = RunOutcome(run=_known_run(updates), error=error)
    outages = sum(isinstance(update, OutageStarted) for update in updates)
    return RowResult(outcome_of(outcome), 0, 0, None, outages, clock.now() - 1000, updates)


def _known_run(updates: list[Update]) -> Run | None:
    runs = [update.run for update in updates if isinstance(update, Created | Changed)]
    return runs[-1] if runs else None


COLUMNS = ("fault", "outcome", "exit code", "creates", "polls", "warnings")


def render_google_table() -> str:
    """Run the rows for Google Cloud Dataform; return their table as Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in (*TABLE, *NETWORK_TABLE, *GOOGLE_TABLE):
        if row.course is not None:
            lines.append("| " + " | ".join(_cells(row, run_over_google(row))) + " |")
    return "\n".join(lines) + "\n"


def render_table() -> str:
    """Run the rows for Dataform Web; return their table as Markdown, with the peers' outcomes."""
    lines = [
        "| " + " | ".join((*COLUMNS, *PEERS)) + " |",
        "|" + "---|" * (len(COLUMNS) + len(PEERS)),
    ]
    for row in (*TABLE, *NETWORK_TABLE):
        cells = _cells(row, run_over_dataform_web(row))
        peers = (*row.peers, *[""] * (len(PEERS) - len(row.peers)))
        lines.append("| " + " | ".join((*cells, *(peer or "-" for peer in peers))) + " |")
    return "\n".join(lines) + "\n"


def _cells(row: Row, found: RowResult) -> tuple[str, ...]:
    return (
        row.name,
        _outcome(found.outcome),
        str(int(found.outcome.exit_code)),
        str(found.creates) if row.creates < MANY else "many",
        str(found.polls) if found.outcome.exit_code != 4 or not found.polls else "many",
        str(found.outages),
    )


def _outcome(outcome: StepOutcome) -> str:
    words = outcome.title.removeprefix("Dataform: ").removeprefix("Dataform ")
    return words[0].lower() + words[1:]


#: The meaning of an error for a read or a repeatable write, and for a create.
_MEANINGS = {
    Throttled: ("outage: retry after `Retry-After`", "no run: retry"),
    Misconfigured: ("failure at once; after a good response, outage", "no run: failure at once"),
    NoResponse: ("outage: retry", "the run may exist: search for it, no retry"),
    NotConnected: ("outage: retry", "no run: retry"),
    Refused: ("failure", "no run: failure"),
}


def render_responses() -> str:
    """Return the table of the meaning of each response, and of each missing response."""
    others: list[tuple[str, type[DataformError]]] = [
        ("no connection, proxy tunnel or TLS handshake", NotConnected),
        ("the connection breaks after the first byte of the request", NoResponse),
    ]
    rules = [(rule.failures, rule.kind) for rule in RULES]
    lines = [
        "| response | read or repeatable write | create |",
        "|---|---|---|",
    ]
    for words, kind in [*rules, *others]:
        lines.append(f"| {words} | {' | '.join(_MEANINGS[kind])} |")
    return "\n".join(lines) + "\n"


def documented_responses() -> str:
    """Return the table of responses in the docs."""
    return DOCS.read_text("utf-8").split(RESPONSES_MARK)[1]


def documented() -> list[str]:
    """Return the tables of faults in the docs."""
    return DOCS.read_text("utf-8").split(MARK)[1::2]


def main() -> None:
    """Print the tables and the results of the random tests; --write updates the docs."""
    tables = [render_table(), render_google_table()]
    print("\n".join(tables))
    if "--write" in sys.argv[1:]:
        parts = DOCS.read_text("utf-8").split(MARK)
        parts[1::2] = tables
        text = MARK.join(parts).split(RESPONSES_MARK)
        text[1] = render_responses()
        DOCS.write_text(RESPONSES_MARK.join(text), "utf-8")
    elif tables != documented() or render_responses() != documented_responses():
        sys.exit("The tables differ from docs/faults.md: check the changes, then add --write")
    for service, name in SERVICES.items():
        counts = check_sequences(service, range(1000))
        print(f"1,000 random sequences of faults on {name}: {counts}")
    with ProcessPoolExecutor() as pool:
        retries = Counter(pool.map(_check_retry, range(400), chunksize=20))
    print(f"400 random sequences of faults with retry-failed: {dict(retries)}")
    print(f"150 random interruptions, and the post step after each: {check_all(range(150))}")
    counts = check_all(range(60), make_interrupted_retry)
    print(f"60 random interruptions with retry-failed, and the post step after each: {counts}")


def check_sequences(service: str, seeds: Iterable[int]) -> dict[str, int]:
    """Check the sequences of these seeds, and count their outcomes."""
    with ProcessPoolExecutor() as pool:
        return dict(Counter(pool.map(partial(_check_sequence, service), seeds, chunksize=20)))


def _check_retry(seed: int) -> str:
    return check_retry(make_retry(seed))


def _check_sequence(service: str, seed: int) -> str:
    return check(make_sequence(service, seed))


if __name__ == "__main__":
    main()
