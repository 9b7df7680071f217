"""Trigger Dataform runs and wait for them: a GitHub action, and a library.

The names in ``__all__`` are the library's promise. They are imported when they are
first used, so that the action can take over signals before the network library loads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dataform_action.version import __version__

if TYPE_CHECKING:
    from dataform_action.actions import Action, ActionState, CompileError, CompileFailed
    from dataform_action.dataform_web import DataformWeb
    from dataform_action.errors import (
        CancelUnsupported,
        CredentialsRefused,
        DataformError,
        GaveUp,
        InputError,
        Refused,
        RunMayExist,
        RunUnsuccessful,
        Unusable,
        WaitTimeout,
    )
    from dataform_action.google_auth import ApplicationDefaultCredentials
    from dataform_action.google_dataform import GoogleDataform
    from dataform_action.model import Polling, Prepared, Result, Run, RunRequest, State
    from dataform_action.watch import prepare, run, start, wait

__all__ = [
    "Action",
    "ActionState",
    "ApplicationDefaultCredentials",
    "CancelUnsupported",
    "CompileError",
    "CompileFailed",
    "CredentialsRefused",
    "DataformError",
    "DataformWeb",
    "GaveUp",
    "GoogleDataform",
    "InputError",
    "Polling",
    "Prepared",
    "Refused",
    "Result",
    "Run",
    "RunMayExist",
    "RunRequest",
    "RunUnsuccessful",
    "State",
    "Unusable",
    "WaitTimeout",
    "__version__",
    "prepare",
    "run",
    "start",
    "wait",
]

_HOMES = {
    "dataform_web": ("DataformWeb",),
    "errors": (
        "CancelUnsupported",
        "CredentialsRefused",
        "DataformError",
        "GaveUp",
        "InputError",
        "Refused",
        "RunMayExist",
        "RunUnsuccessful",
        "Unusable",
        "WaitTimeout",
    ),
    "google_auth": ("ApplicationDefaultCredentials",),
    "google_dataform": ("GoogleDataform",),
    "actions": ("Action", "ActionState", "CompileError", "CompileFailed"),
    "model": (
        "Polling",
        "Prepared",
        "Result",
        "Run",
        "RunRequest",
        "State",
    ),
    "watch": ("prepare", "run", "start", "wait"),
}


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first used (PEP 562)."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"dataform_action.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
