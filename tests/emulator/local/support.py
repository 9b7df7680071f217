"""Shared by the tests of a local Dataform: Git projects, and programs that a test writes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SETTINGS = "defaultProject: shop\ndefaultDataset: marts\n"
FILES = {
    "workflow_settings.yaml": f"{SETTINGS}dataformCoreVersion: 3.0.62\n",
    "definitions/orders.sqlx": "select 1 as id",
}

# Prints a graph as the Dataform CLI does: a table for each definition, and the settings it read.
FAKE_CLI = """
import json, re, sys, time
from pathlib import Path
project, flags = Path(sys.argv[2]), sys.argv[4:]
settings = (project / "workflow_settings.yaml").read_text()
print("compiled", file=sys.stderr)
Path(__file__).with_name("calls").open("a").write(" ".join(flags) + "\\n")
names = {"defaultProject": "defaultDatabase", "defaultDataset": "defaultSchema",
    "datasetSuffix": "schemaSuffix", "namePrefix": "tablePrefix"}
config = {names.get(name, name): value for name, value in
    re.findall(r'^(\\w+): "?([^"\\n]*)"?$', settings, re.M)}
for flag in flags:
    name, _, value = flag[2:].partition("=")
    name = re.sub("-(.)", lambda found: found[1].upper(), name)
    config[name] = dict(pair.split("=") for pair in value.split(",")) if name == "vars" else value
tables = []
for file in sorted(project.glob("definitions/*.sqlx")):
    text = file.read_text()
    if text == "hang":
        time.sleep(60)
    if text == "ignore":
        config = {}
    if text == "refuse":
        sys.exit("Dataform encountered an error: no such setting\\n    at frame")
    if text == "cut":
        sys.exit(print('{"tables": ['))
    if text == "junk":
        sys.exit("this is not a graph")
    target = {"database": "shop", "schema": "marts", "name": file.stem}
    suffixed = target | {"schema": "_".join(filter(None, ["marts", config.get("schemaSuffix")]))}
    tables.append({"type": "table", "target": suffixed, "canonicalTarget": target,
        "fileName": f"definitions/{file.name}", "query": f"{text} -- in {project}/here"})
print(json.dumps({"tables": tables, "projectConfig": config, "dataformCoreVersion": "3.0.62"}))
print("\\nthe end")
"""


def write_program(path: Path, code: str) -> Path:
    """Write an executable Python program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{code}", "utf-8")
    path.chmod(0o755)
    return path


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts into a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def ends(process: int) -> bool:
    """Return whether a process ends within seconds."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def git(folder: Path, *arguments: str) -> str:
    """Run Git with an identity of its own; return its output."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    command = ["git", *identity, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Write files and commit them; return the SHA."""
    write_files(folder, files)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Change")
    return git(folder, "rev-parse", "HEAD")


def make_project(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Make a Git repository with a project on the branch main."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, FILES if files is None else files)
    return folder
