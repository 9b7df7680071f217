"""Read the action's inputs from the environment, as the runner passes them."""

from __future__ import annotations

from collections.abc import Mapping

from dataform_action.action.input_specs import INPUTS


def read_inputs(environ: Mapping[str, str]) -> dict[str, str]:
    """Return every input by its name, as it was given; one that was not is empty."""
    return {declared.name: raw_value(environ, declared.name) for declared in INPUTS}


def variable_names(name: str) -> tuple[str, str]:
    """Return the environment variables of an input; the second is for shells.

    The runner keeps hyphens (``INPUT_PROJECT-ID``), which shells cannot set.
    """
    upper = name.upper()
    return f"INPUT_{upper}", f"INPUT_{upper.replace('-', '_')}"


def raw_value(environ: Mapping[str, str], name: str) -> str:
    """Return an input as it was given; blank means that it was not."""
    values = (environ.get(variable, "") for variable in variable_names(name))
    return next((value for value in values if value.strip()), "")
