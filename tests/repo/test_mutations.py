"""The list of ``make mutations`` matches the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repo.mutations import MUTATIONS, ROOT, RULES, Mutation, places, problems


def test_each_text_occurs_once() -> None:
    """A change of the code cannot leave an outdated mutation behind."""
    assert problems() == []


def test_each_rule_is_broken() -> None:
    """Every rule has a mutation, and the list follows the order of the rules."""
    rules = [mutation.rule for mutation in MUTATIONS]
    assert sorted(set(rules)) == sorted(RULES)
    assert rules == sorted(rules)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.claim)
def test_each_mutation_can_run(mutation: Mutation) -> None:
    """The mutated code can be parsed, and the folders of the tests exist."""
    [(path, _)] = places(mutation)
    if path.suffix == ".py":
        ast.parse(path.read_text("utf-8").replace(mutation.old, mutation.new))
    assert all(Path(ROOT, "tests", folder).is_dir() for folder in mutation.tests.split())


def test_the_rules_are_those_of_the_architecture_page() -> None:
    """The page with the rules and the list of mutations agree."""
    page = Path(ROOT, "docs/architecture.md").read_text("utf-8")
    rules = re.findall(r"^([0-9])\. \*\*(.+?)\.\*\*", page.split("## Rules that")[1], re.MULTILINE)
    assert {int(number): rule for number, rule in rules} == RULES
