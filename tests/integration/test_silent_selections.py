"""A selection or a flag without effect is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator import (
    Course,
    Emulator,
    Fault,
    ReleaseConfig,
    Repository,
    WorkflowConfig,
    make_warehouse,
)
from tests.support.fakes import FakeClock
from tests.support.steps import Step, google_inputs_for, inputs_for, run_here

_FULL = {"fullyRefreshIncrementalTablesEnabled": True}


def warehouse(**config: Any) -> Repository:  # noqa: ANN401
    """Return the sample repository with this configuration of its schedule ``nightly``."""
    sample = make_warehouse()
    return replace(
        sample,
        workflow_configs=[
            replace(workflow, invocation_config=config) if workflow.name == "nightly" else workflow
            for workflow in sample.workflow_configs
        ],
    )


def play(emulator: Emulator, folder: Path, clock: FakeClock, **inputs: str) -> Step:
    return run_here(folder, google_inputs_for(emulator, **inputs), clock)


def config_of(emulator: Emulator) -> Mapping[str, Any]:
    (invocation,) = emulator.invocations
    return invocation.invocation_config


def test_tag_of_no_action(tmp_path: Path, clock: FakeClock) -> None:
    """A misspelled tag is refused before a run is created, and a similar tag is suggested."""
    with Emulator() as emulator:
        step = play(
            emulator, tmp_path, clock, schedule="", environment="production", tags="dialy,daily"
        )
        assert emulator.invocations == []
    assert step.exit_code == 2
    assert "tags 'dialy' is not a tag of any compiled action. Did you mean daily?" in step.errors[0]
    assert "Nothing was run." in "\n".join(step.log)


def test_problems_of_tags_and_actions_come_together(tmp_path: Path, clock: FakeClock) -> None:
    """One error reports unknown tags and unknown actions."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "git_ref": "main", "tags": "dialy", "actions": "customer"}
        step = play(emulator, tmp_path, clock, **inputs)
        assert emulator.invocations == []
    assert "actions 'customer' is not in the compilation" in step.errors[0]
    assert "tags 'dialy' is not a tag of any compiled action" in step.errors[0]


def test_compile_only_checks_tags(tmp_path: Path, clock: FakeClock) -> None:
    """An unknown tag is also refused with compile-only."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "git_ref": "main", "tags": "dialy", "compile_only": "true"}
        assert play(emulator, tmp_path, clock, **inputs).exit_code == 2


@pytest.mark.parametrize(
    ("config", "selected"),
    [
        ({"includedTags": ["dialy", "weekyl"]}, "tag dialy, tag weekyl"),
        (
            {"includedTargets": [{"database": "my-project", "schema": "marts", "name": "gone"}]},
            "my-project.marts.gone",
        ),
    ],
)
def test_schedule_that_selects_nothing(
    tmp_path: Path, clock: FakeClock, config: dict[str, Any], selected: str
) -> None:
    """A schedule that selects no action of the compilation is refused."""
    with Emulator(repositories=[warehouse(**config)]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
        assert emulator.invocations == []
    assert step.exit_code == 2
    assert f"schedule nightly selects {selected}, which matches no action" in step.errors[0]


def test_schedule_that_partly_matches(tmp_path: Path, clock: FakeClock) -> None:
    """A schedule that selects at least one action is run unchanged."""
    with Emulator(repositories=[warehouse(includedTags=["daily", "gone"])]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
        assert config_of(emulator) == {"includedTags": ["daily", "gone"]}
    assert step.exit_code == 0


def test_tags_that_cannot_be_checked(tmp_path: Path, clock: FakeClock) -> None:
    """Without permission to read the compilation, the run starts, and the log gives the reason."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("status", on="query", status=403))
        step = play(emulator, tmp_path, clock, schedule="", environment="production", tags="daily")
    assert step.exit_code == 0
    assert any(
        "Could not check whether the selection matches any action" in line for line in step.log
    )


@pytest.mark.parametrize("environment", ["", "production"])
def test_run_without_actions(tmp_path: Path, clock: FakeClock, environment: str) -> None:
    """The report of a successful run without actions says that nothing was built."""
    empty = replace(warehouse(), graph={"tables": []}, refs=make_warehouse().refs)
    empty = replace(empty, refs={"main": replace(empty.refs["main"], graph={"tables": []})})
    with Emulator(repositories=[empty]) as emulator:
        step = play(emulator, tmp_path, clock, environment=environment)
    assert step.exit_code == 0
    message = "Nothing was built: the run had no actions."
    assert any(message in line for line in step.log)
    assert message in step.summary
    assert "Check the tags and actions" in step.summary


def test_actions_that_cannot_be_read(tmp_path: Path, clock: FakeClock) -> None:
    """If the actions cannot be read, the report does not say that there are none."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("status", on="query", status=403, times=None))
        step = play(emulator, tmp_path, clock)
    assert step.exit_code == 0
    assert "The run had no actions" not in step.summary


def test_tags_on_dataform_web_cannot_be_checked(tmp_path: Path, clock: FakeClock) -> None:
    """The service reports no actions, so the log says that tags cannot be checked."""
    with Emulator() as emulator:
        step = run_here(tmp_path, inputs_for(emulator, tags="dialy"), clock)
        assert step.exit_code == 0
        assert sum("so the tags cannot be checked" in line for line in step.log) == 1
        other = run_here(tmp_path, inputs_for(emulator), clock)
    assert not any("so the tags cannot be checked" in line for line in other.log)


@pytest.mark.parametrize("name", ["tags", "actions"])
@pytest.mark.parametrize("value", [",", " , ,", ",\n,"])
def test_list_without_names(tmp_path: Path, clock: FakeClock, name: str, value: str) -> None:
    """A list of separators only is refused, because it would select everything."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "environment": "production", name: value}
        step = play(emulator, tmp_path, clock, **inputs)
        assert emulator.requests == []
    assert step.exit_code == 2
    assert f"{name} has only separators, which would select all actions" in step.errors[0]


def test_list_without_names_on_dataform_web(tmp_path: Path, clock: FakeClock) -> None:
    """The other service refuses it as well."""
    with Emulator() as emulator:
        step = run_here(tmp_path, inputs_for(emulator, tags=","), clock)
        assert emulator.requests == []
    assert step.exit_code == 2


@pytest.mark.parametrize("name", ["include_dependencies", "include_dependents"])
def test_flag_without_a_selection(tmp_path: Path, clock: FakeClock, name: str) -> None:
    """A flag that extends a selection is refused if there is no selection."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "environment": "production", name: "true"}
        step = play(emulator, tmp_path, clock, **inputs)
        assert emulator.requests == []
        assert step.exit_code == 2
        assert f"{name.replace('_', '-')} requires tags or actions" in step.errors[0]


@pytest.mark.parametrize("name", ["include_dependencies", "include_dependents"])
def test_flag_with_a_schedule_without_a_selection(
    tmp_path: Path, clock: FakeClock, name: str
) -> None:
    """The flag is also refused with a schedule that runs everything."""
    with Emulator(repositories=[warehouse()]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production", **{name: "true"})
        assert emulator.invocations == []
        assert [request.method for request in emulator.requests] == ["GET"]
    assert step.exit_code == 2
    assert f"{name.replace('_', '-')} extends a selection, but neither" in step.errors[0]


def test_flag_with_a_schedule_with_a_selection(tmp_path: Path, clock: FakeClock) -> None:
    """A flag extends the selection of the schedule."""
    with Emulator(repositories=[warehouse(includedTags=["daily"])]) as emulator:
        inputs = {"environment": "production", "include_dependents": "true"}
        assert play(emulator, tmp_path, clock, **inputs).exit_code == 0
        assert config_of(emulator) == {
            "includedTags": ["daily"],
            "transitiveDependentsIncluded": True,
        }


_INHERITED: dict[str, Any] = {
    "includedTags": ["daily"],
    "transitiveDependenciesIncluded": True,
    "transitiveDependentsIncluded": True,
    **_FULL,
    "serviceAccount": "nightly@my-project.iam.gserviceaccount.com",
    "queryPriority": "BATCH",
}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("full-refresh", "fullyRefreshIncrementalTablesEnabled"),
        ("include-dependencies", "transitiveDependenciesIncluded"),
        ("include-dependents", "transitiveDependentsIncluded"),
    ],
)
def test_explicit_false_overrides_the_schedule(
    tmp_path: Path, clock: FakeClock, name: str, key: str
) -> None:
    """An input false turns off a flag of the schedule, and a blank input does not."""
    with Emulator(repositories=[warehouse(**_INHERITED)]) as emulator:
        play(emulator, tmp_path, clock, environment="production", **{name: ""})
        step = play(emulator, tmp_path, clock, environment="production", **{name: "false"})
        kept, turned_off = (it.invocation_config for it in emulator.invocations)
    assert kept == _INHERITED
    assert turned_off == {k: value for k, value in _INHERITED.items() if k != key}
    assert step.exit_code == 0
    assert not any(f"{name} true" in line for line in step.log)


def test_log_of_settings_from_the_schedule(tmp_path: Path, clock: FakeClock) -> None:
    """Before the run starts, a line lists the schedule's settings that no input overrides."""
    with Emulator(repositories=[warehouse(**_INHERITED)]) as emulator:
        inputs = {"environment": "production", "tags": "daily", "include_dependents": "false"}
        step = play(emulator, tmp_path, clock, **inputs)
    line = (
        "Schedule nightly sets: include-dependencies true, full-refresh true, service-account "
        "nightly@my-project.iam.gserviceaccount.com, query-priority batch"
    )
    started = next(index for index, text in enumerate(step.log) if text.startswith("Run "))
    assert line in step.log[:started]


def test_schedule_without_settings(tmp_path: Path, clock: FakeClock) -> None:
    """If the schedule has no settings, the log has no such line."""
    with Emulator(repositories=[warehouse()]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
    assert not any("Schedule nightly sets" in line for line in step.log)


def test_hostile_setting_of_a_schedule(tmp_path: Path, clock: FakeClock) -> None:
    """A setting of a schedule cannot add lines or workflow commands to the log."""
    account = "x\n::error::injected" + "y" * 5000
    with Emulator(repositories=[warehouse(serviceAccount=account)]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
    (line,) = (line for line in step.log if line.startswith("Schedule nightly sets"))
    assert len(line) < 600
    assert step.errors == []


@pytest.mark.parametrize(("config", "exit_code"), [(_FULL, 2), ({}, 0)])
def test_false_with_a_schedule_alone(
    tmp_path: Path, clock: FakeClock, config: dict[str, Any], exit_code: int
) -> None:
    """An input false that would have no effect on a schedule is refused before the run."""
    with Emulator(repositories=[warehouse(**config)]) as emulator:
        step = play(emulator, tmp_path, clock, full_refresh="false")
        assert len(emulator.invocations) == (exit_code == 0)
    assert step.exit_code == exit_code
    if exit_code:
        assert (
            "full-refresh is false, but schedule nightly sets it to true, and a schedule "
            "alone runs unchanged: add environment" in step.errors[0]
        )


def test_schedule_of_another_environment(tmp_path: Path, clock: FakeClock) -> None:
    """The refusal names the environment of the schedule."""
    sample = make_warehouse()
    other = replace(
        sample,
        release_configs=[*sample.release_configs, ReleaseConfig(name="reporting")],
        workflow_configs=[
            WorkflowConfig(name="hourly", release_config="reporting", course=Course())
        ],
    )
    with Emulator(repositories=[other]) as emulator:
        step = play(emulator, tmp_path, clock, schedule="hourly", environment="production")
        assert emulator.invocations == []
    assert step.exit_code == 2
    assert "schedule hourly belongs to environment 'reporting', not to production" in step.errors[0]


def test_forms_are_checked_before_anything_is_sent(tmp_path: Path, clock: FakeClock) -> None:
    """Invalid forms of git-ref and schema-suffix are refused immediately."""
    with Emulator() as emulator:
        inputs = {"git_ref": "refs/pull/7/merge", "schema_suffix": "feature/x-1"}
        step = play(emulator, tmp_path, clock, schedule="", **inputs)
        assert emulator.requests == []
    assert step.exit_code == 2
    assert "use 'feature_x_1', for example" in step.errors[0]
    assert "use the branch (github.head_ref)" in step.errors[0]


def test_log_of_the_ref(tmp_path: Path, clock: FakeClock) -> None:
    """A full Git ref is shortened for Dataform, and a line says so."""
    with Emulator() as emulator:
        step = play(emulator, tmp_path, clock, schedule="", git_ref="refs/heads/main")
        bodies = [request.body for request in emulator.requests if request.method == "POST"]
    assert step.exit_code == 0
    assert b'{"gitCommitish": "main"}' in bodies[0]
    assert "git-ref refs/heads/main is compiled as main" in step.log


def test_settings_of_a_schedule_in_the_summary(tmp_path: Path, clock: FakeClock) -> None:
    """The settings of a schedule are in the log and in the summary."""
    with Emulator(repositories=(warehouse(includedTags=["daily"], **_FULL),)) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
    line = "Schedule nightly sets: tags daily, full-refresh true"
    assert line in step.log
    assert line in step.summary
    assert "**Dataform core** <code>3." in step.summary
    assert any(", Dataform core 3." in line for line in step.log)
