"""The troubleshooting page quotes the texts of the code, and has all exit codes."""

from __future__ import annotations

import re

import pytest

from dataform_action.report.outcome import ExitCode
from tests.repo.test_readme import ROOT, tables

_PAGE = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
_CODE = "".join(path.read_text("utf-8") for path in (ROOT / "dataform_action").rglob("*.py"))
_TITLES = (ROOT / "dataform_action/report/outcome.py").read_text("utf-8")
_ERRORS = [
    row
    for head, *rows in tables(_PAGE.split("\n## Error messages\n", 1)[1])
    for row in rows
    if head == ["The error says", "What to do"]
]
_CODES = tables(_PAGE.split("\n## Exit codes\n", 1)[1])[0][1:]
#: Texts of the system and the network library, which are not in this code.
_FOREIGN = {
    "HTTP 401",
    "HTTP 403",
    "HTTP 404",
    "Name or service not known",
    "Connection refused",
}


def test_exit_codes() -> None:
    """The table of exit codes has all exit codes of the step."""
    assert [int(cells[0]) for cells in _CODES] == [int(code) for code in ExitCode]


@pytest.mark.parametrize("cells", _CODES, ids=lambda cells: str(cells[0]))
def test_titles(cells: list[str]) -> None:
    """Each title next to an exit code is part of a title that a summary can have."""
    for title in re.findall(r"`([^`]+)`", cells[1]):
        assert f'{title}"' in _TITLES


@pytest.mark.parametrize("cells", _ERRORS, ids=lambda cells: str(cells[0]))
def test_errors_are_quoted_correctly(cells: list[str]) -> None:
    """Each quoted error is a text of the code or of the system."""
    texts = " ".join(re.sub(r'"\s*f?"', "", _CODE).split())
    for quoted in re.findall(r"`([^`]+)`", cells[0]):
        words = re.sub(r"^(project-id|token|api-url) ", "", quoted)
        assert words in _FOREIGN or words in texts


def test_there_are_errors() -> None:
    """The tables of errors are found."""
    assert len(_ERRORS) > 30
