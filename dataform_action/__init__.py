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

They are imported when the first of them is used, since the action itself needs only some.
"""

# Type checkers know the name. To import it from typing would take longer than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from dataform_action.library import *

    __all__: list[str]


def __getattr__(name: str) -> object:
    """Take a public name from the table, which is imported for the first one (PEP 562)."""
    from importlib import import_module

    library = import_module("dataform_action.library")
    names = [key for key in vars(library) if not key.startswith("_")]
    if name == "__all__":
        return sorted([*names, "__version__"])
    if name in (*names, "__version__"):
        value = globals()[name] = getattr(library, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
