"""Invocations that started before the emulator did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dataform_action.emulator import Course, Emulator, PastInvocation, Repository, Rules
from dataform_action.emulator.definitions import MAIN_SHA
from tests.emulator.google.support import HOME, Warehouse, serve
from tests.emulator.support import ManualClock
from tests.support.past import NOW, OLD_COMMIT, fifty, make_past, with_past


def at(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def serve_at_now(repository: Repository, **options: object) -> Emulator:
    clock = ManualClock()
    clock.seconds = NOW
    return serve(repository, clock=clock, **options)


@pytest.fixture
def client() -> Iterator[Warehouse]:
    with serve_at_now(with_past(fifty())) as emulator:
        client = Warehouse(emulator.url)
        yield client
        client.close()


def listed(client: Warehouse, query: str = "") -> list[dict[str, object]]:
    found = client.data("GET", f"/workflowInvocations?pageSize=100{query}")
    entries: list[dict[str, object]] = found["workflowInvocations"]
    return entries


def test_times_and_states_of_a_list(client: Warehouse) -> None:
    """A list has the state, the times, the source and the selection of each past invocation."""
    states: dict[str, list[str]] = {}
    for entry in listed(client):
        schedule = str(entry["workflowConfig"]).removeprefix(f"{HOME}/workflowConfigs/")
        states.setdefault(schedule, []).append(str(entry["state"]))
        assert entry["invocationConfig"] == {}
        assert str(entry["resolvedCompilationResult"]).startswith(f"{HOME}/compilationResults/")
    assert {name: len(found) for name, found in states.items()} == {
        "nightly": 16,
        "slow": 17,
        "failure": 17,
    }
    nightly = states["nightly"]
    assert (nightly.count("RUNNING"), nightly.count("CANCELLED"), nightly.count("FAILED")) == (
        *(1, 1),
        2,
    )
    newest = [entry for entry in listed(client) if entry["state"] == "SUCCEEDED"]
    timing = {at(NOW - 3600 * hours): at(NOW - 3600 * hours + 600 + hours) for hours in range(51)}
    for entry in newest:
        times = entry["invocationTiming"]
        assert isinstance(times, dict)
        assert timing[times["startTime"]] == times["endTime"]


def test_order_of_a_list(client: Warehouse) -> None:
    """Names sort by the time of the start; without ``orderBy``, the order is that of the test."""
    names = [str(entry["name"]) for entry in listed(client, "&orderBy=name+desc")]
    assert names == sorted(names, reverse=True)
    assert names[0].startswith(f"{HOME}/workflowInvocations/{int(NOW - 3600)}-")
    assert names != [entry["name"] for entry in listed(client)]


def test_an_api_that_does_not_sort() -> None:
    """``orderBy`` can be ignored, as an API might do."""
    with serve_at_now(with_past(fifty()), rules=Rules(sorts_lists=False)) as emulator:
        client = Warehouse(emulator.url)
        assert listed(client, "&orderBy=name+desc") == listed(client)
        client.close()


def test_sources_of_compilations() -> None:
    """A past invocation has a compilation of its own, with its source, commit and time."""
    config = {"includedTags": ["daily"]}
    past = (
        make_past(3, 60, release_config="production", invocation_config=config),
        make_past(2, 60, workspace="dev"),
        make_past(1, 60, git_commitish="main", code_compilation_config={"schemaSuffix": "x"}),
        replace(make_past(4, 60), commit=""),
    )
    with serve_at_now(with_past(past)) as emulator:
        client = Warehouse(emulator.url)
        results = client.data("GET", "/compilationResults?orderBy=create_time+desc")
        _, ref, workspace, release, nightly = results["compilationResults"]
        assert (ref["gitCommitish"], ref["resolvedGitCommitSha"]) == ("main", OLD_COMMIT)
        assert ref["codeCompilationConfig"]["schemaSuffix"] == "x"
        assert workspace["workspace"] == f"{HOME}/workspaces/dev"
        assert release["releaseConfig"] == f"{HOME}/releaseConfigs/production"
        assert nightly["releaseConfig"] == f"{HOME}/releaseConfigs/production"
        assert nightly["resolvedGitCommitSha"] == MAIN_SHA
        assert ref["createTime"] == at(NOW - 3600)
        first = listed(client)[0]
        assert first["invocationConfig"] == config
        assert first["compilationResult"] == release["name"]
        client.close()


def test_actions_of_a_past_invocation() -> None:
    """The seconds of an invocation are divided among its actions by their steps."""
    course = Course(lengths={"marts.revenue": 9})
    with serve_at_now(with_past([make_past(1, 260, course=course)])) as emulator:
        client = Warehouse(emulator.url)
        path = str(listed(client)[0]["name"]).removeprefix(HOME)
        times = client.actions(path)["revenue"]["invocationTiming"]
        client.close()
    start, end = (datetime.fromisoformat(times[name]) for name in ("startTime", "endTime"))
    assert (end - start).total_seconds() == pytest.approx(9 * 20)


@pytest.mark.parametrize(
    ("past", "message"),
    [
        (PastInvocation(started=1, seconds=1, workflow_config="x"), "workflowConfigs/x does not"),
        (PastInvocation(started=1, seconds=1, git_commitish="x"), "Git commitish 'x' does not"),
    ],
)
def test_a_past_invocation_that_is_not_possible(past: PastInvocation, message: str) -> None:
    """A wrong definition is refused when the emulator is made."""
    with pytest.raises(ValueError, match=f"A past invocation is not possible: .*{message}"):
        serve(with_past([past]))
