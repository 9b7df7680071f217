"""Write the workflows of README and docs/ into a folder, one file for each.

A snippet is a whole workflow or a list of steps, which get a job around them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
_JOB = """\
name: Steps
on: {event}

permissions: {{}}

jobs:
  steps:
    runs-on: ubuntu-latest
    permissions:
      contents: read
{permissions}\
    steps:
"""
#: What only events of pull requests have, and the action that needs one.
_OF_PULL_REQUESTS = re.compile(r"github\.head_ref|/plan@")
_COMMENTS = "      pull-requests: write\n"


class Snippet(NamedTuple):
    """A block of YAML; ``name`` has the page and the number of the block."""

    name: str
    text: str

    @property
    def is_workflow(self) -> bool:
        """Whether it is a whole workflow, not a list of steps."""
        return not self.text.startswith("- ")

    @property
    def workflow(self) -> str:
        """The workflow; its event is a pull request if the steps need one."""
        if self.is_workflow:
            return self.text
        needs_one = _OF_PULL_REQUESTS.search(self.text) is not None
        event = "pull_request" if needs_one else "workflow_dispatch"
        permissions = _COMMENTS if "/plan@" in self.text else ""
        return _JOB.format(event=event, permissions=permissions) + indent(self.text, " " * 6)


def read_snippets() -> list[Snippet]:
    """Return the snippets of all pages in order."""
    pages = [ROOT / "README.md", *sorted(Path(ROOT, "docs").glob("*.md"))]
    return [
        Snippet(f"{page.stem}-{number}", text)
        for page in pages
        for number, text in enumerate(_BLOCK.findall(page.read_text("utf-8")), 1)
    ]


def main(folder: str) -> None:
    """Write the workflows, and remove old files."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path in Path(folder).glob("*.yml"):
        path.unlink()
    for snippet in read_snippets():
        Path(folder, f"{snippet.name}.yml").write_text(snippet.workflow, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
