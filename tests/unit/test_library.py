"""The public library: its names, and the side effects that its import does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dataform_action
from tests.support.steps import run_program

_ROOT = Path(__file__).resolve().parents[2]
#: Modules of the action that the library must not import.
_ACTION = {
    f"dataform_action.{name}"
    for name in ("__main__", "action", "cli", "emulator", "github", "integrations", "report")
}


@pytest.mark.parametrize("name", dataform_action.__all__)
def test_every_public_name_exists(name: str) -> None:
    """Every name in ``__all__`` can be imported."""
    assert getattr(dataform_action, name) is not None


def test_list_of_public_names() -> None:
    """This list is the library's interface. A change must be intentional."""
    assert dataform_action.__all__ == [
        "Action",
        "ActionCost",
        "ActionState",
        "ApplicationDefaultCredentials",
        "BigQuery",
        "BigQueryWarehouse",
        "CancelRequested",
        "CancelUnsupported",
        "Cause",
        "Change",
        "Changed",
        "Check",
        "Clock",
        "Column",
        "ColumnChange",
        "Compilation",
        "CompileError",
        "CompileFailed",
        "Compiled",
        "CompiledAction",
        "Costs",
        "Created",
        "CredentialsRefused",
        "DataformError",
        "DataformWeb",
        "Expected",
        "GaveUp",
        "GoogleDataform",
        "GooglePlanSource",
        "GraphAction",
        "History",
        "IncompleteActions",
        "InputError",
        "InvalidResponse",
        "Job",
        "JobCost",
        "LeftRunning",
        "Misconfigured",
        "NoResponse",
        "NotConnected",
        "NotDone",
        "Noted",
        "Observer",
        "OutageEnded",
        "OutageStarted",
        "PastRun",
        "Plan",
        "PlanRequest",
        "PlanStatus",
        "PlannedAction",
        "Poller",
        "Polling",
        "Prepared",
        "Progressed",
        "Promoted",
        "Refused",
        "Rerun",
        "RerunPrepared",
        "Result",
        "Run",
        "RunMayExist",
        "RunRequest",
        "RunUnsuccessful",
        "Scan",
        "Service",
        "State",
        "Throttled",
        "TooLarge",
        "Unusable",
        "Update",
        "Verdict",
        "WaitTimeout",
        "Waiting",
        "__version__",
        "make_plan",
        "prepare",
        "read_costs",
        "retry",
        "run",
        "start",
        "wait",
    ]


def test_public_names_are_the_objects_of_their_modules() -> None:
    """A public exception is the same class as in its module, so ``except`` catches it."""
    from dataform_action import errors, model
    from dataform_action.runs import api
    from dataform_action.services import dataform_web

    assert dataform_action.DataformWeb is dataform_web.DataformWeb
    assert dataform_action.Refused is errors.Refused
    assert dataform_action.State is model.State
    assert dataform_action.wait is api.wait


def test_unknown_name() -> None:
    """An unknown name is an AttributeError with Python's usual message."""
    with pytest.raises(
        AttributeError, match=r"^module 'dataform_action' has no attribute 'trigger'$"
    ):
        _ = dataform_action.trigger


def test_version() -> None:
    """The package and pyproject.toml have the same version."""
    import tomllib

    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert dataform_action.__version__ == project["version"]


def _loaded_by(code: str) -> set[str]:
    """Run code in a new process, and return the modules that it loads."""
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    return set(run_program(program).split())


def test_importing_the_package_loads_almost_nothing() -> None:
    """The action does not load parts of the library that it does not need."""
    loaded = _loaded_by("import dataform_action")
    assert {name for name in loaded if name.startswith("dataform_action")} == {"dataform_action"}
    assert not loaded & {"requests", "urllib3"}


def test_importing_the_names_loads_nothing_of_the_action() -> None:
    """The library loads neither the action nor the emulator nor google-auth."""
    loaded = _loaded_by("from dataform_action import *")
    assert "dataform_action.runs.api" in loaded
    assert not {name for name in loaded if name.startswith(tuple(_ACTION))}
    assert not {name for name in loaded if name.partition(".")[0] == "google"}


def test_the_action_does_not_load_the_command_line() -> None:
    """The action starts without the modules of the command."""
    loaded = _loaded_by("import dataform_action.action.main")
    assert not loaded & {"argparse", "dataform_action.cli.main", "dataform_action.cli.terminal"}


def test_importing_has_no_side_effects() -> None:
    """The import does not change signals, environment, logging, threads or working directory."""
    output = run_program(
        """
import json, logging, os, signal, threading
def state():
    return [
        [repr(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        dict(os.environ),
        [repr(handler) for handler in logging.root.handlers] + [logging.root.level],
        threading.active_count(),
        os.getcwd(),
    ]
before = state()
from dataform_action import *
print(json.dumps([before, state()]))
"""
    )
    before, after = json.loads(output)
    assert before == after
