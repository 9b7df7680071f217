"""Start Dataform runs and wait for them: a GitHub action, a command and a library.

The library's public names are those in ``__all__``:

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

They are imported when the first of them is used, because the action needs only some of them.
"""

# Type checkers know this name. To import it from typing would slow down the start.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from dataform_action.library import *

    __all__: list[str]


def __getattr__(name: str) -> object:
    """Return a public name from ``library``, which is imported at the first use (PEP 562)."""
    from importlib import import_module

    library = import_module("dataform_action.library")
    names = [key for key in vars(library) if not key.startswith("_")]
    if name == "__all__":
        return sorted([*names, "__version__"])
    if name in (*names, "__version__"):
        value = globals()[name] = getattr(library, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
