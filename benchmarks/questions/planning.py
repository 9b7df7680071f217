"""Answers how long a plan takes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import ACTION_ON_GOOGLE, ROOT, Contender, environ_for
from benchmarks.figures import alternate, cell, table, target
from benchmarks.measure.steps import hyperfine
from benchmarks.setup import Setup
from dataform_action.emulator import Commit, DryRun, Emulator, Fault, Repository, make_warehouse

_PACKAGES = ROOT / "scripts" / "local" / "node_modules"
_CLI = _PACKAGES / ".bin" / "dataform"
_COMPILE = (
    "{cli} compile base --json > base.json && {cli} compile head --json > head.json && "
    "! diff base.json head.json > changes.diff"
)
#: How long a dry run takes, and the most that all may take, as a part of their sum.
_DRY_RUN_SECONDS, _PART = 0.2, 1 / 6
_MOST_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A project: its actions, how many of them change, and whether BigQuery checks these."""

    actions: int
    changed: int
    checks: bool = False
    #: The lines of SQL of an action: 25 are about 1 kB.
    lines: int = 25

    def sql(self, number: int, *, is_head: bool) -> str:
        """Return the SQL of an action. The actions do not depend on each other."""
        columns = [
            f"  source.column_{line} AS column_{line}_of_{number}" for line in range(self.lines)
        ]
        if is_head and number < self.changed:
            columns[self.lines // 2] = "  COALESCE(source.discount, 0) AS discount"
        return "SELECT\n" + ",\n".join(columns) + "\nFROM `my-project.raw.events` AS source"


_SMALL = Case(100, 40)
_CHECKED = replace(_SMALL, checks=True)
_LARGE = Case(5000, 400, lines=100)


def answer(setup: Setup) -> str:
    """Measure whole plans and, if Dataform's command line is there, what it does instead."""
    if not setup.has_hyperfine:
        return "Not measured."
    programs = setup.among(lambda one: one.google and one.root is not None)
    cases = (_SMALL, _CHECKED) if setup.quick else (_SMALL, _CHECKED, _LARGE)
    measures: dict[tuple[Case, Contender], Callable[[], tuple[float, int]]] = {
        (case, one): partial(_plan, one, case) for case in cases for one in programs
    }
    plans = alternate(min(setup.rounds, _MOST_ROUNDS), measures)
    taken = {key: [seconds for seconds, _ in each] for key, each in plans.items()}
    _, dry_runs = plans[_CHECKED, ACTION_ON_GOOGLE][0]
    one_by_one = [dry_runs * _DRY_RUN_SECONDS]
    others = {_CHECKED: f"{cell(one_by_one, taken[_CHECKED, ACTION_ON_GOOGLE])}: one by one"}
    if _CLI.exists():
        compiled = cell([_compile_seconds(_SMALL)], taken[_SMALL, ACTION_ON_GOOGLE])
        others[_SMALL] = f"{compiled}: `dataform compile` of both, and `diff`"
    else:
        setup.notes.append("`dataform compile` is not measured: make local-tests installs it.")
    rows = []
    for case in cases:
        ours = [taken[case, one] for one in programs]
        cells = (cell(theirs, ours[0]) for theirs in ours)
        rows.append((_describe(case, dry_runs), *cells, others.get(case, "")))
    checks = median(taken[_CHECKED, ACTION_ON_GOOGLE]) - median(taken[_SMALL, ACTION_ON_GOOGLE])
    text = (
        f"**{median(taken[cases[-1], ACTION_ON_GOOGLE]):.1f} s for {cases[-1].actions:,} actions.**"
    )
    what = f"the dry runs take at most {_PART:.2f} of their sum ({checks / one_by_one[0]:.2f})"
    lines = table(("Seconds for a plan", *(one.name for one in programs), "Another way"), rows)
    return "\n\n".join((text, lines, target(what, checks, _PART * one_by_one[0])))


def _describe(case: Case, dry_runs: int) -> str:
    text = f"{case.actions:,} actions, {case.changed} of them change"
    return f"the same, with {dry_runs} dry runs of {_DRY_RUN_SECONDS:g} s" if case.checks else text


def _plan(contender: Contender, case: Case) -> tuple[float, int]:
    """Return the seconds of a whole plan, and its dry runs; the service compiles in no time."""
    with (
        Emulator(repositories=[_make_repository(case)]) as emulator,
        tempfile.TemporaryDirectory() as path,
    ):
        emulator.prepare_dry_run("SELECT", DryRun(columns=[{"name": "id", "type": "INTEGER"}]))
        emulator.add_fault(Fault("hang", on="dryRun", times=None, seconds=_DRY_RUN_SECONDS))
        environ = environ_for(contender, emulator, Path(path), pause=1)
        environ |= {
            "INPUT_HEAD": "feature",
            "INPUT_BASE": "main",
            "INPUT_VALIDATE": str(case.checks).lower(),
            "INPUT_BIGQUERY-URL": emulator.url,
        }
        seconds = hyperfine((*contender.command, "plan"), environ, Path(path), runs=1)
        jobs = [one for one in emulator.requests if "/bigquery/" in one.path]
        return seconds, sum(one.method == "POST" for one in jobs)


def _make_repository(case: Case) -> Repository:
    graphs = []
    for is_head in (False, True):
        tables: list[dict[str, Any]] = [
            {
                "target": {"database": "my-project", "schema": "audit", "name": f"check_{number}"},
                "query": case.sql(number, is_head=is_head),
                "fileName": f"definitions/check_{number}.sqlx",
            }
            for number in range(case.actions)
        ]
        graphs.append({"assertions": tables})
    base, head = graphs
    refs = {"main": Commit(sha="1" * 40), "feature": Commit(sha="2" * 40, graph=head)}
    return replace(make_warehouse(), graph=base, refs=refs)


def _compile_seconds(case: Case) -> float:
    """Return the seconds to compile both commits with the CLI, and to compare the results."""
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        for name in ("base", "head"):
            (folder / name / "definitions").mkdir(parents=True)
            (folder / name / "workflow_settings.yaml").write_text(
                "defaultProject: my-project\ndefaultLocation: EU\ndefaultDataset: audit\n"
            )
            (folder / name / "package.json").write_text('{"dependencies": {"@dataform/core": "*"}}')
            core = Path("@dataform", "core")
            shutil.copytree(_PACKAGES / core, folder / name / "node_modules" / core)
            for number in range(case.actions):
                sql = case.sql(number, is_head=name == "head")
                file = folder / name / "definitions" / f"check_{number}.sqlx"
                file.write_text(f'config {{type: "assertion"}}\n{sql}\n')
        command = ("/bin/sh", "-c", _COMPILE.format(cli=_CLI))
        return hyperfine(command, {"PATH": os.environ["PATH"]}, folder, runs=1)
