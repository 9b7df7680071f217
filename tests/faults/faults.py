"""Every fault with what must happen, as one table; ``make faults`` plays and prints it.

A row is played over a scripted service and over Dataform Web on the emulator, in time
that only sleeps move. A later service joins by a column of its own.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
from tests.faults.fault_rows import (
    GOOGLE_TABLE,
    MANY,
    NETWORK_TABLE,
    NIGHTLY,
    PEERS,
    TABLE,
    Row,
)
from tests.faults.interruptions import check_all
from tests.faults.sequences import check, make_sequence
from tests.support.fakes import FakeClock, FakeService
from tests.support.google_stand_ins import GoogleStandIns
from tests.support.networks import NETWORKS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
MARK = "<!-- table -->\n"
RESPONSES_MARK = "<!-- responses -->\n"
#: Those that random sequences are played on, with their names.
SERVICES = {"web": "Dataform Web", "google": "Google Cloud Dataform"}


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
    played = _play(service, clock, row.polling)
    played.creates, played.polls = len(service.times("start")), len(service.times("get"))
    return played


def play_over_dataform_web(row: Row) -> Played:
    """Play a row over Dataform Web on the emulator."""
    clock = _clock_for(row)
    with Emulator(advance="poll") as emulator, _network_of(row, emulator) as url:
        emulator.set_outcome("nightly", row.statuses)
        for fault in row.faults:
            emulator.add_fault(fault)
        service = DataformWeb(
            project_id="1234", token=emulator.token, api_url=url, read_seconds=row.read_seconds
        )
        played = _play(service, clock, row.polling)
        methods = [request.method for request in emulator.requests]
        played.runs = len(emulator.runs)
    played.creates, played.polls = methods.count("POST"), methods.count("GET")
    return played


def play_over_google(row: Row) -> Played:
    """Play a row over Google Cloud Dataform on the emulator."""
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
        played = _play(service, clock, row.polling, request)
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


def _ending_late(row: Row) -> Row:
    """Return a row whose run is over with the last poll, of which nobody gets the response."""
    endless = replace(row, course=Course(endless=("one",)), ends_late=False)
    # The last one is the look after the cancel.
    polls = play_over_google(endless).polls - 1
    course = replace(row.course or Course(), lengths={"one": polls - 1})
    lost = Fault("status", on="get", after=polls - 1, processed=True)
    return replace(row, course=course, faults=(*row.faults, lost))


@contextmanager
def _network_of(row: Row, emulator: Emulator) -> Iterator[str]:
    """Return the address under which the emulator is found."""
    if row.network:
        with NETWORKS[row.network](emulator) as url:
            yield url
    else:
        yield emulator.url


@contextmanager
def _token_of(row: Row, emulator: Emulator) -> Iterator[str | ApplicationDefaultCredentials]:
    """Return the emulator's token, or a source of tokens that are accepted as well."""
    if not row.renews:
        yield emulator.token
        return
    emulator.accept_tokens(lambda _token: True)
    with GoogleStandIns() as google, TemporaryDirectory() as folder:
        path = Path(folder, "credentials.json")
        path.write_text(json.dumps(google.external_account()), "utf-8")
        yield ApplicationDefaultCredentials({"GOOGLE_APPLICATION_CREDENTIALS": str(path)})


def _play(
    service: Service, clock: FakeClock, polling: Polling, request: RunRequest = NIGHTLY
) -> Played:
    updates: list[Update] = []
    try:
        result = run(service, request, polling, on_update=updates.append, clock=clock)
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
    for row in (*TABLE, *NETWORK_TABLE, *GOOGLE_TABLE):
        if row.course is not None:
            lines.append("| " + " | ".join(_cells(row, play_over_google(row))) + " |")
    return "\n".join(lines) + "\n"


def render_table(play: Callable[[Row], Played] = play_over_dataform_web) -> str:
    """Return the table as Markdown, each row played anew, with the peers' outcomes beside it."""
    lines = [
        "| " + " | ".join((*COLUMNS, *PEERS)) + " |",
        "|" + "---|" * (len(COLUMNS) + len(PEERS)),
    ]
    for row in (*TABLE, *NETWORK_TABLE):
        cells = _cells(row, play(row))
        peers = (*row.peers, *[""] * (len(PEERS) - len(row.peers)))
        lines.append("| " + " | ".join((*cells, *(peer or "-" for peer in peers))) + " |")
    return "\n".join(lines) + "\n"


def _cells(row: Row, played: Played) -> tuple[str, ...]:
    return (
        row.name,
        _outcome(played.outcome),
        str(int(played.outcome.exit_code)),
        str(played.creates) if row.creates < MANY else "many",
        str(played.polls) if played.outcome.exit_code != 4 or not played.polls else "many",
        str(played.outages),
    )


def _outcome(outcome: StepOutcome) -> str:
    words = outcome.title.removeprefix("Dataform: ").removeprefix("Dataform ")
    return words[0].lower() + words[1:]


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
    """Print the tables and the tallies of the random sequences; --write renews the docs."""
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
    for service, name in SERVICES.items():
        tally = play_sequences(service, range(1000))
        print(f"1,000 random sequences of faults on {name}: {tally}")
    print(f"150 random interruptions, and the post step after each: {check_all(range(150))}")


def play_sequences(service: str, seeds: Iterable[int]) -> dict[str, int]:
    """Play the sequences of these seeds, and count how they ended; raise if one was not honest."""
    with ProcessPoolExecutor() as pool:
        return dict(Counter(pool.map(partial(_check_sequence, service), seeds, chunksize=20)))


def _check_sequence(service: str, seed: int) -> str:
    return check(make_sequence(service, seed))


if __name__ == "__main__":
    main()
