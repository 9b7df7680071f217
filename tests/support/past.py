"""A repository with 50 past invocations of three schedules, in odd order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dataform_action.emulator import Course, PastInvocation, Repository, make_warehouse
from dataform_action.services.google.service import GoogleDataform

#: The present of these tests: 2026-11-22, 03:00 UTC.
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC).timestamp()
HOUR = 3600
#: The commit of the runs before the present one.
OLD_COMMIT = "1111111111111111111111111111111111111111"
_SCHEDULES = ("nightly", "slow", "failure")
_FAILS = Course(failures={"marts.customers": "no luck"})


def make_past(hours: float, seconds: float, **more: Any) -> PastInvocation:  # noqa: ANN401
    """Return a run of ``nightly`` some hours ago, unless ``more`` says otherwise."""
    started = more.pop("now", NOW) - hours * HOUR
    if not {"release_config", "workspace", "git_commitish"} & more.keys():
        more.setdefault("workflow_config", "nightly")
    return PastInvocation(started=started, seconds=seconds, commit=OLD_COMMIT, **more)


def fifty(now: float = NOW, seconds: float = 600) -> list[PastInvocation]:
    """Return 50 runs, one an hour, of three schedules in turn, in an odd order.

    Those of ``nightly`` were 3, 6, …, 48 hours ago. The first of them is still running, the second
    was cancelled, the next two failed. The others succeeded, and took ``seconds`` and one more for
    each hour ago.
    """
    special: dict[int, dict[str, Any]] = {
        3: {"seconds": 9 * HOUR},
        6: {"cancelled": True},
        9: {"course": _FAILS},
        12: {"course": _FAILS},
    }
    runs = []
    for place in range(50):
        hours = 1 + (place * 17) % 50
        more = {"seconds": seconds + hours, **special.get(hours, {})}
        schedule = _SCHEDULES[hours % 3]
        runs.append(make_past(hours, workflow_config=schedule, now=now, **more))
    return runs


def with_past(past: Iterable[PastInvocation]) -> Repository:
    """Return the sample repository with past runs."""
    return replace(make_warehouse(), past_invocations=tuple(past))


def connect(url: str, token: str) -> GoogleDataform:
    return GoogleDataform(
        project_id="my-project",
        location="europe-west1",
        repository="warehouse",
        token=token,
        api_url=url,
    )


def paths(requests: Sequence[Any]) -> list[str]:
    """Return the methods and the ends of the paths of requests."""
    return [f"{it.method} {it.path.partition('/warehouse')[2]}" for it in requests]
