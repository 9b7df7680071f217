"""Reads and checks files that the environment names: any path may be there, also of a pipe."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class UnsuitableFile(OSError):
    """The path is not that of a regular file, or the file is too large."""


def check_file(path: str | Path, limit: int) -> None:
    """Refuse a file that could block its reader or fill the memory. Accept a folder.

    Raises:
        UnsuitableFile: the file is a pipe, a socket or a device, or longer than ``limit`` bytes.
        OSError, ValueError: there is no such file, or it is not a path.
    """
    found = os.stat(path)  # noqa: PTH116
    if stat.S_ISDIR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode):
        raise UnsuitableFile(errno.EINVAL, "it is not a regular file")
    if found.st_size > limit:
        raise _too_large(limit)


def read_file(path: Path, limit: int) -> bytes:
    """Return the contents of a regular file of at most ``limit`` bytes.

    Raises:
        UnsuitableFile: as ``check_file``.
        OSError, ValueError: the file cannot be read.
    """
    check_file(path, limit)
    with path.open("rb") as file:
        content = file.read(limit + 1)
    # Files in /proc have no size.
    if len(content) > limit:
        raise _too_large(limit)
    return content


def _too_large(limit: int) -> UnsuitableFile:
    return UnsuitableFile(errno.EFBIG, f"it is larger than {limit // 1024} KiB")
