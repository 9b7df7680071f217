"""Inputs in the environment: how the runner names their variables, and how a shell may."""

from __future__ import annotations

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.inputs import raw_value, read_inputs, variable_name
from tests.unit.action.support import API_URL, MINIMUM, parse

#: What the runner sets for a step without ``with``: every declared input.
RUNNER = {f"INPUT_{declared.name.upper()}": "" for declared in INPUTS}


def test_variables_are_named_as_the_runner_names_them() -> None:
    """The runner keeps hyphens; shells cannot."""
    assert variable_name(RUNNER, "project-id") == "INPUT_PROJECT-ID"
    assert variable_name({}, "project-id") == "INPUT_PROJECT_ID"
    assert variable_name(RUNNER, "token") == variable_name({}, "token") == "INPUT_TOKEN"


@pytest.mark.parametrize(
    ("environ", "value"),
    [
        ({"INPUT_RUN-ID": " a "}, " a "),
        ({"INPUT_RUN_ID": "b"}, "b"),
        ({"INPUT_RUN_ID": " "}, ""),
        ({"INPUT_RUN-ID": "a", "INPUT_RUN_ID": "b"}, "a"),
        ({"INPUT_RUN-ID": "", "INPUT_RUN_ID": "b"}, ""),
        ({"INPUT_RUN-ID": " ", "INPUT_RUN_ID": "b"}, ""),
        ({"INPUT_PROJECT-ID": "1234", "INPUT_RUN_ID": "b"}, ""),
        ({"input_run-id": "a", "RUN-ID": "b"}, ""),
        ({"SOME-THING": "a", "INPUT_RUN_ID": "b"}, "b"),
    ],
)
def test_a_shells_spelling_counts_only_without_a_runner(
    environ: dict[str, str], value: str
) -> None:
    """As soon as a variable has a hyphen, a runner set them all, and the others are the job's."""
    assert raw_value(environ, "run-id") == value


def test_no_variable_of_a_job_becomes_an_input() -> None:
    """Whatever a job's ``env`` holds in a shell's spelling, the inputs stay as they were given."""
    foreign = {
        f"INPUT_{declared.name.upper().replace('-', '_')}": "foreign"
        for declared in INPUTS
        if "-" in declared.name
    }
    assert len(foreign) > 10
    assert read_inputs(foreign | RUNNER) == read_inputs(RUNNER)


def test_underscores_are_enough() -> None:
    """A step can be configured from a shell."""
    environ = {"INPUT_PROJECT_ID": "1234", "INPUT_API_URL": API_URL}
    assert parse({**environ, "INPUT_TOKEN": "s3cret"}) == MINIMUM
