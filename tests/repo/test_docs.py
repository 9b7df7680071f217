"""The pages in docs/ and the docstrings: their examples run, and their names exist."""

from __future__ import annotations

import inspect
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.oauth2.credentials import _GOOGLE_OAUTH2_TOKEN_ENDPOINT

import dataform_action
from dataform_action.action.input_specs import INPUTS
from dataform_action.cli import main as cli
from dataform_action.emulator import Emulator
from dataform_action.services.specs import GOOGLE_CLOUD
from tests.support.fakes import FakeClock

_ROOT = Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
_PAGES = sorted([*_ROOT.glob("*.md"), *_DOCS.glob("*.md")])
_LINK = re.compile(r"\]\(([^)#:\s]*(?:#[^)\s]*)?)\)")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
#: The address of the API on the page of the command line.
_ADDRESS = "https://dataform.example.com"
#: The address of the emulator on the page of the library.
_LIBRARY_ADDRESS = "http://127.0.0.1:8080"
_PUBLIC = [
    pytest.param(getattr(dataform_action, name), id=name)
    for name in dataform_action.__all__
    if name != "__version__"
]


@pytest.fixture
def fast_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator whose runs end at once, and environment variables with its address."""
    with Emulator(advance="clock", run_seconds=0) as emulator:
        monkeypatch.setenv("DATAFORM_TOKEN", emulator.token)
        monkeypatch.setenv("DATAFORM_API_URL", emulator.url)
        yield emulator


@pytest.fixture
def emulator_of_the_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start the emulator with the command on the page of the library; return its address."""
    page = (_DOCS / "library.md").read_text("utf-8")
    [command] = re.findall(r"^python (-m dataform_action\.emulator.*)", page, re.MULTILINE)
    with subprocess.Popen(
        # Any free port, because tests run side by side.
        [sys.executable, *shlex.split(command), "--port", "0"],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline().split() for _ in ("address", "token")]
        url, token = (words[-1] for words in printed)
        monkeypatch.setenv("DATAFORM_TOKEN", token)
        monkeypatch.setenv("DATAFORM_API_URL", url)
        yield url
        process.terminate()


def _blocks(text: str, language: str) -> list[tuple[str, str]]:
    """Return the blocks of a language, each with the output shown below it."""
    return [(code, shown) for kind, code, shown in _BLOCK.findall(text) if kind == language]


def _execute(code: str, namespace: dict[str, object]) -> str:
    output = io.StringIO()
    with redirect_stdout(output):
        exec(compile(code, "<page>", "exec"), namespace)  # noqa: S102
    return output.getvalue()


def test_the_page_of_the_library(emulator_of_the_page: str) -> None:
    """The Python blocks run in order, and print the output shown below them.

    The emulator is started with the command on the page.
    """
    page = (_DOCS / "library.md").read_text("utf-8")
    blocks = _blocks(page, "python")
    assert len(blocks) == page.count("```python") > 10
    namespace: dict[str, object] = {}
    for code, shown in blocks:
        printed = _execute(code, namespace)
        assert printed.replace(emulator_of_the_page, _LIBRARY_ADDRESS) == shown, code


class _Credentials:
    """Credentials like those of google-auth; each refresh makes a new token."""

    valid = False
    token = ""

    def refresh(self, request: object) -> None:
        assert request == "request"
        self.valid = True
        self.token += "t"


def test_the_pages_own_credentials() -> None:
    """The token source on the page refreshes only credentials that are not valid."""
    namespace: dict[str, object] = {}
    for code, _ in _blocks((_DOCS / "library.md").read_text("utf-8"), "python"):
        if "def tokens" in code:
            _execute(code, namespace)
    tokens, credentials = namespace["tokens"], _Credentials()
    assert callable(tokens)
    token = tokens(credentials, "request")
    assert [token(), token()] == ["t", "t"]
    credentials.valid = False
    assert token() == "tt"


def test_the_example_of_the_package(fast_emulator: Emulator) -> None:
    """The example in the package's docstring starts a run and waits for it."""
    assert dataform_action.__doc__
    [(code, _)] = _blocks(dataform_action.__doc__, "python")
    assert _execute(code, {}).splitlines()[-1] == "Status SUCCESSFUL after 0s"
    assert [run.schedule for run in fast_emulator.runs] == ["nightly"]


def test_the_page_of_the_library_names_every_error() -> None:
    """The table of errors has all public errors."""
    page = (_DOCS / "library.md").read_text("utf-8")
    errors = [
        name
        for name in dataform_action.__all__
        if inspect.isclass(value := getattr(dataform_action, name))
        and issubclass(value, dataform_action.DataformError)
    ]
    assert len(errors) > 12
    assert not [name for name in errors if f"`{name}`" not in page]


def test_the_page_of_the_command_line(emulator: Emulator) -> None:
    """Each command on the page succeeds, and its output ends with the output shown below it."""
    page = (_DOCS / "cli.md").read_text("utf-8").replace("\\\n", "")
    environ = {"DATAFORM_PROJECT_ID": "1234", "DATAFORM_API_URL": emulator.url}
    count = 0
    for block, shown in _blocks(page, "sh"):
        output, errors = io.StringIO(), io.StringIO()
        for line in re.findall(r"^python -m dataform_action (.*)", block, re.MULTILINE):
            words = line.replace("RUN_ID", emulator.runs[-1].id if emulator.runs else "")
            given = {**environ, "DATAFORM_TOKEN": emulator.token}
            exit_code = cli.main(shlex.split(words), given, output, errors, clock=FakeClock())
            assert (exit_code, errors.getvalue()) == (0, ""), line
            count += 1
        assert output.getvalue().replace(emulator.url, _ADDRESS).endswith(shown.removeprefix("…\n"))
    assert count == page.count("\npython -m dataform_action ") == 5


def test_the_page_of_the_command_line_names_every_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The table matches ``--help``, and every flag on the page exists."""
    page = (_DOCS / "cli.md").read_text("utf-8")
    with pytest.raises(SystemExit):
        cli.main(["--help"], {}, io.StringIO(), io.StringIO())
    commands = re.findall(r"^    ([a-z]+) ", capsys.readouterr().out, re.MULTILINE)
    assert re.findall(r"^\| `([a-z]+)", page, re.MULTILINE) == commands
    known = {f"--{declared.name}" for declared in INPUTS} | {"--token-file", "--help"}
    assert {flag.replace("--no-", "--") for flag in re.findall(r"--[a-z-]+[a-z]", page)} <= known


@pytest.mark.parametrize("value", _PUBLIC)
def test_public_names_have_docstrings(value: object) -> None:
    """Public names have docstrings, and so do their public methods and properties."""
    # Update and Observer are type aliases, which cannot have docstrings.
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        assert value in (dataform_action.Update, dataform_action.Observer)
        return
    assert inspect.getdoc(value)
    for name, member in vars(value).items() if inspect.isclass(value) else ():
        if not name.startswith("_") and (callable(member) or isinstance(member, property)):
            assert inspect.getdoc(member), name


@pytest.mark.parametrize("value", _PUBLIC)
def test_documented_errors_are_public(value: object) -> None:
    """Every error that a public docstring names is public."""
    members = [value, *vars(value).values()] if inspect.isclass(value) else [value]
    for text in (inspect.getdoc(member) or "" for member in members if callable(member)):
        for names in re.findall(r"^    ([A-Z]\w+(?:, [A-Z]\w+)*): ", text, re.MULTILINE):
            assert set(names.split(", ")) <= set(dataform_action.__all__)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    """Each link inside the repository leads to a file, and to a heading if it names one."""
    for target in _LINK.findall(page.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path.read_text("utf-8")), target


def _anchors(markdown: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_examples_are_linked() -> None:
    """Each example is linked from a page of the docs."""
    pages = "".join(page.read_text("utf-8") for page in _DOCS.glob("*.md"))
    examples = [path.name for path in Path(_ROOT, "examples").glob("*.py")]
    assert examples
    assert not [name for name in examples if f"](../examples/{name})" not in pages]


def test_the_examples_are_type_checked() -> None:
    """``make check`` gives the folder to mypy; ``make test-orchestrators`` executes the files."""
    makefile = (_ROOT / "Makefile").read_text("utf-8")
    [code] = re.findall(r"^CODE := \$\(wildcard (.*)\)$", makefile, re.MULTILINE)
    assert "examples" in code.split()


def test_the_hosts_of_the_allow_list() -> None:
    """The page of the runners names each host that is in the code."""
    page = (_DOCS / "runners.md").read_text("utf-8")
    listed = set(re.findall(r"`([a-z0-9.*-]+)`", page))
    token_hosts = {_GOOGLE_OAUTH2_TOKEN_ENDPOINT, "https://sts.googleapis.com/v1/token"}
    known = {urlsplit(url).hostname for url in (GOOGLE_CLOUD.api_url, *token_hosts)}
    credentials = (_ROOT / "dataform_action/auth/credentials.py").read_text("utf-8")
    known |= set(re.findall(r"'(\d+\.\d+\.\d+\.\d+)'", credentials))
    assert len(known) == 4
    assert known <= listed


def test_the_architecture_page_names_every_module() -> None:
    """The row of a room names its modules. The emulator is described as a whole."""
    page = Path(_ROOT, "docs/architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z/]+)/` \| (.+) \|$", page, re.MULTILINE)
    missing = [
        f"{room}/{path.stem}"
        for room, row in rows
        if room != "emulator"
        for path in Path(_ROOT, "dataform_action", room).glob("*.py")
        if path.stem != "__init__" and f"`{path.stem}`" not in row
    ]
    assert len(rows) > 10
    assert missing == []
