"""Read the action's inputs from the environment, as the runner passes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dataform_action.action.input_specs import INPUTS, Input

_PREFIX = "INPUT_"


def read_inputs(environ: Mapping[str, str], inputs: Iterable[Input] = INPUTS) -> dict[str, str]:
    """Return the inputs of a job by name, unchanged; an input that is not set is empty."""
    return {declared.name: raw_value(environ, declared.name) for declared in inputs}


def variable_name(environ: Mapping[str, str], name: str) -> str:
    """Return the name of the environment variable of an input.

    The runner sets a variable for each declared input, even if it is empty, and keeps its hyphens
    (``INPUT_PROJECT-ID``). A shell can set only ``INPUT_PROJECT_ID``. If the runner set the
    variables, a variable without hyphens belongs to the job and is ignored.
    """
    variable = f"{_PREFIX}{name.upper()}"
    return variable if _is_set_by_runner(environ) else variable.replace("-", "_")


def _is_set_by_runner(environ: Mapping[str, str]) -> bool:
    return any(variable.startswith(_PREFIX) and "-" in variable for variable in environ)


def raw_value(environ: Mapping[str, str], name: str) -> str:
    """Return an input unchanged; empty if it is blank."""
    value = environ.get(variable_name(environ, name), "")
    return value if value.strip() else ""
