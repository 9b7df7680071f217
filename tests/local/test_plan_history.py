"""A plan of real commits: it equals an independent comparison of what the Dataform CLI prints.

Other projects are compared at their last commits: DATAFORM_PROJECTS names their checkouts. Packages
that they need besides Dataform core are in a folder ``node_modules`` there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dataform_action.emulator.local.project.repository import make_repository
from dataform_action.plan import Plan, PlanRequest, PlanStatus
from dataform_action.plans.api import make_plan
from dataform_action.plans.comparison import compare
from dataform_action.services.google.plan_source import GooglePlanSource
from dataform_action.services.google.service import GoogleDataform
from tests.emulator.google.support import serve
from tests.emulator.local.support import commit, git
from tests.local.conftest import ROOT
from tests.local.independent_plan import compare_graphs, full_name
from tests.local.test_compile import REAL_PROJECTS, SECONDS, compile_with_cli

COMMITS = int(os.environ.get("DATAFORM_COMMITS", "10"))
CHANGES = ("added", "changed", "removed", "affected", "metadata")


@contextmanager
def planning(checkout: Path, cli: Path, modules: Path) -> Iterator[GooglePlanSource]:
    """Return a source that compiles the commits of a checkout."""
    repository = make_repository(checkout, str(cli), modules, SECONDS)
    with serve(repository) as emulator:
        service = GoogleDataform(
            project_id=repository.project,
            location=repository.location,
            repository=repository.name,
            token=emulator.token,
            api_url=emulator.url,
            read_seconds=SECONDS,
        )
        yield GooglePlanSource(service)


def plan(source: GooglePlanSource, base: str, head: str) -> Plan:
    """Compare two commits."""
    return make_plan(source, None, PlanRequest(head=head, base=base))


def changes(made: Plan) -> dict[str, str]:
    """Return the change of each action that differs."""
    return {planned.name: planned.change.value for planned in made.actions}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of its own with the project of the examples."""
    folder = tmp_path / "warehouse"
    shutil.copytree(ROOT / "examples" / "warehouse", folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, {})
    return folder


def edit(checkout: Path, change: Callable[[str], str], files: str = "*.sqlx") -> str:
    """Change the text of some files, and commit them; return the SHA."""
    for path in checkout.rglob(files):
        if path.is_file():
            path.write_bytes(change(path.read_bytes().decode()).encode())
    return commit(checkout, {})


def in_sql(change: Callable[[str], str]) -> Callable[[str], str]:
    """Return a change of the SQL after the configuration of a file."""

    def apply(text: str) -> str:
        config, end, sql = text.partition("\n}\n")
        return f"{config}{end}{change(sql)}"

    return apply


EDITS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "nothing": ("*.sqlx", str),
    "CR LF": ("*.*", lambda text: text.replace("\n", "\r\n")),
    "white space": ("*.sqlx", in_sql(lambda sql: re.sub(r"(?<=\S) (?=\S)|\n", "\n  ", sql) + "\n")),
    "comments": ("*.sqlx", in_sql(lambda sql: f"-- it's new\n{sql}/* and\nmore */")),
    "comments of JavaScript": ("*.js", lambda text: f"// it's new\n{text}"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_builds_the_same(name: str, cli: Path, modules: Path, checkout: Path) -> None:
    """Line ends, white space and comments change nothing."""
    base = git(checkout, "rev-parse", "HEAD")
    files, change = EDITS[name]
    head = edit(checkout, change, files)
    with planning(checkout, cli, modules) as source:
        made = plan(source, base, head)
    assert made.status is PlanStatus.NO_CHANGES
    assert set(changes(made).values()) <= {"metadata"}
    assert made.action_count == 10
    assert (len(changes(made)) > 0) is (name in ("white space", "comments"))


def test_the_same_commit_in_another_folder(
    cli: Path, modules: Path, checkout: Path, tmp_path: Path
) -> None:
    """The same commit is compiled to the same actions in another checkout."""
    head = git(checkout, "rev-parse", "HEAD")
    other = tmp_path / "another folder" / "with" / "a longer path"
    git(checkout, "clone", "--quiet", str(checkout), str(other))
    request = PlanRequest(head=head, base=head)
    found = []
    for folder in (checkout, other):
        with planning(folder, cli, modules) as source:
            found.append(source.compile(head, request).actions)
    assert len(found[0]) == 12
    assert compare(*found).actions == ()


STAGING, SHOP = "definitions/staging/orders_cleaned.sqlx", "definitions/sources/shop.js"
EVENTS, REVENUE = "definitions/marts/order_events.sqlx", "definitions/marts/customer_revenue.sqlx"
EXPORT = "definitions/marts/export_revenue.sqlx"
AUDIT = "definitions/audit/orders_have_customers.sqlx"
#: Commits of the example: the edits of each are files, and what is replaced by what.
REAL_EDITS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "only tags": {STAGING: ('["daily"]', '["hourly"]')},
    "settings": {"workflow_settings.yaml": ("EUR", "USD")},
    "SQL and a declaration": {
        STAGING: ("customer_id, ", "customer_id, ' ' AS blank, "),
        SHOP: ('"orders"', '"orders", "returns"'),
    },
    "types, partitions and tags": {
        STAGING: ('"view"', '"table"'),
        EVENTS: ("ordered_at)", "created_at)"),
        REVENUE: ('["daily"]', '["hourly"]'),
    },
    "an assertion, a disabled table and an operation": {
        AUDIT: ("o.id\n", "o.id, 1\n"),
        REVENUE: ("{\n", "{\n  disabled: true,\n"),
        EXPORT: ("country, ", ""),
    },
    "a removed file and a new name": {
        EXPORT: ("", ""),
        EVENTS: ("config {", 'config { name: "events",'),
    },
}


def apply_edits(checkout: Path, edits: Mapping[str, tuple[str, str]]) -> str:
    """Edit files of the first commit, and commit them; return the SHA. No new text is no file."""
    for file, (old, new) in edits.items():
        path = checkout / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        if not old:
            path.unlink()
    return commit(checkout, {})


def test_edits_of_the_example(cli: Path, modules: Path, checkout: Path, tmp_path: Path) -> None:
    """Each kind of edit leads to what the independent comparison finds, in both directions."""
    base = git(checkout, "rev-parse", "HEAD")
    graphs = {base: compile_with_cli(cli, modules, checkout, base, tmp_path / base)}
    with planning(checkout, cli, modules) as source:
        for name, edits in REAL_EDITS.items():
            git(checkout, "checkout", "--quiet", "--detach", base)
            head = apply_edits(checkout, edits)
            graphs[head] = compile_with_cli(cli, modules, checkout, head, tmp_path / head)
            there, back = plan(source, base, head), plan(source, head, base)
            assert changes(there) == compare_graphs(graphs[base], graphs[head]), name
            assert changes(back) == compare_graphs(graphs[head], graphs[base]), name
            assert there.has_changes is back.has_changes is (name != "only tags"), name
            show(checkout, there, graphs[head])


@pytest.mark.parametrize("path", [path for path in REAL_PROJECTS if path])
def test_real_projects(path: str, cli: Path, modules: Path, tmp_path: Path) -> None:
    """Each of the last commits of other people's projects is compared as independently."""
    checkout = Path(path)
    own = checkout / "node_modules"
    modules = own if own.is_dir() else modules
    code = ("definitions", "includes", "workflow_settings.yaml", "dataform.json")
    log = git(checkout, "log", "--first-parent", f"-{COMMITS}", "--format=%H", "--", *code)
    commits = log.split()[::-1]
    graphs = {
        sha: compile_with_cli(cli, modules, checkout, sha, tmp_path / sha, "--timeout=5m")
        for sha in commits
    }
    with planning(checkout, cli, modules) as source:
        for base, head in pairwise(commits):
            made = plan(source, base, head)
            if made.status in (PlanStatus.COMPILE_ERRORS, PlanStatus.NOT_COMPARABLE):
                failed = head if made.status is PlanStatus.COMPILE_ERRORS else base
                assert graphs[failed]["graphErrors"].get("compilationErrors")
                print(f"{checkout.name} {base[:7]}..{head[:7]}: {made.status.value}")
                continue
            assert changes(made) == compare_graphs(graphs[base], graphs[head])
            show(checkout, made, graphs[head])


def show(checkout: Path, made: Plan, graph: Mapping[str, Any]) -> None:
    """Print the counts of a plan, beside what a filter by changed files selects and misses."""
    diff = git(checkout, "diff", "--name-only", made.base, made.head).splitlines()
    files = {planned.name: planned.action.file for planned in made.actions}
    picked = [
        entry
        for kind in ("tables", "operations", "assertions", "notebooks")
        for entry in graph.get(kind, ())
        if entry.get("fileName") in diff
    ]
    counts = Counter(changes(made).values())
    wanted = {name for name, change in changes(made).items() if change in ("added", "changed")}
    missed = [name for name in wanted if files[name] not in diff]
    names = {full_name(entry["target"]) for entry in picked}
    print(
        f"{checkout.name} {made.base[:7]}..{made.head[:7]}: {made.action_count} actions,",
        ", ".join(f"{counts[change]} {change}" for change in CHANGES),
        f"| changed files: {len(diff)}, select {len(picked)} actions,"
        f" of which {len(names - wanted)} build the same; miss {len(missed)}",
    )
