"""The faults that only Google Cloud Dataform can have: rows of the second table."""

from __future__ import annotations

from dataform_action.emulator import Course, Fault, ReleaseConfig, Repository
from dataform_action.model import Polling, RunRequest
from tests.faults.row import ENDLESS, NIGHTLY, TEN_MINUTES, TRANSIENT, Row, create_fault, get_fault

_PRODUCTION = RunRequest(environment="production")
_OUT_OF_MEMORY = "Out of memory"


def _make_small() -> Repository:
    """Make a repository with one table."""
    return _make_repository([_make_table("one", "select 1")])


def _make_large() -> Repository:
    """Make a valid repository whose actions have 18 MB of SQL."""
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


_CREATE_ROWS = (
    Row(
        name="only a workflow configuration, create: response lost, run created",
        exit_code=4,
        outages=0,
        google_request=NIGHTLY,
        faults=(create_fault("close", processed=True),),
    ),
    Row(
        name="create: response lost, and the list of runs fails twice",
        faults=(
            create_fault("close", processed=True),
            Fault("status", on="list", status=503, times=2),
        ),
    ),
)

_COMPILE_ROWS = (
    Row(name="compile: 503 once", faults=(Fault("status", on="compile", status=503),)),
    *(
        Row(name=f"compile: {name}, once", faults=(Fault("status", on="compile", **options),))
        for name, options in TRANSIENT.items()
    ),
    *(
        Row(
            name=f"promotion: {name}, once",
            google_request=RunRequest(environment="production", promote=True),
            faults=(Fault("status", on="update", **options),),
        )
        for name, options in TRANSIENT.items()
    ),
    *(
        Row(
            name=f"{name}: 401 once, renewable credentials",
            exit_code=exit_code,
            runs=int(exit_code == 0),
            outages=0,
            renews=True,
            faults=(fault,),
        )
        for name, exit_code, fault in (
            ("poll", 0, get_fault("status", status=401)),
            ("compile", 0, Fault("status", on="compile", status=401)),
            ("create", 3, create_fault("status", status=401)),
        )
    ),
    Row(name="compile: no response, once", faults=(Fault("hang", on="compile", seconds=600),)),
    Row(
        name="a compilation whose page of actions exceeds 16 MiB",
        outages=0,
        repository=_make_large,
        google_request=RunRequest(environment="production", actions=("one",)),
    ),
    Row(
        name="compile: 404, no package.json",
        exit_code=3,
        creates=0,
        runs=0,
        outages=0,
        # The first 404 may mean an unknown method, so the step also calls the other method.
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
)

_ACTION_ROWS = (
    Row(
        name="actions cannot be read",
        outages=0,
        faults=(Fault("status", on="query", status=503, times=None),),
    ),
    Row(
        name="run FAILED without a failed action",
        exit_code=1,
        outages=0,
        course=Course(ending="FAILED"),
    ),
    Row(
        name="run FAILED, and its actions cannot be read",
        exit_code=1,
        outages=0,
        course=Course(failures={"orders_cleaned": _OUT_OF_MEMORY}),
        faults=(Fault("status", on="query", status=503, times=None),),
    ),
    Row(
        name="unknown states of actions",
        outages=0,
        course=Course(action_states={"orders_cleaned": "NEW"}),
    ),
)

_TIMEOUT_ROWS = (
    *(
        Row(
            name=f"cancel at the timeout: {status}",
            exit_code=5,
            outages=0,
            course=ENDLESS,
            polling=TEN_MINUTES,
            faults=(Fault("status", on="cancel", status=status, times=None),),
        )
        for status in (503, 400)
    ),
    *(
        Row(
            name=f"{name} before the timeout, response to the last poll lost",
            exit_code=exit_code,
            polling=Polling(timeout=60),
            ends_late=True,
            repository=_make_small,
            google_request=_PRODUCTION,
            course=course,
        )
        for name, exit_code, course in (
            ("run SUCCEEDED", 0, Course()),
            ("run FAILED", 1, Course(failures={"one": _OUT_OF_MEMORY})),
        )
    ),
)

GOOGLE_TABLE: tuple[Row, ...] = (*_CREATE_ROWS, *_COMPILE_ROWS, *_ACTION_ROWS, *_TIMEOUT_ROWS)
