"""A selection or a flag that has no effect is said, whatever the service knows about it."""

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
    """Return the sample, whose schedule ``nightly`` has a configuration of its own."""
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


def test_a_tag_that_no_action_has(tmp_path: Path, clock: FakeClock) -> None:
    """A misspelled tag is refused by name before a run is created, with what is nearest."""
    with Emulator() as emulator:
        step = play(
            emulator, tmp_path, clock, schedule="", environment="production", tags="dialy,daily"
        )
        assert emulator.invocations == []
    assert step.exit_code == 2
    assert "tags 'dialy' is on no action of the compilation. Did you mean daily?" in step.errors[0]
    assert "Nothing was run." in "\n".join(step.log)


def test_problems_of_tags_and_actions_come_together(tmp_path: Path, clock: FakeClock) -> None:
    """Tags and actions are checked in one attempt."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "git_ref": "main", "tags": "dialy", "actions": "customer"}
        step = play(emulator, tmp_path, clock, **inputs)
        assert emulator.invocations == []
    assert "actions 'customer' is not in the compilation" in step.errors[0]
    assert "tags 'dialy' is on no action" in step.errors[0]


def test_a_compilation_alone_checks_its_tags(tmp_path: Path, clock: FakeClock) -> None:
    """What would select nothing is refused as well where nothing is to be run."""
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
def test_a_schedule_whose_selection_matches_nothing(
    tmp_path: Path, clock: FakeClock, config: dict[str, Any], selected: str
) -> None:
    """A schedule that selects nothing of the compilation would end well without doing anything."""
    with Emulator(repositories=[warehouse(**config)]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
        assert emulator.invocations == []
    assert step.exit_code == 2
    assert f"schedule nightly selects {selected}, which is nothing" in step.errors[0]


def test_a_schedule_whose_selection_matches_in_part(tmp_path: Path, clock: FakeClock) -> None:
    """A schedule that selects anything at all is run as it is."""
    with Emulator(repositories=[warehouse(includedTags=["daily", "gone"])]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
        assert config_of(emulator) == {"includedTags": ["daily", "gone"]}
    assert step.exit_code == 0


def test_tags_that_cannot_be_checked(tmp_path: Path, clock: FakeClock) -> None:
    """Without the permission to read the compilation, the run goes on, and the log says why."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("status", on="query", status=403))
        step = play(emulator, tmp_path, clock, schedule="", environment="production", tags="daily")
    assert step.exit_code == 0
    assert any("matches any action could not be checked" in line for line in step.log)


@pytest.mark.parametrize("environment", ["", "production"])
def test_a_run_without_a_single_action(tmp_path: Path, clock: FakeClock, environment: str) -> None:
    """A run that succeeded without any action is told apart from one that did something."""
    empty = replace(warehouse(), graph={"tables": []}, refs=make_warehouse().refs)
    empty = replace(empty, refs={"main": replace(empty.refs["main"], graph={"tables": []})})
    with Emulator(repositories=[empty]) as emulator:
        step = play(emulator, tmp_path, clock, environment=environment)
    assert step.exit_code == 0
    said = "Nothing was built: the run had no actions."
    assert any(said in line for line in step.log)
    assert said in step.summary
    assert "Check the tags and actions" in step.summary


def test_actions_that_cannot_be_read_are_not_said_to_be_none(
    tmp_path: Path, clock: FakeClock
) -> None:
    """That the actions are not known does not mean that there are none."""
    with Emulator() as emulator:
        emulator.add_fault(Fault("status", on="query", status=403, times=None))
        step = play(emulator, tmp_path, clock)
    assert step.exit_code == 0
    assert "The run had no actions" not in step.summary


def test_tags_on_dataform_web_cannot_be_checked(tmp_path: Path, clock: FakeClock) -> None:
    """Where the service reports no actions, the log says that a tag may run nothing."""
    with Emulator() as emulator:
        step = run_here(tmp_path, inputs_for(emulator, tags="dialy"), clock)
        assert step.exit_code == 0
        assert sum("so the tags cannot be checked" in line for line in step.log) == 1
        other = run_here(tmp_path, inputs_for(emulator), clock)
    assert not any("so the tags cannot be checked" in line for line in other.log)


@pytest.mark.parametrize("name", ["tags", "actions"])
@pytest.mark.parametrize("value", [",", " , ,", ",\n,"])
def test_a_list_without_names(tmp_path: Path, clock: FakeClock, name: str, value: str) -> None:
    """Separators alone do not select everything."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "environment": "production", name: value}
        step = play(emulator, tmp_path, clock, **inputs)
        assert emulator.requests == []
    assert step.exit_code == 2
    assert f"{name} holds separators only, which would select everything" in step.errors[0]


def test_a_list_without_names_on_dataform_web(tmp_path: Path, clock: FakeClock) -> None:
    """The same goes for the other service."""
    with Emulator() as emulator:
        step = run_here(tmp_path, inputs_for(emulator, tags=","), clock)
        assert emulator.requests == []
    assert step.exit_code == 2


@pytest.mark.parametrize("name", ["include_dependencies", "include_dependents"])
def test_a_flag_without_a_selection(tmp_path: Path, clock: FakeClock, name: str) -> None:
    """A flag that widens a selection is refused where everything is run."""
    with Emulator() as emulator:
        inputs = {"schedule": "", "environment": "production", name: "true"}
        step = play(emulator, tmp_path, clock, **inputs)
        assert emulator.requests == []
        assert step.exit_code == 2
        assert f"{name.replace('_', '-')} needs tags or actions" in step.errors[0]


@pytest.mark.parametrize("name", ["include_dependencies", "include_dependents"])
def test_a_flag_with_a_schedule_that_selects_nothing(
    tmp_path: Path, clock: FakeClock, name: str
) -> None:
    """Neither does the flag mean anything with a schedule that runs everything."""
    with Emulator(repositories=[warehouse()]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production", **{name: "true"})
        assert emulator.invocations == []
        assert [request.method for request in emulator.requests] == ["GET"]
    assert step.exit_code == 2
    assert f"{name.replace('_', '-')} widens a selection, but neither" in step.errors[0]


def test_a_flag_with_a_schedule_that_selects(tmp_path: Path, clock: FakeClock) -> None:
    """A flag widens what the schedule selects."""
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
def test_an_explicit_false_goes_before_the_schedule(
    tmp_path: Path, clock: FakeClock, name: str, key: str
) -> None:
    """A flag of the schedule is switched off by false, and by nothing else."""
    with Emulator(repositories=[warehouse(**_INHERITED)]) as emulator:
        play(emulator, tmp_path, clock, environment="production", **{name: ""})
        step = play(emulator, tmp_path, clock, environment="production", **{name: "false"})
        kept, switched_off = (it.invocation_config for it in emulator.invocations)
    assert kept == _INHERITED
    assert switched_off == {k: value for k, value in _INHERITED.items() if k != key}
    assert step.exit_code == 0
    assert not any(f"{name} true" in line for line in step.log)


def test_the_log_says_what_a_run_takes_from_its_schedule(tmp_path: Path, clock: FakeClock) -> None:
    """Before the run starts, a line says what the schedule sets, without what is given."""
    with Emulator(repositories=[warehouse(**_INHERITED)]) as emulator:
        inputs = {"environment": "production", "tags": "daily", "include_dependents": "false"}
        step = play(emulator, tmp_path, clock, **inputs)
    line = (
        "Schedule nightly sets: include-dependencies true, full-refresh true, service-account "
        "nightly@my-project.iam.gserviceaccount.com, queryPriority BATCH"
    )
    started = next(index for index, text in enumerate(step.log) if text.startswith("Run "))
    assert line in step.log[:started]


def test_a_schedule_without_settings_adds_no_line(tmp_path: Path, clock: FakeClock) -> None:
    """Where nothing is taken from the schedule, nothing is said."""
    with Emulator(repositories=[warehouse()]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
    assert not any("Schedule nightly sets" in line for line in step.log)


def test_a_hostile_setting_stays_one_line(tmp_path: Path, clock: FakeClock) -> None:
    """What a schedule holds is text, whatever it looks like."""
    account = "x\n::error::injected" + "y" * 5000
    with Emulator(repositories=[warehouse(serviceAccount=account)]) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
    (line,) = (line for line in step.log if line.startswith("Schedule nightly sets"))
    assert len(line) < 600
    assert step.errors == []


@pytest.mark.parametrize(("config", "exit_code"), [(_FULL, 2), ({}, 0)])
def test_a_schedule_alone_cannot_be_switched_off(
    tmp_path: Path, clock: FakeClock, config: dict[str, Any], exit_code: int
) -> None:
    """A false that a schedule alone would not obey is refused before anything is run."""
    with Emulator(repositories=[warehouse(**config)]) as emulator:
        step = play(emulator, tmp_path, clock, full_refresh="false")
        assert len(emulator.invocations) == (exit_code == 0)
    assert step.exit_code == exit_code
    if exit_code:
        assert (
            "full-refresh is false, but schedule nightly says true, and a schedule alone runs as "
            "it is: add environment" in step.errors[0]
        )


def test_a_schedule_of_another_environment_is_named(tmp_path: Path, clock: FakeClock) -> None:
    """The refusal names the environment that the schedule belongs to."""
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
    """What would be compiled and fail much later is refused at once."""
    with Emulator() as emulator:
        inputs = {"git_ref": "refs/pull/7/merge", "schema_suffix": "feature/x-1"}
        step = play(emulator, tmp_path, clock, schedule="", **inputs)
        assert emulator.requests == []
    assert step.exit_code == 2
    assert "give 'feature_x_1', for example" in step.errors[0]
    assert "give the branch (github.head_ref)" in step.errors[0]


def test_the_log_says_which_ref_is_compiled(tmp_path: Path, clock: FakeClock) -> None:
    """A ref of GitHub's is stripped to what Dataform knows, and a line says so."""
    with Emulator() as emulator:
        step = play(emulator, tmp_path, clock, schedule="", git_ref="refs/heads/main")
        bodies = [request.body for request in emulator.requests if request.method == "POST"]
    assert step.exit_code == 0
    assert b'{"gitCommitish": "main"}' in bodies[0]
    assert "git-ref refs/heads/main is compiled as main" in step.log


def test_what_the_schedule_sets(tmp_path: Path, clock: FakeClock) -> None:
    """What a schedule adds to the inputs is in the log and in the summary."""
    with Emulator(repositories=(warehouse(includedTags=["daily"], **_FULL),)) as emulator:
        step = play(emulator, tmp_path, clock, environment="production")
    line = "Schedule nightly sets: tags daily, full-refresh true"
    assert line in step.log
    assert line in step.summary
    assert "**Dataform core** <code>3." in step.summary
    assert any(", Dataform core 3." in line for line in step.log)
