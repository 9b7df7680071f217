"""Imports point one way, and the outside world is touched in few places."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = _ROOT / "dataform_action"
_VOCABULARY = {"actions", "endings", "errors", "inputs", "interrupts", "model", "updates"}

#: Which of our modules each module may import; "emulator" stands for all of its modules.
_ALLOWED: dict[str, set[str]] = {
    "actions": {"errors"},
    "addresses": {"errors"},
    "annotations": {"endings", "explain", "github", "problems"},
    "answers": {"errors"},
    "__init__": {"actions", "clock", "dataform_web", "errors", "google_auth", "google_dataform"}
    | {"model", "service", "updates", "version", "watch"},
    "__main__": {"cli"},
    "bounded": set(),
    "cli": {"clock", "connect", "endings", "errors", "input_table", "inputs", "main", "terminal"}
    | {"version"},
    "clock": set(),
    "closing": {"actions", "endings", "explain", "github", "problems", "tables"},
    "connect": {"dataform_web", "google_auth", "google_dataform", "inputs", "service", "source"},
    "dataform_web": {"actions", "answers", "errors", "model", "transport"},
    "emulator": set(),
    "endings": {"actions", "errors", "explain", "interrupts", "model"},
    "errors": set(),
    "explain": {"actions", "model"},
    "failures": set(),
    "github": set(),
    "google_actions": {"actions", "answers", "errors", "google_answers"},
    "google_answers": {"answers", "errors", "model"},
    "google_api": {"answers", "errors", "google_answers", "google_hints", "model", "transport"},
    "google_auth": {"bounded", "clock", "errors", "google_credentials", "google_exchanges"},
    "google_credentials": {"answers", "errors", "google_exchanges"},
    "google_compile": {"actions", "answers", "errors", "google_actions", "google_answers"}
    | {"google_api", "google_details", "model", "selection"},
    "google_dataform": {"actions", "errors", "google_actions", "google_answers", "google_api"}
    | {"google_compile", "google_details", "google_request", "model", "source", "transport"},
    "google_details": {"actions", "errors", "google_actions", "google_answers", "google_api"}
    | {"source"},
    "google_exchanges": {"answers", "bounded", "errors", "failures"},
    "google_hints": {"errors"},
    "google_request": {"model"},
    "input_table": set(),
    "inputs": {"addresses", "errors", "google_request", "input_table", "model"},
    "interrupts": set(),
    "main": _VOCABULARY
    | {"clock", "connect", "github", "post_state", "progress", "report", "service", "watch"},
    "markdown": {"github", "model"},
    "lifecycle": {"actions", "clock", "errors", "model", "patience", "service", "updates"},
    "model": {"actions", "errors"},
    "outputs": {"endings", "explain"},
    "page": set(),
    "patience": {"clock", "errors", "model", "updates"},
    "post": _VOCABULARY
    | {"clock", "connect", "github", "main", "markdown", "post_state", "service"},
    "post_state": set(),
    "problems": {"actions", "endings", "explain", "markdown", "model", "page"},
    "progress": {"actions", "github", "inputs", "model", "updates"},
    "redaction": set(),
    "report": {"annotations", "closing", "endings", "github", "inputs", "outputs", "redaction"}
    | {"summary"},
    "selection": {"errors"},
    "service": {"actions", "model"},
    "terminal": {"github"},
    "source": set(),
    "summary": {"endings", "explain", "github", "inputs", "markdown", "model", "page", "problems"}
    | {"tables", "timeline"},
    "tables": {"actions", "endings", "markdown", "model", "page", "problems"},
    "timeline": {"actions", "endings", "explain", "github", "markdown", "model", "page"}
    | {"problems"},
    "transport": {"addresses", "answers", "bounded", "errors", "failures", "model", "version"},
    "updates": {"actions", "errors", "model"},
    "version": set(),
    "watch": {"clock", "lifecycle", "model", "service", "updates"},
}
#: Which third-party libraries each module may import; the others use the standard library only.
_LIBRARIES = {
    "bounded": {"requests"},
    "failures": {"requests", "urllib3"},
    "google_credentials": {"google"},
    "google_exchanges": {"requests"},
    "transport": {"requests", "urllib3"},
}
#: The modules that are programs; nothing else may touch these.
_PROGRAMS = {"__main__", "main", "post", "emulator"}
_OF_PROGRAMS = {
    *("os.environ", "os.environb", "os.getenv", "os.putenv", "os.chdir"),
    *("sys.argv", "sys.exit", "sys.stdin", "sys.stdout", "sys.stderr"),
    *("print", "input", "exit", "quit", "breakpoint", "logging.basicConfig", "getpass.getpass"),
}
#: Imports by name would escape this test; the package's own are compared by test_init.py.
_DYNAMIC = {"__import__", "importlib.import_module", "eval", "exec"}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        first, *rest = path.relative_to(_PACKAGE).with_suffix("").parts
        yield first if rest else path.stem, path


def _imports(tree: ast.AST) -> Iterator[str]:
    """Return the full names of all imported modules and names, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not looked through"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _ours(tree: ast.AST) -> set[str]:
    """Return the modules of ours that are imported; the package itself is ``__init__``."""
    names = (f"{name}.__init__".split(".") for name in _imports(tree))
    found = {second for first, second, *_ in names if first == "dataform_action"}
    return {name if name in _ALLOWED else "__init__" for name in found}


def _libraries(tree: ast.AST) -> set[str]:
    tops = {name.partition(".")[0] for name in _imports(tree)}
    return tops - sys.stdlib_module_names - {"dataform_action"}


def _uses(tree: ast.AST) -> set[str]:
    """Return the names that are used, such as ``print`` and ``os.environ``."""
    found = set(_imports(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=attribute):
                found.add(f"{module}.{attribute}")
            case ast.Name(id=name):
                found.add(name)
    return found


_MODULES = [
    pytest.param(name, ast.parse(path.read_text("utf-8")), id=str(path.relative_to(_PACKAGE)))
    for name, path in _modules()
]


def test_the_table_names_every_module() -> None:
    """A new module has to find its place in the table, and no row outlives its module."""
    assert set(_ALLOWED) == {name for name, _ in _modules()}


def test_the_table_has_no_circle() -> None:
    """What is allowed can be drawn with all arrows pointing one way."""
    assert len(list(TopologicalSorter(_ALLOWED).static_order())) == len(_ALLOWED)


def test_nothing_imports_the_emulator_and_only_programs_import_main() -> None:
    """The table itself keeps the two ends of the package apart."""
    assert not [name for name, allowed in _ALLOWED.items() if "emulator" in allowed]
    assert [name for name, allowed in _ALLOWED.items() if "main" in allowed] == ["cli", "post"]


@pytest.mark.parametrize(("name", "tree"), _MODULES)
def test_imports_stay_inside_the_table(name: str, tree: ast.Module) -> None:
    """A module imports of ours what its row allows, even inside functions and for types."""
    assert _ours(tree) <= _ALLOWED[name] | ({"emulator"} if name == "emulator" else set())


@pytest.mark.parametrize(("name", "tree"), _MODULES)
def test_few_modules_know_a_library(name: str, tree: ast.Module) -> None:
    """Third-party imports stand where requests are made or judged; the emulator has none."""
    assert _libraries(tree) <= _LIBRARIES.get(name, set())


@pytest.mark.parametrize(("name", "tree"), _MODULES)
def test_only_programs_touch_the_process(name: str, tree: ast.Module) -> None:
    """Environment, streams and exit codes belong to the programs, never to the library."""
    if name not in _PROGRAMS:
        assert not _uses(tree) & _OF_PROGRAMS
    if name != "__init__":
        assert not _uses(tree) & _DYNAMIC


@pytest.mark.parametrize(
    ("code", "ours", "libraries", "uses"),
    [
        ("import dataform_action.main", {"main"}, set(), "dataform_action.main"),
        ("import dataform_action", {"__init__"}, set(), "dataform_action"),
        ("from dataform_action import main", {"main"}, set(), "dataform_action.main"),
        ("from dataform_action import run", {"__init__"}, set(), "dataform_action.run"),
        ("def f():\n from dataform_action.main import entry", {"main"}, set(), None),
        ("import requests.adapters as a", set(), {"requests"}, "requests.adapters"),
        ("from urllib3 import util", set(), {"urllib3"}, "urllib3.util"),
        ("import os\nx = os.environ['A']", set(), set(), "os.environ"),
        ("from os import environ as e", set(), set(), "os.environ"),
        ("print('a')", set(), set(), "print"),
        ("from importlib import import_module", set(), set(), "importlib.import_module"),
    ],
)
def test_the_look_at_the_code_sees(
    code: str, ours: set[str], libraries: set[str], uses: str | None
) -> None:
    """Every way to import or to use a thing is found, whatever it is called afterwards."""
    tree = ast.parse(code)
    assert _ours(tree) == ours
    assert _libraries(tree) == libraries
    assert uses is None or uses in _uses(tree)


@pytest.mark.parametrize("path", sorted(_ROOT.glob("*entrypoint.py")), ids=lambda path: path.name)
def test_an_entrypoint_only_starts_its_program(path: Path) -> None:
    """The scripts of the image import one module of ours, and no library."""
    tree = ast.parse(path.read_text("utf-8"))
    expected = {"entrypoint.py": {"main"}, "post_entrypoint.py": {"post"}}
    assert _ours(tree) == expected[path.name]
    assert not _libraries(tree)
