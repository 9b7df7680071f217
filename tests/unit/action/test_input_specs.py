"""The table of inputs matches the fields of a request, and its defaults change nothing."""

from __future__ import annotations

from dataclasses import fields

from dataform_action.action.input_specs import INPUTS
from dataform_action.model import RunRequest
from tests.unit.action.support import GOOD, MINIMUM, environ_of, parse


def test_each_field_of_a_request_has_an_input_of_its_type() -> None:
    """The kind of each input matches the type of the field with the same name."""
    types = {
        "text": "str | None",
        "list": "tuple[str, ...]",
        "pairs": "tuple[tuple[str, str], ...]",
        "boolean": "bool",
        "flag": "bool | None",
        "number": "int | None",
        "retries": "int",
    }
    kinds = {declared.name.replace("-", "_"): declared.kind for declared in INPUTS}
    assert {field.name: types[kinds[field.name]] for field in fields(RunRequest)} == {
        field.name: field.type for field in fields(RunRequest)
    }


def test_defaults_in_the_metadata_change_nothing() -> None:
    """The defaults in action.yml have the same meaning as missing inputs.

    The runner replaces an expression. Outside of a matrix, the strategy is one job.
    """
    values = {declared.name: declared.fallback for declared in INPUTS} | {"parallel-runs": "1"}
    assert parse(environ_of({**values, **GOOD})) == MINIMUM
