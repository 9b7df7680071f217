"""Compare two images layer by layer: unchanged, and with limited times as in a release build.

Usage: ``compare_images.py IMAGE IMAGE SECONDS``. Files newer than SECONDS since 1970 get that time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer; ``digest`` is that of its archive, ``entries`` describes its files by path."""

    size: int
    digest: str
    entries: dict[str, tuple[object, ...]]


def read_layers(image: str, newest: int) -> list[Layer]:
    """Return the layers of a local image; no file is newer than ``newest``."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        subprocess.run(["docker", "save", "--output", str(archive), image], check=True)
        with tarfile.open(archive) as tar:
            manifest: list[dict[str, Any]] = json.loads(_read(tar, "manifest.json"))
            return [_read_layer(_read(tar, name), newest) for name in manifest[0]["Layers"]]


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file of the archive")
    return file.read()


def _read_layer(archive: bytes, newest: int) -> Layer:
    with tempfile.TemporaryFile() as file:
        file.write(archive)
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            entries = dict(_entries(tar, newest))
    return Layer(len(archive), hashlib.sha256(archive).hexdigest(), entries)


def _entries(tar: tarfile.TarFile, newest: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    for member in tar:
        content = _read(tar, member.name) if member.isfile() else b""
        yield (
            member.name,
            (
                member.type,
                member.mode,
                member.uid,
                member.gid,
                member.linkname,
                min(int(member.mtime), newest),
                hashlib.sha256(content).hexdigest(),
            ),
        )


def compare(first: str, second: str, newest: int) -> bool:
    """Print a line for each layer; return whether all are equal with limited times."""
    same = True
    pairs = zip(read_layers(first, newest), read_layers(second, newest), strict=True)
    for number, (one, other) in enumerate(pairs, 1):
        differing = sorted(
            path
            for path in one.entries.keys() | other.entries.keys()
            if one.entries.get(path) != other.entries.get(path)
        )
        as_built = "equal" if one.digest == other.digest else "differs"
        limited = "equal" if not differing else f"differs in {', '.join(differing[:5])}"
        print(
            f"layer {number}: {one.size / 1e6:5.1f} MB, {len(one.entries):5} files; "
            f"as built {as_built}, with limited times {limited}"
        )
        same = same and not differing
    return same


def main() -> int:
    """Compare and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("newest", type=int)
    options = parser.parse_args()
    return 0 if compare(options.first, options.second, options.newest) else 1


if __name__ == "__main__":
    sys.exit(main())
