"""Inputs in the environment: the variables of the runner and of a shell."""

from __future__ import annotations

import pytest

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.inputs import raw_value, read_inputs, variable_name
from tests.unit.action.support import API_URL, MINIMUM, parse

#: What the runner sets for a step without ``with``: every declared input.
RUNNER = {f"INPUT_{declared.name.upper()}": "" for declared in INPUTS}


def test_variables_have_the_runners_names() -> None:
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
    """If a variable has a hyphen, the runner set all of them, and others belong to the job."""
    assert raw_value(environ, "run-id") == value


def test_no_variable_of_a_job_becomes_an_input() -> None:
    """A job's variables without hyphens do not change the inputs."""
    foreign = {
        f"INPUT_{declared.name.upper().replace('-', '_')}": "foreign"
        for declared in INPUTS
        if "-" in declared.name
    }
    assert len(foreign) > 10
    assert read_inputs(foreign | RUNNER) == read_inputs(RUNNER)


def test_a_shell_can_set_all_inputs() -> None:
    """A step can be configured from a shell."""
    environ = {"INPUT_PROJECT_ID": "1234", "INPUT_API_URL": API_URL}
    assert parse({**environ, "INPUT_TOKEN": "s3cret"}) == MINIMUM
