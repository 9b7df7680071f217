"""The Dataform CLI: find it, run it, and read the graph that it prints."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataform_action.emulator.local.processes import (
    Finished,
    MissingProgramError,
    Processes,
    ProgramError,
)

COMPILE_SECONDS = 30.0
"""The limit that Google sets for a compilation: https://docs.cloud.google.com/dataform/docs/quotas"""

GRAPH_LIMIT = 20_000_000
"""The largest compiled graph, in bytes; Google's limit is for another encoding of it."""

_INSTALL = "npm install --global @dataform/cli"
_FAILURE = "Dataform encountered an error: "
_LONGEST_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class DataformCli:
    """Compiles folders with a program."""

    processes: Processes
    program: str
    seconds: float = COMPILE_SECONDS

    def compile(self, project: Path, flags: Sequence[str]) -> Mapping[str, Any]:
        """Compile a folder; raise ProgramError if there is no graph.

        The graph of code that does not compile has errors. The texts in it do not name the folder.
        """
        home = project.parent  # For the temporary files of the CLI, which end with the folder.
        environment = {"NO_COLOR": "1", "FORCE_COLOR": None, "TMPDIR": str(home)}
        command = [self.program, "compile", str(project), "--json", *flags]
        try:
            finished = self.processes.run(command, home, self.seconds, environment)
        except MissingProgramError as error:
            raise MissingProgramError(_missing(self.program)) from error
        return _parse(finished, project)


def find_cli(project: Path, given: str | None) -> str:
    """Return the program: the given one, the one in the project's packages, or the one on PATH.

    Raise MissingProgramError if it is missing.
    """
    local = project / "node_modules" / ".bin" / "dataform"
    program = given or (str(local) if local.is_file() else "dataform")
    found = shutil.which(program)
    if found is None:
        raise MissingProgramError(_missing(program))
    return str(Path(found).absolute())


def _missing(program: str) -> str:
    return (
        f"The Dataform CLI ({program}) is not installed. Install Node.js 20 or newer, and "
        f"then the CLI with: {_INSTALL}"
    )


def _parse(finished: Finished, project: Path) -> Mapping[str, Any]:
    text = finished.output.decode("utf-8", "replace")
    start = text.find("{")
    try:
        graph = json.JSONDecoder().raw_decode(text, start)[0] if start >= 0 else None
    except (ValueError, RecursionError):
        graph = None
    if isinstance(graph, dict) and "projectConfig" in graph:
        compact = json.dumps(graph, separators=(",", ":"))
        if len(compact) > GRAPH_LIMIT:
            size = f"{len(compact):,} bytes, and the limit is {GRAPH_LIMIT:,}"
            raise ProgramError(f"The compiled graph is too large: it has {size}")
        clean: Mapping[str, Any] = json.loads(compact.replace(f"{project}/", ""))
        return clean
    errors = finished.error_text.replace(f"{project}/", "")
    if _FAILURE in errors:
        message = errors.partition(_FAILURE)[2].partition("\n")[0]
        return {"graphErrors": {"compilationErrors": [{"message": message, "stack": errors}]}}
    shown = (errors or text.strip() or "nothing")[:_LONGEST_TEXT]
    raise ProgramError(
        f"The Dataform CLI ended with exit code {finished.code} and without a compiled graph. "
        f"It printed: {shown}"
    )
