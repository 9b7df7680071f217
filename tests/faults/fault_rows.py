"""Every fault with what must come of it: the rows of the tables in docs/faults.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from dataform_action.emulator import Course, Fault, ReleaseConfig, Repository
from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    NoResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
)
from dataform_action.model import Polling, RunRequest
from tests.support.fakes import Step

#: What a response may take in the emulator, so that one that never comes is soon given up.
READ_SECONDS = 0.3
NIGHTLY = RunRequest(schedule="nightly")
NO_ANSWER = "Dataform: no usable response"
_HOUR = Polling(timeout=3600)
_LOST = [NoResponse("lost")]
_ODD = [InvalidResponse("odd")]
MANY = 10_000


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
    #: How often the outage begins; None: at least that the step says what is wrong.
    outages: int | None = 1
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
    #: What stands between, by its name in ``tests.support.networks``.
    network: str = ""
    #: What the outcome is called; empty: anything.
    title: str = ""
    #: How long the step may go on, in seconds; None: as long as the inputs say.
    most_seconds: float | None = None
    #: What a response may take, in seconds of the wall clock.
    read_seconds: float = READ_SECONDS
    polling: Polling = _HOUR
    #: Whether the token is one that can be renewed.
    renews: bool = False
    #: Whether the run ends with the last poll before the timeout, whose response is lost.
    ends_late: bool = False
    #: What Google Cloud holds; None: the sample.
    repository: Callable[[], Repository] | None = None
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


#: The words by which Google says that something between two of its servers failed.
_CLOSED = "The remote server unexpectedly closed the connection during remote operation"
#: Responses of HTTP 4xx that say nothing of the request, by their names.
_TRANSIENT: dict[str, dict[str, Any]] = {
    "400, a remote connection closed": {
        "status": 400,
        "body": json.dumps({"error": {"code": 400, "message": _CLOSED}, "message": _CLOSED}),
    },
    "409 ABORTED": {"status": 409},
    "425": {"status": 425},
    "499": {"status": 499},
}
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
    _on_a_poll("408 on one poll", _get("status", status=408), _LOST[0], ()),
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
    *(
        _on_a_poll(f"{name} on one poll", _get("status", **options), _LOST[0], ())
        for name, options in _TRANSIENT.items()
    ),
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
        creates=MANY,
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
            (
                "answer lost, run made",
                _post("close", processed=True),
                ("ok", "ok", "ok", "**3 runs**", "ok"),
            ),
            *(
                (f"{name}, run made", _post("status", processed=True, **options), ())
                for name, options in _TRANSIENT.items()
            ),
            (
                "400, a remote connection closed, no run made",
                _post("status", **_TRANSIENT["400, a remote connection closed"]),
                (),
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


def _make_small() -> Repository:
    """Make a repository of one table."""
    return _make_repository([_make_table("one", "select 1")])


def _make_large() -> Repository:
    """Make a repository that is legal, and whose actions hold 18 MB of SQL."""
    others = [
        _make_table(f"table_{number}", "select 1 -- " + "x" * 60_000) for number in range(300)
    ]
    return _make_repository([_make_table("one", "select 1"), *others])


def _make_table(name: str, query: str) -> dict[str, object]:
    target = {"database": "my-project", "schema": "marts", "name": name}
    return {
        "type": "table",
        "enumType": "TABLE",
        "target": target,
        "canonicalTarget": target,
        "fileName": f"definitions/{name}.sqlx",
        "query": query,
    }


def _make_repository(tables: list[dict[str, object]]) -> Repository:
    return Repository(graph={"tables": tables}, release_configs=(ReleaseConfig(name="production"),))


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
    *(
        Row(name=f"compile: {name}, once", faults=(Fault("status", on="compile", **options),))
        for name, options in _TRANSIENT.items()
    ),
    *(
        Row(
            name=f"promotion: {name}, once",
            google_request=RunRequest(environment="production", promote=True),
            faults=(Fault("status", on="update", **options),),
        )
        for name, options in _TRANSIENT.items()
    ),
    Row(
        name="poll: 401 once, credentials that can be renewed",
        outages=0,
        renews=True,
        faults=(_get("status", status=401),),
    ),
    Row(
        name="compile: 401 once, credentials that can be renewed",
        outages=0,
        renews=True,
        faults=(Fault("status", on="compile", status=401),),
    ),
    Row(
        name="create: 401 once, credentials that can be renewed",
        exit_code=3,
        runs=0,
        outages=0,
        renews=True,
        faults=(_post("status", status=401),),
    ),
    Row(name="compile: never answered, once", faults=(Fault("hang", on="compile", seconds=600),)),
    Row(
        name="a compilation whose page of actions is over 16 MiB",
        outages=0,
        read_seconds=30,
        repository=_make_large,
        google_request=RunRequest(environment="production", actions=("one",)),
    ),
    Row(
        name="compile: 404, no package.json",
        exit_code=3,
        creates=0,
        runs=0,
        outages=0,
        # The first is taken for a method that does not exist, and asks the other one.
        faults=(Fault("status", on="compile", status=404, times=2),),
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
        name="run FAILED, and its actions cannot be read",
        exit_code=1,
        outages=0,
        course=Course(failures={"orders_cleaned": "Out of memory"}),
        faults=(Fault("status", on="query", status=503, times=None),),
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
        name="cancel at the timeout: 400",
        exit_code=5,
        outages=0,
        course=Course(endless=("orders_cleaned",)),
        faults=(Fault("status", on="cancel", status=400, times=None),),
    ),
    *(
        Row(
            name=f"{name} before the timeout, the last poll lost",
            exit_code=exit_code,
            polling=Polling(timeout=60),
            ends_late=True,
            repository=_make_small,
            google_request=RunRequest(environment="production"),
            course=course,
        )
        for name, exit_code, course in (
            ("run SUCCEEDED", 0, Course()),
            ("run FAILED", 1, Course(failures={"one": "Out of memory"})),
        )
    ),
)


#: What stands between the action and the service, or is wrong with the machine itself: the names
#: of ``tests.support.networks``. Nothing was sent, so the create is made (again).
NETWORK_TABLE: tuple[Row, ...] = (
    *(
        Row(name=name, network=network, outages=outages, google_request=NIGHTLY)
        for name, network, outages in (
            ("TLS", "TLS", 0),
            ("the connection ends in the first handshake of TLS", "handshake ends", 1),
            ("the connection is reset in the first handshake of TLS", "handshake is reset", 1),
            ("the first handshake of TLS is cut", "handshake is cut", 1),
            ("TLS through a proxy", "proxy", 0),
            ("the proxy answers 502 once", "proxy fails once", 1),
            ("the proxy drops the first CONNECT", "proxy drops one", 1),
            ("no thread for the first requests", "no thread for the create", 1),
            ("no thread for one poll", "no thread for a poll", 1),
        )
    ),
    *(
        Row(
            name=name,
            network=network,
            exit_code=4,
            title=NO_ANSWER,
            creates=0,
            runs=0,
            # At once or after the outage, both are true.
            outages=None,
            google_request=NIGHTLY,
        )
        for name, network in (
            ("an https address on a port that speaks http", "no TLS"),
            ("the proxy drops each CONNECT", "proxy drops all"),
            ("an https:// proxy that speaks http", "proxy speaks http"),
        )
    ),
    *(
        Row(
            name=name,
            network=network,
            exit_code=4,
            title=NO_ANSWER,
            creates=0,
            runs=0,
            outages=0,
            most_seconds=60,
            google_request=NIGHTLY,
        )
        for name, network in (
            ("the proxy answers 407", "proxy wants a password"),
            ("`SSLKEYLOGFILE` in a folder that is not there", "no key log"),
        )
    ),
    Row(
        name="eight IPv6 addresses that do not answer, then one that does",
        network="dead addresses",
        outages=0,
        read_seconds=4,
        google_request=NIGHTLY,
    ),
    Row(
        name="a proxy on loopback where nothing listens",
        network="no proxy there",
        exit_code=4,
        title=NO_ANSWER,
        creates=0,
        runs=0,
        outages=None,
        google_request=NIGHTLY,
    ),
)
