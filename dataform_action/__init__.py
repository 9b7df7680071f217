"""Trigger Dataform runs and wait for them: a GitHub action, a command, and a library.

The names below are the library's promise (``__all__``):

```python
import os

from dataform_action import DataformWeb, Polling, RunRequest, run

service = DataformWeb(
    project_id="1234",
    token=os.environ["DATAFORM_TOKEN"],
    api_url=os.environ["DATAFORM_API_URL"],
)
result = run(service, RunRequest(schedule="nightly"), Polling(timeout=3600), on_update=print)
result.raise_for_state()
```

They are imported when they are first used, so that the action can take over signals
before the network library loads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dataform_action.version import __version__

if TYPE_CHECKING:
    from dataform_action.actions import (
        Action,
        ActionState,
        Compilation,
        CompiledAction,
        CompileError,
        CompileFailed,
    )
    from dataform_action.clock import Clock
    from dataform_action.dataform_web import DataformWeb
    from dataform_action.errors import (
        CancelUnsupported,
        CredentialsRefused,
        DataformError,
        GaveUp,
        InputError,
        InvalidResponse,
        Misconfigured,
        NoResponse,
        NotConnected,
        Refused,
        RunMayExist,
        Throttled,
        Unusable,
        WaitTimeout,
    )
    from dataform_action.google_auth import ApplicationDefaultCredentials
    from dataform_action.google_dataform import GoogleDataform
    from dataform_action.model import (
        Polling,
        Prepared,
        Result,
        Run,
        RunRequest,
        RunUnsuccessful,
        State,
    )
    from dataform_action.service import Service
    from dataform_action.updates import (
        CancelRequested,
        Changed,
        Compiled,
        Created,
        LeftRunning,
        Observer,
        OutageEnded,
        OutageStarted,
        Progressed,
        Promoted,
        Update,
        Waiting,
    )
    from dataform_action.watch import Poller, prepare, run, start, wait

__all__ = [
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

_HOMES = {
    "actions": (
        "Action",
        "ActionState",
        "Compilation",
        "CompiledAction",
        "CompileError",
        "CompileFailed",
    ),
    "clock": ("Clock",),
    "dataform_web": ("DataformWeb",),
    "errors": (
        "CancelUnsupported",
        "CredentialsRefused",
        "DataformError",
        "GaveUp",
        "InputError",
        "InvalidResponse",
        "Misconfigured",
        "NoResponse",
        "NotConnected",
        "Refused",
        "RunMayExist",
        "Throttled",
        "Unusable",
        "WaitTimeout",
    ),
    "google_auth": ("ApplicationDefaultCredentials",),
    "google_dataform": ("GoogleDataform",),
    "model": (
        "Polling",
        "Prepared",
        "Result",
        "Run",
        "RunRequest",
        "RunUnsuccessful",
        "State",
    ),
    "service": ("Service",),
    "updates": (
        "CancelRequested",
        "Changed",
        "Compiled",
        "Created",
        "LeftRunning",
        "Observer",
        "OutageEnded",
        "OutageStarted",
        "Progressed",
        "Promoted",
        "Update",
        "Waiting",
    ),
    "watch": (
        "Poller",
        "prepare",
        "run",
        "start",
        "wait",
    ),
}


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first used (PEP 562)."""
    for module, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"dataform_action.{module}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
