"""Read the action's inputs from the environment, as the runner passes them."""

from __future__ import annotations

from collections.abc import Mapping

from dataform_action.action.input_specs import INPUTS

_PREFIX = "INPUT_"


def read_inputs(environ: Mapping[str, str]) -> dict[str, str]:
    """Return every input by its name, as it was given; one that was not is empty."""
    return {declared.name: raw_value(environ, declared.name) for declared in INPUTS}


def variable_name(environ: Mapping[str, str], name: str) -> str:
    """Return the environment variable that holds an input.

    The runner sets a variable for each declared input, empty if it was not given, and keeps its
    hyphens (``INPUT_PROJECT-ID``). A shell can set only ``INPUT_PROJECT_ID``. Where a runner set
    the variables, that one belongs to the job, which knows nothing of this action: it is ignored.
    """
    variable = f"{_PREFIX}{name.upper()}"
    return variable if _is_of_runner(environ) else variable.replace("-", "_")


def _is_of_runner(environ: Mapping[str, str]) -> bool:
    return any(variable.startswith(_PREFIX) and "-" in variable for variable in environ)


def raw_value(environ: Mapping[str, str], name: str) -> str:
    """Return an input as it was given; blank means that it was not."""
    value = environ.get(variable_name(environ, name), "")
    return value if value.strip() else ""
