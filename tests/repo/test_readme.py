"""README is short, its tables match the code, and it links every page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataform_action.action.input_specs import INPUTS
from dataform_action.action.service_factory import SERVICES
from dataform_action.action.settings import parse_settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
_INPUT_HEAD = ["Input", "Default", "Meaning"]


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables of a page as rows of cells, with the head first."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[_cells(line) for line in block.splitlines() if "|---" not in line] for block in blocks]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def section(heading: str) -> str:
    """Return the text under a heading of the second level, up to the next."""
    return README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_length() -> None:
    """README can be read in a few minutes."""
    assert len(README.splitlines()) <= 250
    assert len(README) <= 15_000


def test_inputs() -> None:
    """The tables of inputs have every input once, with its default."""
    rows = [
        (name.strip("`"), default.strip("`"))
        for head, *rows in tables(section("All inputs"))
        for name, default, _ in rows
        if head == _INPUT_HEAD
    ]
    assert len(rows) == len(INPUTS)
    assert dict(rows) == {
        declared.name: "required" if declared.required else declared.default for declared in INPUTS
    }


def test_outputs() -> None:
    """The table of outputs has every output of action.yml, in order."""
    [[_, *rows]] = tables(section("Outputs"))
    assert [cells[0].strip("`") for cells in rows] == list(ACTION["outputs"])


_CASES, _CHOICES = tables(section("Choose your inputs"))
_GIVEN = {"service-account": "dataform-run@my-project.iam.gserviceaccount.com"}
_GOOGLE = {"project-id": "my-project", "location": "europe-west1", "repository": "warehouse"}
_WEB = {"project-id": "1234", "api-url": "https://dataform.example.com", "token": "t"}


@pytest.mark.parametrize("cells", _CASES[1:], ids=lambda cells: str(cells[0]))
def test_each_case_has_valid_inputs(cells: list[str]) -> None:
    """The inputs of a case, with those that are always set, are sufficient for a step."""
    named: list[tuple[str, str]] = re.findall(r"`([\w-]+)(?:: ([^`]*))?`", cells[2])
    assert len(named) == cells[2].count("`") / 2
    of_web = "Dataform Web" in cells[0]
    chosen = {"schedule": "nightly", "environment": "production"}
    known = {**_WEB, **chosen} if of_web else {**_GOOGLE, **_GIVEN}
    given = {} if of_web else dict(_GOOGLE)
    for name, value in named:
        filled = re.sub(r"\$\{\{.*?\}\}", "something", value)
        given[name] = known[name] if filled in ("", "…") else filled
    settings = parse_settings(given, [spec for spec, _ in SERVICES])
    assert settings.service.name == ("Dataform Web" if of_web else "Google Cloud Dataform")


def test_the_inputs_that_decide_what_runs() -> None:
    """The second table explains the three inputs of which Google Cloud requires one."""
    assert [cells[0] for cells in _CHOICES[1:]] == ["`schedule`", "`environment`", "`git-ref`"]


def test_each_page_is_linked_from_one_place() -> None:
    """README links every page of docs exactly once."""
    linked = [target for target in _LINK.findall(README) if target.startswith("docs/")]
    pages = [f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")]
    assert len(pages) > 15
    assert sorted(linked) == sorted(pages)


def test_each_document_is_reachable() -> None:
    """Every Markdown document can be reached from README by links."""
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            targets = _LINK.findall(page.read_text("utf-8"))
            linked = [(page.parent / target).resolve() for target in targets]
            waiting += [path for path in linked if path.suffix == ".md"]
    assert {*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")} <= reached


def test_commands_exist() -> None:
    """Each make command in a document exists in the Makefile."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        text = page.read_text("utf-8")
        for target in re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page.name, target)
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE))
