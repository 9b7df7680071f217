"""The command line of the emulator."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from dataform_action.emulator import DEFAULT_TOKEN, Emulator
from dataform_action.emulator.cli import main
from tests.emulator.google.support import Warehouse, make_graph
from tests.emulator.local.support import (
    FAKE_CLI,
    commit,
    ends,
    make_project,
    write_files,
    write_program,
)
from tests.emulator.support import RUNS, Client

ROOT = Path(__file__).resolve().parents[2]


def test_importing_the_command_starts_nothing() -> None:
    """The module that the command runs can be imported."""
    assert import_module("dataform_action.emulator.__main__").main is main


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_command_serves_until_a_signal(stop: signal.Signals) -> None:
    """The command prints its address, serves, and on a signal ends with exit code 0."""
    command = [sys.executable, "-m", "dataform_action.emulator", "--port", "0", "--verbose"]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    environment.pop("PYTHONUNBUFFERED", None)
    process = subprocess.Popen(
        [*command, "--advance", "poll"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    limit = threading.Timer(20, process.kill)
    limit.start()
    with process:
        assert process.stdout is not None
        address, token = (process.stdout.readline().strip() for _ in range(2))
        client = Client(address.removeprefix("Dataform emulator: "))
        assert token == f"API token: {DEFAULT_TOKEN}"
        assert client.poll(client.create("failure"), 3)[-1] == "FAILED"
        process.send_signal(stop)
        output, errors = process.communicate()
        client.close()
    limit.cancel()
    assert process.returncode == 0
    assert errors == ""
    assert output.splitlines()[0] == f"POST {RUNS} -> 200"
    assert len(output.splitlines()) == 4


def test_command_does_not_print_a_given_token(capsys: pytest.CaptureFixture[str]) -> None:
    """A given token is accepted and not printed; runs advance by the clock."""
    seen: list[str | int] = []

    def use() -> None:
        url = capsys.readouterr().out.strip().removeprefix("Dataform emulator: ")
        client = Client(url, "given")
        seen.extend(client.poll(client.create(), 1))
        client.close()

    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert main(["--port", "0", "--token", "given", "--run-seconds", "0"], use) == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert seen == ["SUCCESSFUL"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "", "0"])  # noqa: S104
def test_command_prints_where_it_listens(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If the command listens on all addresses, the output names one that clients can use."""
    seen: list[str | int] = []

    def use() -> None:
        first, second = capsys.readouterr().out.splitlines()
        match = re.fullmatch(r"Dataform emulator: (http://127\.0\.0\.1:([0-9]+))", first)
        assert match is not None
        assert second.startswith("It listens on all addresses of this machine, port ")
        assert second.endswith(f", such as http://172.17.0.1:{match[2]}")
        client = Client(match[1], "given")
        seen.append(client.create())
        client.close()

    assert main(["--host", host, "--port", "0", "--token", "given"], use) == 0
    assert len(seen) == 1


def test_help_gives_each_default_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The help shows the default of each flag that has one, once."""
    with pytest.raises(SystemExit):
        main(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "on loopback" not in words
    assert re.findall(r"\(default: ([^)]*)\)", words) == [
        *("127.0.0.1", "8080", "an example, which is printed", "clock", "8", "a sample"),
        "the one in the project's node_modules, or on PATH",
        "those that each commit names",
        "30, as on Google Cloud",
        "runs are simulated",
    ]


def test_command_reports_a_port_in_use(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that is in use is reported in one line, with exit code 1."""
    port = emulator.url.rpartition(":")[2]
    assert main(["--port", port]) == 1
    message = f"The emulator cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert capsys.readouterr() == ("", message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "65536"], "a port must be a number from 0 to 65535, not '65536'"),
        (["--port", "http"], "a port must be a number from 0 to 65535, not 'http'"),
        (["--run-seconds", "-1"], "seconds must be a number of at least 0, not '-1'"),
        (["--run-seconds", "soon"], "seconds must be a number of at least 0, not 'soon'"),
        (["--run-seconds", "inf"], "seconds must be a number of at least 0, not 'inf'"),
        (["--advance", "never"], "invalid choice: 'never'"),
    ],
)
def test_command_refuses_invalid_arguments(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Invalid arguments are reported, with exit code 2."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_command_serves_a_graph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command serves a graph from a file, with one token for both APIs."""
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(make_graph("a")), "utf-8")
    seen: list[str] = []

    def use() -> None:
        url = capsys.readouterr().out.splitlines()[0].removeprefix("Dataform emulator: ")
        client = Warehouse(url, DEFAULT_TOKEN)
        seen.extend(client.actions(client.invoke("nightly")))
        client.close()

    assert main(["--port", "0", "--graph", str(file)], use) == 0
    assert seen == ["a"]


@pytest.mark.parametrize("text", [None, "{", "{}"])
def test_command_refuses_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    """A missing file or a file without a graph is reported, with exit code 2."""
    file = tmp_path / "graph.json"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(SystemExit) as raised:
        main(["--graph", str(file)])
    assert raised.value.code == 2
    assert "graph.json cannot be read: " in capsys.readouterr().err


def serve_project(folder: Path, definition: str) -> list[str]:
    """Make a project, and return the flags that serve it with a fake Dataform CLI."""
    project = make_project(folder / "shop")
    commit(project, {"definitions/orders.sqlx": definition})
    program = write_program(folder / "dataform", FAKE_CLI)
    write_files(folder / "modules", {"@dataform/core/bundle.js": ""})
    flags = {"project-dir": project, "dataform-cli": program, "node-modules": folder / "modules"}
    return ["--port", "0", *(f"--{name}={value}" for name, value in flags.items())]


def test_command_serves_a_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The branch of a checkout is compiled on request."""
    results = []

    def use() -> None:
        address = capsys.readouterr().out.splitlines()[0]
        client = Warehouse(address.removeprefix("Dataform emulator: "))
        results.append(client.data("POST", "/compilationResults", {"gitCommitish": "main"}))
        client.close()

    assert main(serve_project(tmp_path, "select 1"), use) == 0
    assert results[0]["codeCompilationConfig"]["defaultSchema"] == "marts"


def test_command_reports_a_checkout_that_cannot_be_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without Git, and a project that cannot be compiled, are reported in one line."""
    assert main(["--project-dir", str(tmp_path)]) == 1
    assert "cannot start: " in capsys.readouterr().err
    assert main(serve_project(tmp_path, "junk")) == 1
    assert capsys.readouterr().err.startswith(
        "The emulator cannot start: production cannot be released: The Dataform CLI ended"
    )


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_signal_during_the_start_leaves_nothing_running(
    tmp_path: Path, stop: signal.Signals
) -> None:
    """A signal while the project is compiled ends the compiler too."""
    os.mkfifo(tmp_path / "started")
    flags = serve_project(tmp_path, "select 1")
    code = f"""
import os, time
with open({str(tmp_path / "started")!r}, "w") as started:
    started.write(str(os.getpid()))
time.sleep(60)
"""
    write_program(tmp_path / "dataform", code)
    command = [sys.executable, "-m", "dataform_action.emulator", *flags]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as process:
        compiler = int((tmp_path / "started").read_text())
        process.send_signal(stop)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"")
    assert ends(compiler)


def test_command_reports_a_bigquery_server_that_does_not_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A BigQuery server that is not there is reported in one line."""
    assert main(["--port", "0", "--bigquery", "http://127.0.0.1:1"]) == 1
    assert (
        "cannot start: The BigQuery server at http://127.0.0.1:1 fails" in capsys.readouterr().err
    )


def test_command_reports_that_the_analyzer_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Without its package, the analyzer is refused, with the command that installs it."""
    if find_spec("zetasql") is None:
        assert main(["--port", "0", "--analyze"]) == 1
        message = "The SQL analyzer is not installed. Install it with: pip install zetasql"
        assert capsys.readouterr().err == f"The emulator cannot start: {message}\n"


def test_command_serves_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables in a file are those of the emulated BigQuery."""
    (tmp_path / "tables.json").write_text('{"shop.marts.orders": {"numRows": "3"}}', "utf-8")
    rows = []

    def use() -> None:
        address = capsys.readouterr().out.splitlines()[0]
        client = Client(address.removeprefix("Dataform emulator: "))
        path = "/bigquery/v2/projects/shop/datasets/marts/tables/orders"
        rows.append(client.call("GET", path).data["numRows"])
        client.close()

    assert main(["--port", "0", "--tables", str(tmp_path / "tables.json")], use) == 0
    assert rows == ["3"]
    with pytest.raises(SystemExit):
        main(["--tables", str(tmp_path / "none.json")])
    assert "none.json cannot be read" in capsys.readouterr().err
