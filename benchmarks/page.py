"""The answers in docs/benchmarks.md: each is between two lines with its mark."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.contenders import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"


def write(answers: Mapping[str, str]) -> None:
    """Replace all answers in the page.

    Raises:
        ValueError: the page has no place for an answer.
    """
    text = PAGE.read_text("utf-8")
    for name, answer in answers.items():
        mark = f"<!-- measured: {name} -->\n"
        before, _, after = text.split(mark)
        text = f"{before}{mark}{answer}\n{mark}{after}"
    PAGE.write_text(text, "utf-8")


def read(name: str) -> str:
    """Return the answer that the page has."""
    return PAGE.read_text("utf-8").split(f"<!-- measured: {name} -->\n")[1]
