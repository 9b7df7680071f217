"""The public library: what it promises, and what importing it does not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dataform_action
from tests.support.steps import run_program

_ROOT = Path(__file__).resolve().parents[2]
#: What belongs to the action, and has no business in a library's process.
_ACTION = {
    f"dataform_action.{name}"
    for name in ("__main__", "action", "cli", "emulator", "github", "report")
}


@pytest.mark.parametrize("name", dataform_action.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    """A name in ``__all__`` can be imported."""
    assert getattr(dataform_action, name) is not None


def test_the_promise_is_kept_as_a_list() -> None:
    """Names come and go only on purpose: this list is the library's interface."""
    assert dataform_action.__all__ == [
        "Action",
        "ActionState",
        "ApplicationDefaultCredentials",
        "CancelRequested",
        "CancelUnsupported",
        "Changed",
        "Clock",
        "Compilation",
        "CompileError",
        "CompileFailed",
        "Compiled",
        "CompiledAction",
        "Created",
        "CredentialsRefused",
        "DataformError",
        "DataformWeb",
        "GaveUp",
        "GoogleDataform",
        "InputError",
        "InvalidResponse",
        "LeftRunning",
        "Misconfigured",
        "NoResponse",
        "NotConnected",
        "NotDone",
        "Noted",
        "Observer",
        "OutageEnded",
        "OutageStarted",
        "Poller",
        "Polling",
        "Prepared",
        "Progressed",
        "Promoted",
        "Refused",
        "Result",
        "Run",
        "RunMayExist",
        "RunRequest",
        "RunUnsuccessful",
        "Service",
        "State",
        "Throttled",
        "TooLarge",
        "Unusable",
        "Update",
        "WaitTimeout",
        "Waiting",
        "__version__",
        "prepare",
        "run",
        "start",
        "wait",
    ]


def test_names_are_those_of_their_modules() -> None:
    """A public name is the very object that the module has, so that ``except`` catches it."""
    from dataform_action import errors, model
    from dataform_action.runs import api as watch
    from dataform_action.services import dataform_web

    assert dataform_action.DataformWeb is dataform_web.DataformWeb
    assert dataform_action.Refused is errors.Refused
    assert dataform_action.State is model.State
    assert dataform_action.wait is watch.wait


def test_other_names_are_missing_as_usual() -> None:
    """A typing error is an AttributeError with Python's own words."""
    with pytest.raises(
        AttributeError, match=r"^module 'dataform_action' has no attribute 'trigger'$"
    ):
        _ = dataform_action.trigger


def test_the_version_is_that_of_the_distribution() -> None:
    """What the User-Agent says is what was released."""
    import tomllib

    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert dataform_action.__version__ == project["version"]


def _loaded_by(code: str) -> set[str]:
    """Run some code in a process of its own; return the modules that it loads."""
    program = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before)"
    return set(run_program(program).split())


def test_importing_the_package_loads_next_to_nothing() -> None:
    """The action pays for no part of the library that it does not need."""
    loaded = _loaded_by("import dataform_action")
    assert {name for name in loaded if name.startswith("dataform_action")} == {"dataform_action"}
    assert not loaded & {"requests", "urllib3"}


def test_importing_the_names_loads_nothing_of_the_action() -> None:
    """A library's process has neither the GitHub side nor the emulator."""
    loaded = _loaded_by("from dataform_action import *")
    assert "dataform_action.runs.api" in loaded
    assert not {name for name in loaded if name.startswith(tuple(_ACTION))}
    assert not {name for name in loaded if name.partition(".")[0] == "google"}


def test_the_action_does_not_pay_for_the_command_line() -> None:
    """The step starts without the modules that only people at a terminal need."""
    loaded = _loaded_by("import dataform_action.action.main")
    assert not loaded & {"argparse", "dataform_action.cli.main", "dataform_action.cli.terminal"}


def test_importing_has_no_side_effects() -> None:
    """Signals, environment, logging, threads and output are as they were."""
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
