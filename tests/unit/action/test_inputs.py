"""Inputs in the environment: how the runner names their variables, and how a shell may."""

from __future__ import annotations

import pytest

from dataform_action.action.inputs import raw_value, variable_names
from tests.unit.action.support import MINIMUM, parse


def test_variables_are_named_as_the_runner_names_them() -> None:
    """The runner keeps hyphens; shells cannot."""
    assert variable_names("project-id") == ("INPUT_PROJECT-ID", "INPUT_PROJECT_ID")
    assert variable_names("token") == ("INPUT_TOKEN", "INPUT_TOKEN")


@pytest.mark.parametrize(
    ("environ", "value"),
    [
        ({"INPUT_RUN-ID": " a "}, " a "),
        ({"INPUT_RUN_ID": "b"}, "b"),
        ({"INPUT_RUN-ID": "a", "INPUT_RUN_ID": "b"}, "a"),
        ({"INPUT_RUN-ID": " ", "INPUT_RUN_ID": "b"}, "b"),
        ({"INPUT_RUN-ID": " ", "INPUT_RUN_ID": "\n"}, ""),
        ({"input_run-id": "a", "RUN-ID": "b"}, ""),
    ],
)
def test_a_shells_spelling_is_read_as_well(environ: dict[str, str], value: str) -> None:
    """``INPUT_A-B`` goes before ``INPUT_A_B``, which counts where the first is blank."""
    assert raw_value(environ, "run-id") == value


def test_underscores_are_enough() -> None:
    """A step can be configured from a shell."""
    assert parse({"INPUT_PROJECT_ID": "1234", "INPUT_TOKEN": "s3cret"}) == MINIMUM
