"""A file in the job's workspace, which belongs to the checkout and is not trusted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def write_in_workspace(environ: Mapping[str, str], path: str, parts: Iterable[str]) -> None:
    """Write a file in the workspace, part by part. Missing folders are created.

    ``path`` is relative to the workspace. The file replaces what is at its path, a symbolic link
    for example. No link leads out of the workspace. The new file and folders get the owner of the
    workspace, so that a later checkout on the same runner can delete them.

    Raises:
        OSError: it cannot be written.
    """
    root = environ.get("GITHUB_WORKSPACE") or "."
    *folders, name = PurePosixPath(path).parts
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        owner = os.fstat(folder)
        for part in folders:
            inner = _open_folder(part, folder, owner)
            os.close(folder)
            folder = inner
        _replace(name, folder, owner, parts)
    finally:
        os.close(folder)


def _open_folder(name: str, parent: int, owner: os.stat_result) -> int:
    """Open a folder in a folder, and create it if it is missing."""
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        return os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    folder = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    _give(folder, owner)
    return folder


def _replace(name: str, folder: int, owner: os.stat_result, parts: Iterable[str]) -> None:
    """Write a new file beside the path, and move it there."""
    if _is_folder(name, folder):
        raise IsADirectoryError(f"{name} is a folder")
    new = f".{name[:100]}.{os.urandom(8).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(new, flags, 0o644, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(part.encode("utf-8", "replace") for part in parts)
            stream.flush()
            _give(descriptor, owner)
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(new, dir_fd=folder)
        raise


def _is_folder(name: str, folder: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _give(descriptor: int, owner: os.stat_result) -> None:
    """Give a file or folder to the owner of the workspace, if that is another one."""
    if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
