"""Check that a tag, the version and the changelog agree, before the build.

Usage: ``check_version.py release/v1.2.3 [--notes FILE]`` prints the version in the format of
GITHUB_OUTPUT. It writes the version's section of the changelog to FILE, as the release notes.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TAG = re.compile(r"release/v(?P<version>(0|[1-9]\d*)(\.(0|[1-9]\d*)){2})")
_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<date>\S+))?[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"^\[[^\]]+\]: \S+$", re.MULTILINE)
_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)


class ReleaseError(Exception):
    """A release cannot continue; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Section:
    """A version's section of the changelog; ``released`` is the date as written there."""

    name: str
    released: str | None
    text: str


def version_of(tag: str) -> str:
    """Return the version in the name of a tag, or raise ReleaseError."""
    match = _TAG.fullmatch(tag)
    if match is None:
        raise ReleaseError(f"The tag {tag!r} contains no version: name it like release/v1.2.3")
    return match["version"]


def read_changelog(text: str) -> list[Section]:
    """Return the sections of a changelog in order, without the links at its end."""
    parts = list(_HEADING.finditer(text))
    ends = [part.start() for part in parts[1:]] + [len(text)]
    return [
        Section(part["name"], part["date"], _LINK.sub("", text[part.end() : end]).strip())
        for part, end in zip(parts, ends, strict=True)
    ]


def check(root: Path, tag: str) -> tuple[str, str]:
    """Return the version of a release tag and its release notes.

    Raises:
        ReleaseError: with one line for each problem.
    """
    version = version_of(tag)
    problems = _check_versions(root, version)
    sections = read_changelog(Path(root, "CHANGELOG.md").read_text("utf-8"))
    problems += _check_changelog(sections, version)
    if problems:
        raise ReleaseError("\n".join([f"{tag} cannot be released:", *problems]))
    return version, next(section.text for section in sections if section.name == version)


def _check_versions(root: Path, version: str) -> list[str]:
    with Path(root, "pyproject.toml").open("rb") as file:
        declared = str(tomllib.load(file)["project"]["version"])
    written = _VERSION.search(Path(root, "dataform_action/version.py").read_text("utf-8"))
    found = {
        "pyproject.toml": declared,
        "dataform_action/version.py": written["version"] if written else "none",
    }
    return [
        f"- {file} has the version {value}: run scripts/release/prepare.py {version}"
        for file, value in found.items()
        if value != version
    ]


def _check_changelog(sections: list[Section], version: str) -> list[str]:
    names = [section.name for section in sections]
    if names[:2] != ["Unreleased", version]:
        shown = ", ".join(names[:2]) or "nothing"
        return [f"- CHANGELOG.md begins with {shown}: it must begin with Unreleased, {version}"]
    unreleased, newest = sections[:2]
    problems = []
    if unreleased.text:
        problems.append(f"- CHANGELOG.md has entries under Unreleased: move them to {version}")
    if not newest.text:
        problems.append(f"- CHANGELOG.md has no entries for {version}")
    if not _is_date(newest.released):
        problems.append(
            f"- CHANGELOG.md has the date {newest.released} for {version}: "
            f"write ## [{version}] - YYYY-MM-DD"
        )
    return problems


def _is_date(text: str | None) -> bool:
    try:
        return text is not None and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def main() -> int:
    """Check and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag")
    parser.add_argument("--notes", type=Path, help="the file to write the notes to")
    options = parser.parse_args()
    try:
        version, notes = check(ROOT, options.tag)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    if options.notes is not None:
        options.notes.write_text(f"{notes}\n", "utf-8")
    print(f"version={version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
