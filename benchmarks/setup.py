"""What a run of the benchmarks measures, and how thoroughly."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import ACTION, BARE, Contender


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The programs that this machine has, and how often each is measured.

    ``image`` is empty without docker. ``notes`` collects what cannot be measured.
    """

    contenders: Sequence[Contender]
    rounds: int
    image: str = ""
    quick: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def has_hyperfine(self) -> bool:
        """Whether whole steps and plans can be measured."""
        return shutil.which("hyperfine") is not None

    @property
    def earlier(self) -> dict[str, Path]:
        """The folder with the package of an earlier commit, by its name."""
        roots = {one.name: one.root for one in self.among(lambda one: one.root != ACTION.root)}
        return {name: root for name, root in roots.items() if root is not None}

    def among(self, is_wanted: Callable[[Contender], bool]) -> list[Contender]:
        """Return the programs that send requests and meet a condition."""
        return [one for one in self.contenders if one is not BARE and is_wanted(one)]
