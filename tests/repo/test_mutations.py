"""The list of ``make mutations`` fits the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.repo.mutations import MUTATIONS, ROOT, RULES, Mutation, places, problems


def test_each_text_occurs_once() -> None:
    """No mutation is left behind when the code that keeps its rule changes."""
    assert problems() == []


def test_each_rule_is_broken() -> None:
    """Every rule has a mutation, and the list is in the order of the rules."""
    rules = [mutation.rule for mutation in MUTATIONS]
    assert sorted(set(rules)) == sorted(RULES)
    assert rules == sorted(rules)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.claim)
def test_each_mutation_can_run(mutation: Mutation) -> None:
    """What it makes of the code is a program, and the folders of its tests exist."""
    [(path, _)] = places(mutation)
    if path.suffix == ".py":
        ast.parse(path.read_text("utf-8").replace(mutation.old, mutation.new))
    assert all(Path(ROOT, "tests", folder).is_dir() for folder in mutation.tests.split())
