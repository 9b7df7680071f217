"""The npm packages of a project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataform_action.emulator.local.processes import Processes, ProgramError
from dataform_action.emulator.local.project.packages import Packages
from tests.emulator.local.support import write_files, write_program

CORE = "node_modules/@dataform/core/bundle.js"
MANIFEST = json.dumps({"dependencies": {"@dataform/core": "3.0.62"}})
# Installs a file with its own command line, and counts its calls.
FAKE_NPM = """
import sys
from pathlib import Path
if "broken" in Path("package.json").read_text():
    sys.exit("npm error ETARGET")
core = Path("node_modules/@dataform/core")
core.mkdir(parents=True)
(core / "bundle.js").write_text(" ".join(sys.argv[1:]))
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """Packages of a checkout without any, with a fake npm."""
    write_program(tmp_path / "bin" / "npm", FAKE_NPM)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return Packages(Processes(), tmp_path / "checkout", tmp_path / "cache")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Makes copies of a project from files."""
    numbers = iter(range(10))

    def make(**files: str) -> Path:
        folder = tmp_path / f"project{next(numbers)}"
        names = {"settings": "workflow_settings.yaml", "manifest": "package.json"}
        names["lock"] = "package-lock.json"
        write_files(folder, {names[name]: text for name, text in files.items()})
        return folder

    return make


def test_core_version_is_installed_once(packages: Packages, make: Callable[..., Path]) -> None:
    """The version in the settings is installed with npm, and then copied from the cache."""
    first, second = (make(settings="dataformCoreVersion: 3.0.62\n") for _ in range(2))
    packages.install(first)
    assert json.loads((first / "package.json").read_text()) == json.loads(MANIFEST)
    assert (first / "workflow_settings.yaml").read_text() == ""
    assert "install" in (first / CORE).read_text().split()
    (kept,) = packages.cache.glob("*/node_modules/@dataform/core/bundle.js")
    kept.write_text("from the cache", "utf-8")
    packages.install(second)
    assert (second / CORE).read_text() == "from the cache"


def test_lock_file_is_followed(packages: Packages, make: Callable[..., Path]) -> None:
    """With a lock file, npm installs exactly that, without packages for development."""
    project = make(manifest=MANIFEST, lock="{}")
    packages.install(project)
    words = (project / CORE).read_text().split()
    assert {"ci", "--omit=dev", "--ignore-scripts"} <= set(words)


@pytest.mark.parametrize(
    "text", ["no json", json.dumps({"devDependencies": {"@dataform/core": "3"}})]
)
def test_packages_for_development(packages: Packages, make: Callable[..., Path], text: str) -> None:
    """They are installed if Dataform core is one of them."""
    project = make(manifest=text)
    packages.install(project)
    assert ("--omit=dev" in (project / CORE).read_text()) == (text == "no json")


def test_given_packages_serve_every_commit(packages: Packages, make: Callable[..., Path]) -> None:
    """A given folder replaces npm."""
    write_files(packages.checkout, {"given/@dataform/core/bundle.js": "given"})
    given = Packages(
        packages.processes, packages.checkout, packages.cache, packages.checkout / "given"
    )
    project = make(manifest=MANIFEST)
    given.install(project)
    assert (project / CORE).read_text() == "given"
    assert not packages.cache.exists()


def test_packages_of_the_checkout_are_used_if_they_fit(
    packages: Packages, make: Callable[..., Path]
) -> None:
    """The packages in the checkout serve a commit with the same files, and no other."""
    write_files(packages.checkout, {"package.json": MANIFEST, CORE: "of the checkout"})
    same, other = make(manifest=MANIFEST), make(manifest=MANIFEST, lock="{}")
    packages.install(same)
    packages.install(other)
    assert (same / CORE).read_text() == "of the checkout"
    assert "ci" in (other / CORE).read_text()


def test_nothing_is_installed_without_a_need(packages: Packages, make: Callable[..., Path]) -> None:
    """Packages in a commit stay, and a project that names none gets none."""
    committed = make(manifest=MANIFEST)
    write_files(committed, {CORE: "committed"})
    packages.install(committed)
    packages.install(make(settings="defaultProject: shop\n"))
    assert (committed / CORE).read_text() == "committed"
    assert not packages.cache.exists()


def test_npm_that_fails_is_reported(packages: Packages, make: Callable[..., Path]) -> None:
    """The error of npm is part of the message, and nothing is kept."""
    with pytest.raises(ProgramError, match=r"npm cannot install .*: npm error ETARGET"):
        packages.install(make(manifest="broken"))
    assert list(packages.cache.iterdir()) == []


def test_missing_npm(
    packages: Packages, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without npm, the message says what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProgramError, match=r"install Node\.js"):
        packages.install(make(manifest=MANIFEST))


def test_packages_on_another_file_system(
    packages: Packages, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where files cannot be linked, they are copied."""

    def refuse(source: str, target: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    project = make(manifest=MANIFEST)
    packages.install(project)
    assert (project / CORE).exists()
