"""Set the number of the next version, and add it to the changelog, before the release commit.

Usage: ``prepare.py 1.2.3`` edits pyproject.toml, dataform_action/version.py and CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.release.check_version import ReleaseError, check, read_changelog, version_of


def prepare(root: Path, version: str, today: str) -> None:
    """Edit the three files; raise ReleaseError if there is nothing to release."""
    tag = f"release/v{version}"
    version_of(tag)
    changelog = Path(root, "CHANGELOG.md")
    sections = read_changelog(changelog.read_text("utf-8"))
    if sections[:1] and not sections[0].text:
        raise ReleaseError("CHANGELOG.md has no entries under Unreleased: nothing to release")
    _replace(changelog, r"(?m)^## \[Unreleased\]$", f"## [Unreleased]\n\n## [{version}] - {today}")
    _replace(Path(root, "pyproject.toml"), r'(?m)^version = ".*"$', f'version = "{version}"')
    _replace(
        Path(root, "dataform_action/version.py"),
        r'(?m)^__version__ = ".*"$',
        f'__version__ = "{version}"',
    )
    check(root, tag)


def _replace(path: Path, pattern: str, text: str) -> None:
    new, count = re.subn(pattern, lambda _: text, path.read_text("utf-8"))
    if count != 1:
        raise ReleaseError(f"{path.name} has {count} lines for the version instead of one")
    path.write_text(new, "utf-8")


def main() -> int:
    """Prepare and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    version = parser.parse_args().version
    try:
        prepare(ROOT, version, datetime.now(UTC).date().isoformat())
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Commit this. When CI has passed on main, tag the commit release/v{version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
