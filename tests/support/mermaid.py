"""Asks the real Mermaid what it finds in texts.

This needs Node.js and the packages that ``npm ci`` installs in tests/browser; ``make mermaid``
installs them. Without them, tests are skipped, but they fail in CI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_BROWSER = Path(__file__).resolve().parents[1] / "browser"
_MISSING = (
    "NO DIAGRAM WAS TESTED: Node.js or its packages are missing. Install Node.js 18 or newer, "
    "then run: make mermaid"
)
#: Texts that have a meaning to Mermaid.
BREAKERS = (
    *(":", ";", "#", "%%", "%%{init: {'theme': 'dark'}}%%", ",", "\n", "---\n", "end", "section a"),
    *("click t1 href x", "title a", "gantt", "dateFormat x", "todayMarker on", "excludes weekends"),
    *(
        "accTitle: a",
        "accDescr {",
        "}",
        "done,",
        "crit",
        "after t1",
        "2026-01-01",
        "#35;",
        "ﬂ°°35¶ß",
    ),
    *(
        "ﬂ°°35¶ß",
        "<b>",
        "&lt;",
        '"',
        "'",
        "`",
        "\\",
        "/*",
        "*/",
        "vert",
        "milestone",
        "until t2",
        "call a()",
    ),
)


@dataclass(frozen=True)
class Task:
    """A bar of the diagram; ``start`` and ``end`` are seconds since 1970, in UTC."""

    id: str
    section: str
    name: str
    start: float
    end: float
    tags: list[str]


@dataclass(frozen=True)
class Node:
    """A node of a flowchart."""

    id: str
    label: str
    classes: list[str]
    link: str


@dataclass(frozen=True)
class Found:
    """What Mermaid found in a text."""

    error: str = ""
    type: str = ""
    title: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    edges: list[list[str]] = field(default_factory=list)


def ask_mermaid(texts: list[str]) -> list[Found]:
    """Return what Mermaid finds in each text; skip the test if Mermaid is not installed."""
    node = shutil.which("node")
    if node is None or not (_BROWSER / "node_modules" / "mermaid").is_dir():
        if os.environ.get("CI", "") == "true":
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    done = subprocess.run(
        [node, "check_mermaid.mjs"],
        input=json.dumps(texts),
        cwd=_BROWSER,
        env={**os.environ, "TZ": "UTC"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [read_found(answer) for answer in json.loads(done.stdout)]


def read_found(answer: Mapping[str, Any]) -> Found:
    """Return an answer of Mermaid, with its tasks sorted by the numbers in their ids."""
    tasks = [Task(**task) for task in answer.get("tasks", ())]
    tasks.sort(key=lambda task: (len(task.id), task.id))
    nodes = [Node(**node) for node in answer.get("nodes", ())]
    return Found(**{**answer, "tasks": tasks, "nodes": nodes})
