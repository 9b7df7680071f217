"""The faults of both services: the rows of the first table in docs/faults.md."""

from __future__ import annotations

from email.utils import formatdate

from dataform_action.emulator import Course, Fault
from dataform_action.errors import (
    DataformError,
    InvalidResponse,
    NotConnected,
    Refused,
    RunMayExist,
    Throttled,
)
from tests.faults.row import (
    ENDLESS,
    LOST,
    MANY,
    ODD,
    REMOTE_CLOSED,
    TEN_MINUTES,
    TRANSIENT,
    Row,
    create_fault,
    get_fault,
)

_FAILS, _FALSE, _STUCK = "fails", "**false success**", "stuck"
_SCRIPTS_FAIL = (_FAILS, _FAILS, "ok", "ok", "ok")
_ONLY_AIRFLOW_WAITS = (_FAILS, _FAILS, "ok", _FAILS, _FAILS)
_MAY_EXIST = ("ok", "ok", "ok", "", "ok")
_LOST_CREATE = ("ok", "ok", "ok", "**3 runs**", "ok")
_NO_TIME_LIMIT = (_STUCK, _STUCK, _STUCK, "", "ok")
_AFTER_SIGINT = ("run lost", "no exit", "run lost", "cancelled, 13 s", "run lost")
_ENDS_OR_STUCK = ("ok", "ok", _STUCK, "ok", _STUCK)


def _poll_row(name: str, fault: Fault, error: DataformError, peers: tuple[str, ...] = ()) -> Row:
    """Return a row whose fault breaks some polls from the second one on."""
    return Row(
        name=name,
        faults=(fault,),
        polls=("RUNNING", *[error] * (fault.times or 1), "RUNNING", "SUCCESSFUL"),
        peers=peers,
    )


_POLL_ROWS = (
    _poll_row("500 on one poll", get_fault("status", status=500), LOST, _SCRIPTS_FAIL),
    _poll_row(
        "503 on five polls",
        get_fault("status", status=503, times=5),
        LOST,
        (_FAILS, _FAILS, "ok", _FAILS, "ok"),
    ),
    *(
        _poll_row(f"{status} on one poll", get_fault("status", status=status), LOST)
        for status in (502, 504, 408)
    ),
    _poll_row(
        "429, `Retry-After: 25`",
        get_fault("status", status=429, headers={"Retry-After": "25"}),
        Throttled("429", retry_after=25),
        (_FAILS, _FAILS, "ok, too soon", "ok, too soon", "ok, too soon"),
    ),
    _poll_row(
        "429, `Retry-After` a date",
        get_fault("status", status=429, headers={"Retry-After": formatdate(0, usegmt=True)}),
        Throttled("429", retry_after=0),
    ),
    _poll_row("429 without `Retry-After`", get_fault("status", status=429), Throttled("429")),
    _poll_row("TCP reset on one poll", get_fault("reset"), LOST, _SCRIPTS_FAIL),
    _poll_row("connection closed, no bytes", get_fault("close"), LOST, _SCRIPTS_FAIL),
    _poll_row("HTML body with 200", get_fault("html"), ODD, _ONLY_AIRFLOW_WAITS),
    _poll_row("cut JSON, right length", get_fault("cut-json"), ODD, _ONLY_AIRFLOW_WAITS),
    _poll_row("body shorter than Content-Length", get_fault("short"), LOST, _SCRIPTS_FAIL),
    _poll_row("JSON of the wrong shape", get_fault("json", body="[1]"), ODD),
    _poll_row("one poll without `status`", get_fault("json", body="{}"), ODD, (_FAILS, _FAILS)),
    _poll_row("a redirect", get_fault("redirect", headers={"Location": "/"}), ODD),
    _poll_row("an endless body", get_fault("huge", size=40_000_000), ODD),
    _poll_row(
        "no response to one poll", get_fault("hang", seconds=600), LOST, (*[_STUCK] * 4, "ok")
    ),
    _poll_row("a response that arrives byte by byte", get_fault("drip", seconds=600), LOST),
    *(
        _poll_row(f"{name} on one poll", get_fault("status", **options), LOST)
        for name, options in TRANSIENT.items()
    ),
)

_WAIT_ROWS = (
    Row(
        name="`QUEUED` three times, then the end",
        course=None,
        statuses=("QUEUED", "QUEUED", "QUEUED", "RUNNING", "SUCCESSFUL"),
        polls=(ODD, ODD, ODD, "RUNNING", "SUCCESSFUL"),
        peers=(_FALSE, _FAILS, "ok", "ok", "ok"),
    ),
    Row(
        name="unknown status forever",
        exit_code=4,
        course=Course(state="PAUSED"),
        statuses=("PAUSED",),
        polls=(ODD,),
        peers=(_FALSE, _FAILS, _STUCK, _STUCK, _STUCK),
    ),
    Row(
        name="404 in the first 30 s, then the end",
        outages=0,
        faults=(get_fault("status", status=404, times=3, after=0),),
        polls=(*[Refused("404", status=404)] * 3, "RUNNING", "SUCCESSFUL"),
    ),
    *(
        Row(
            name=name,
            exit_code=3,
            outages=0,
            course=ENDLESS,
            faults=(get_fault("status", status=status, times=None, after=after),),
            statuses=("RUNNING",) * 100,
            polls=(*["RUNNING"] * after, Refused(str(status), status=status)),
            peers=_ENDS_OR_STUCK,
        )
        for name, status, after in (
            ("404 after the first 30 s", 404, 30),
            ("401 from the 3rd poll on (token expired)", 401, 2),
        )
    ),
    Row(
        name="500 from the 2nd poll on",
        exit_code=4,
        faults=(get_fault("status", status=500, times=None),),
        polls=("RUNNING", LOST),
        peers=(_FAILS, _FAILS, _STUCK, _FAILS, _STUCK),
    ),
    Row(
        name="connection refused from the 2nd poll on",
        exit_code=4,
        faults=(get_fault("reset", times=None),),
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
            peers=(_FALSE, "ok", "ok", "ok", _FALSE if status == "CANCELLED" else "ok"),
        )
        for status in ("FAILED", "CANCELLED", "TIMED_OUT")
    ),
    Row(
        name="a status with a workflow command, once",
        faults=(get_fault("json", body='{"status": "X\\n::error::injected"}'),),
        polls=("RUNNING", InvalidResponse("X\n::error::injected"), "RUNNING", "SUCCESSFUL"),
        peers=("not injected", "**injected**", "not injected", "", "not injected"),
    ),
)

_CREATE_ROWS = (
    Row(
        name="create: 429 twice",
        creates=3,
        faults=(create_fault("status", status=429, times=2),),
        made=(Throttled("429"), Throttled("429"), ""),
    ),
    Row(
        name="create: 429 forever",
        exit_code=4,
        creates=MANY,
        runs=0,
        faults=(create_fault("status", status=429, times=None),),
        made=(Throttled("429"),),
    ),
    *(
        Row(
            name=f"create: {status}",
            exit_code=3,
            runs=0,
            outages=0,
            faults=(create_fault("status", status=status),),
            made=(Refused(str(status), status=status),),
            peers=("ok",) * 5 if status == 401 else (),
        )
        for status in (400, 401, 403, 404)
    ),
    *(
        Row(
            name=f"create: {name}, {'run' if fault.processed else 'no run'} created",
            exit_code=4,
            runs=int(fault.processed),
            outages=0,
            # On Google Cloud, the run of a compilation that only this step made is found again.
            google_exit_code=0 if fault.processed else 4,
            faults=(fault,),
            made=(RunMayExist("lost"),),
            peers=peers,
        )
        for name, fault, peers in (
            ("500 with HTML", create_fault("html", status=500), _MAY_EXIST),
            ("503", create_fault("status", status=503, processed=True), _MAY_EXIST),
            ("response lost", create_fault("close", processed=True), _LOST_CREATE),
            *(
                (name, create_fault("status", processed=True, **options), ())
                for name, options in TRANSIENT.items()
            ),
            (REMOTE_CLOSED, create_fault("status", **TRANSIENT[REMOTE_CLOSED]), ()),
            ("reset", create_fault("reset", processed=True), ()),
            ("HTML with 200", create_fault("html", processed=True), ()),
            ("cut JSON", create_fault("cut-json", processed=True), ()),
            (
                "an id that is a path",
                create_fault("json", body='{"id": "../1"}', processed=True),
                (),
            ),
            ("no response", create_fault("hang", seconds=600, processed=True), _NO_TIME_LIMIT),
        )
    ),
)

_STOP_ROWS = tuple(
    Row(
        name=name,
        exit_code=exit_code,
        course=ENDLESS,
        polling=TEN_MINUTES,
        outages=0,
        statuses=("RUNNING",),
        polls=("RUNNING",),
        signal=exit_code - 128 if exit_code > 128 else None,
        peers=peers,
    )
    for name, exit_code, peers in (
        ("timeout of the step", 5, ()),
        ("SIGINT during the run", 130, _AFTER_SIGINT),
        ("SIGTERM during the run", 143, ("run lost",) * 5),
    )
)

TABLE: tuple[Row, ...] = (
    Row(name="healthy run", outages=0, peers=("ok",) * 5),
    *_POLL_ROWS,
    *_WAIT_ROWS,
    *_CREATE_ROWS,
    *_STOP_ROWS,
)
