"""Programs that run with limits."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from dataform_action.emulator.local import processes
from dataform_action.emulator.local.processes import (
    MissingProgramError,
    Processes,
    ProgramError,
)
from tests.emulator.local.support import ends

PYTHON = (sys.executable, "-I", "-c")
# Starts a child that writes its id and would run for a minute.
_PARENT = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "open('child', 'w').write(f'{child.pid}\\n')\n"
)


def test_output_and_exit_code(tmp_path: Path) -> None:
    """The output, the errors and the exit code of a program are returned."""
    code = "import os, sys; print(os.environ['ADDED'], os.getcwd()); sys.exit('wrong')"
    finished = Processes().run([*PYTHON, code], tmp_path, 20, {"ADDED": "yes"})
    assert finished.output.decode() == f"yes {tmp_path}\n"
    assert (finished.code, finished.error_text) == (1, "wrong")


def test_variable_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is None does not reach the program."""
    monkeypatch.setenv("FOREIGN", "1")
    code = "import os; print('FOREIGN' in os.environ)"
    assert Processes().run([*PYTHON, code], tmp_path, 20, {"FOREIGN": None}).output == b"False\n"


def test_missing_program(tmp_path: Path) -> None:
    """A program that does not exist has an error of its own."""
    with pytest.raises(MissingProgramError, match="no-such-program is not installed"):
        Processes().run(["no-such-program"], tmp_path, 20)


def test_file_that_is_no_program(tmp_path: Path) -> None:
    """A file that cannot be executed is reported."""
    (tmp_path / "text").write_text("text", "utf-8")
    with pytest.raises(ProgramError, match=r"text cannot be started: Permission denied"):
        Processes().run([str(tmp_path / "text")], tmp_path, 20)


def test_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """After its time, a program is killed, and so is what it started."""
    child = tmp_path / "child"

    def clock_that_waits_for_the_child() -> float:
        return 20 if child.exists() and child.read_text().endswith("\n") else 0

    code = f"{_PARENT}time.sleep(60)"
    with pytest.raises(ProgramError, match="did not end within 20 s"):
        Processes(clock_that_waits_for_the_child).run([*PYTHON, code], tmp_path, 20)
    assert ends(int(child.read_text()))


def test_children_that_outlive_a_program_are_killed(tmp_path: Path) -> None:
    """When a program ends, what it left running is killed."""
    assert Processes().run([*PYTHON, _PARENT], tmp_path, 20).code == 0
    assert ends(int((tmp_path / "child").read_text()))


def test_close_kills_what_runs(tmp_path: Path) -> None:
    """``close`` ends a program at once, and no other can run afterwards."""
    running = Processes()
    timer = threading.Timer(0.3, running.close)
    timer.start()
    with pytest.raises(ProgramError, match="was stopped, because the emulator stops"):
        running.run([*PYTHON, "import time; time.sleep(60)"], tmp_path, 30)
    timer.join()
    with pytest.raises(ProgramError, match="was stopped"):
        running.run([*PYTHON, "import time; time.sleep(60)"], tmp_path, 30)


def test_program_that_writes_too_much_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that writes without end is killed at the limit."""
    monkeypatch.setattr(processes, "OUTPUT_LIMIT", 10_000)
    code = f"import sys\nwhile True: print('x' * {os.cpu_count()}00)"
    with pytest.raises(ProgramError, match="wrote more than 10,000 bytes"):
        Processes().run([*PYTHON, code], tmp_path, 20)
