"""Google Cloud Dataform: parsing the errors of a compilation."""

from __future__ import annotations

import pytest

from dataform_action.errors import InvalidResponse
from dataform_action.model import CompileError
from dataform_action.services.google.compilation import parse_compile_errors


@pytest.mark.parametrize(
    ("path", "stack", "position"),
    [
        ("includes/a.js", "at x (includes/a.js:12:5)", (12, 5)),
        ("includes/a.js", "at x (/project/includes/a.js:12:5)", (12, 5)),
        ("includes/a.js", "includes/a.js:12", (12, None)),
        ("includes/a.js", "includes/a.js:12:\nboom", (12, None)),
        ("workflow_settings.yaml", "workflow_settings.yaml:3:1", (3, 1)),
        ("x.yml", "x.yml:3", (3, None)),
        ("dataform.json", "dataform.json:3", (3, None)),
        ("a.js", "data.js:9:9 then a.js:2:1", (2, 1)),
        ("a.js", "a.js:99999999", (None, None)),
        ("a.js", "a.js:5:99999999", (5, None)),
        ("a+b.js", "aab.js:1:1", (None, None)),
        ("a.js", "b.js:1:1", (None, None)),
        ("a.js", "", (None, None)),
        ("definitions/a.sqlx", "at definitions/a.sqlx:40:7", (None, None)),
        ("../a.js", "../a.js:1:1", (None, None)),
        ("", ":1:1", (None, None)),
    ],
)
@pytest.mark.parametrize("field", ["message", "stack"])
def test_position(
    path: str, stack: str, position: tuple[int | None, int | None], field: str
) -> None:
    """A position is used only if the file is named and not generated."""
    (error,) = parse_compile_errors({"compilationErrors": [{"path": path, field: stack}]})
    assert (error.line, error.column) == position


def test_compile_error_in_full() -> None:
    """An error has its message, file, position and action."""
    entry = {
        "message": "boom",
        "path": "includes/a.js",
        "stack": "Error: boom\n  at includes/a.js:3:9",
        "actionTarget": {"database": "p", "schema": "s", "name": "n"},
    }
    assert parse_compile_errors({"compilationErrors": [entry]}) == (
        CompileError(message="boom", file="includes/a.js", line=3, column=9, action="p.s.n"),
    )


@pytest.mark.parametrize("folder", ["", "warehouse"])
def test_compile_error_in_the_compiler(folder: str) -> None:
    """The compiler's own file is not a file of the project."""
    response = {
        "codeCompilationConfig": {"pipelineConfig": {"path": folder}},
        "compilationErrors": [{"message": 'Could not resolve "x"', "path": "index.js"}],
    }
    assert parse_compile_errors(response) == (CompileError(message='Could not resolve "x"'),)


def test_long_message_of_a_compile_error() -> None:
    """A very long message is cut."""
    (error,) = parse_compile_errors({"compilationErrors": [{"message": "no " * 1_000_000}]})
    assert 9_990 < len(error.message) <= 10_000
    assert error.message.endswith("no…")


def test_compile_error_without_facts() -> None:
    """An empty error is still an error."""
    (error,) = parse_compile_errors({"compilationErrors": [{}]})
    assert error == CompileError(message="The API gives no message.")


@pytest.mark.parametrize("response", [{}, {"compilationErrors": None}, {"compilationErrors": []}])
def test_no_compile_errors(response: dict[str, object]) -> None:
    """A missing or empty list has no errors."""
    assert parse_compile_errors(response) == ()


@pytest.mark.parametrize("errors", ["boom", ["boom"], [{}, None], {"message": "boom"}, 1, False])
def test_invalid_compile_errors(errors: object) -> None:
    """Invalid errors do not count as a compilation without errors."""
    with pytest.raises(InvalidResponse, match="The compilation errors are not a list of objects"):
        parse_compile_errors({"compilationErrors": errors})


@pytest.mark.parametrize(
    ("path", "folder", "file"),
    [
        ("definitions/a.sqlx", None, "definitions/a.sqlx"),
        ("definitions/a.sqlx", "warehouse", "warehouse/definitions/a.sqlx"),
        ("definitions/a.sqlx", "./teams/data/", "teams/data/definitions/a.sqlx"),
        ("warehouse/definitions/a.sqlx", "warehouse", "warehouse/definitions/a.sqlx"),
        ("warehouse2/a.sqlx", "warehouse", "warehouse/warehouse2/a.sqlx"),
        ("./definitions//b/../a.sqlx", None, "definitions/a.sqlx"),
        ("a.sqlx", "../x", "a.sqlx"),
        ("a.sqlx", "/etc", "a.sqlx"),
        ("a.sqlx", ".", "a.sqlx"),
        ("a.sqlx", 7, "a.sqlx"),
        ("/etc/passwd", None, ""),
        ("//etc/passwd", None, ""),
        ("../a.sqlx", "warehouse", ""),
        ("a/../../b", None, ""),
        ("..", None, ""),
        (".", None, ""),
        ("a\nb", None, ""),
        ("a\u202eb", None, ""),
        ("\ud800", None, ""),
        ("a" * 501, None, ""),
        ("", "warehouse", ""),
        (7, None, ""),
    ],
)
def test_files(path: object, folder: object, file: str) -> None:
    """A file is a path in the repository, below the project's folder, or empty."""
    response = {
        "codeCompilationConfig": {"pipelineConfig": {"path": folder}},
        "compilationErrors": [{"message": "m", "path": path}],
    }
    (error,) = parse_compile_errors(response)
    assert error.file == file
