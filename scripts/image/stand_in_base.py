"""Build a stand-in for the official Python image, on machines without an image registry.

It consists of files of the host: a relocatable CPython in the official image's folder (/usr/local),
the shared libraries that it needs, the programs that a build and a Kubernetes runner call, pip, and
the host's certificates and package index. It installs wheels for glibc; the Alpine image installs
those for musl. Never push it: its settings are the host's.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.image import engine
from scripts.image.host_python import NEEDED, Interpreter, choose

TAG = "dataform-action/stand-in-base:local"
_LABEL = "dataform-action.stand-in"
_PROGRAMS = (
    *("sh", "env", "cat", "tail", "tar", "find", "sleep", "ls", "mkdir", "rm", "cp", "mv"),
    *("chmod", "id", "test", "true", "gzip"),
)
#: Libraries that wheels and the C library load by name, which ldd does not list.
_LIBRARIES = (
    *("libgcc_s.so.1", "libstdc++.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"),
    *("libm.so.6", "libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"),
)
_EXCLUDED = re.compile(
    r"/(__pycache__|test|tests|idlelib|tkinter|turtledemo|ensurepip|config-3[^/]*)(/|$)"
    r"|/(site|dist)-packages/|/EXTERNALLY-MANAGED$|\.a$"
)
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
_IN_IMAGE_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def make(python: str | None = None, wanted: str = "3.13", tag: str = TAG) -> str:
    """Build the stand-in unless the engine has an identical one; return its name.

    Raises:
        EngineError: the host has no suitable Python, or docker failed.
    """
    interpreter = choose(python, wanted)
    pip_conf = render_pip_conf()
    sources = [Path(__file__).read_text("utf-8"), repr(interpreter), pip_conf]
    digest = hashlib.sha256("\0".join(sources).encode()).hexdigest()
    if engine.docker("images", "--quiet", "--filter", f"label={_LABEL}={digest}", tag).strip():
        return tag
    print(f"Building {tag} from {interpreter.executable}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        stage(interpreter, root, pip_conf)
        # Not through a pipe: if it broke, docker would import half an image.
        archive = Path(folder, "base.tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(root, ".", filter=_owned_by_root)
        import_tested(archive, tag, digest)
    return tag


def import_tested(archive: Path, tag: str, digest: str) -> None:
    """Import an archive as an image, and name the image after its Python has passed a test.

    Raises:
        EngineError: the test or docker failed; then no image gets the name.
    """
    changes = (
        "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
        'CMD ["python3"]',
        f"LABEL {_LABEL}={digest}",
    )
    options = [option for change in changes for option in ("--change", change)]
    image = engine.docker("import", *options, str(archive)).strip()
    smoke = "import bz2, ctypes, lzma, pip, sqlite3, ssl, zlib"
    program = ["/usr/local/bin/python3", "-I", "-W", "error", "-c", smoke]
    try:
        engine.docker("run", "--rm", "--network", "none", image, *program)
    except engine.EngineError:
        engine.docker("rmi", image)
        raise
    with engine.replacing(tag):
        engine.docker("tag", image, tag)


def stage(interpreter: Interpreter, root: Path, pip_conf: str) -> None:
    """Write the image's files into a new folder."""
    for folder in ("usr/local/bin", "usr/local/lib", "usr/bin", "usr/lib", "etc/ssl/certs"):
        Path(root, folder).mkdir(parents=True)
    for folder in ("tmp", "root", "proc", "dev", "sys", "run", "var/tmp"):
        Path(root, folder).mkdir(parents=True)
    for folder in ("tmp", "var/tmp"):
        Path(root, folder).chmod(0o1777)
    for link, target in (("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib")):
        Path(root, link).symlink_to(target)
    _stage_python(interpreter, root)
    for name in _PROGRAMS:
        path = shutil.which(name)
        if path is not None:
            shutil.copy(path, Path(root, "usr/bin", name))
    for library in _needed_libraries(root, interpreter.executable):
        shutil.copy(library, Path(root, "usr/lib", Path(library).name))
    _stage_settings(root, pip_conf)
    subprocess.run(["/sbin/ldconfig", "-r", str(root)], check=True)


def _stage_python(interpreter: Interpreter, root: Path) -> None:
    """Copy the interpreter, its library and pip, without tests and bytecode."""
    prefix = Path(root, "usr/local")
    program = Path(prefix, "bin", interpreter.name)
    shutil.copy(interpreter.executable, program)
    for name in ("python3", "python"):
        Path(prefix, "bin", name).symlink_to(interpreter.name)

    def excluded(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if _EXCLUDED.search(f"{folder}/{name}")]

    library = Path(prefix, "lib", interpreter.name)
    shutil.copytree(interpreter.library, library, symlinks=False, ignore=excluded)
    packages = Path(prefix, interpreter.packages)
    packages.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(interpreter.pip_wheel) as wheel:
        wheel.extractall(packages)  # noqa: S202


def _stage_settings(root: Path, pip_conf: str) -> None:
    """Write the settings: users, name resolution, certificates and the package index."""
    texts = {
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        "group": "root:x:0:\nnogroup:x:65534:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "ld.so.conf": "/usr/lib\n/usr/local/lib\n",
        "pip.conf": pip_conf,
    }
    for name, text in texts.items():
        Path(root, "etc", name).write_text(text, "utf-8")
    certificates = next((path for path in _CERTIFICATES if Path(path).exists()), None)
    if certificates is not None:
        shutil.copy(certificates, root / _IN_IMAGE_CERTIFICATES.lstrip("/"))


def _needed_libraries(root: Path, executable: Path) -> set[str]:
    """Return the host's shared libraries that the staged files need, including the loader."""
    programs = [executable, *Path(root, "usr/bin").iterdir()]
    extensions = [path for path in Path(root, "usr/local/lib").rglob("*.so*") if path.is_file()]
    ldd = ["/usr/bin/ldd", *map(str, [*programs, *extensions])]
    # ldd fails if a file is a script, but lists the libraries of the others.
    done = subprocess.run(ldd, capture_output=True, text=True, check=False)
    found = set(re.findall(r"(?:=> |^\s+)(/\S+\.so\S*) \(0x", done.stdout, re.MULTILINE))
    cache = subprocess.run(
        ["/sbin/ldconfig", "--print-cache"], capture_output=True, text=True, check=True
    ).stdout
    for name in _LIBRARIES:
        named = re.search(rf"^\s+{re.escape(name)} .*=> (/\S+)$", cache, re.MULTILINE)
        if named is not None:
            found.add(named[1])
    return {library for library in found if not library.startswith(f"{root}/")}


def render_pip_conf() -> str:
    """Render a pip.conf with the package index of this host's pip, and its certificates."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    lines = ["[global]", f"cert = {_IN_IMAGE_CERTIFICATES}"]
    for key in ("index-url", "trusted-host", "proxy"):
        given = re.findall(rf"^\S+\.{key}=(.+)$", listed, re.MULTILINE)
        if given:
            # The last value comes from the environment, which has precedence.
            lines.append(f"{key} = {ast.literal_eval(given[-1])}")
    return "\n".join([*lines, ""])


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def main(arguments: Iterable[str] | None = None) -> int:
    """Build the stand-in and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=NEEDED)
    parser.add_argument("--python", help="the interpreter to use")
    parser.add_argument("--wanted", default="3.13", help="the minor version to prefer")
    parser.add_argument("--tag", default=TAG)
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        engine.check()
        print(make(options.python, options.wanted, options.tag))
    except engine.EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
