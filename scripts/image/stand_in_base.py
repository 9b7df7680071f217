"""Make a stand-in for the official Python image, for machines that reach no image registry.

It is made of what the host has: a CPython that can be moved, at the official image's place
(/usr/local), the shared libraries that it needs, the programs that a build and a Kubernetes
runner call, pip, and the host's certificates and package index. It takes the wheels for glibc,
where the Alpine image takes those for musl. It never leaves the machine.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.image import engine

TAG = "dataform-action/stand-in-base:local"
OLDEST = (3, 11)
NEEDED = (
    "It is made of a CPython 3.11 or newer on this machine: one of pyenv, uv or a hosted runner's "
    "tool cache, or the system's with its pip wheel (on Debian and Ubuntu, apt-get install "
    "python3-venv). --python names one."
)
_LABEL = "dataform-action.stand-in"
_PLACES = (
    "~/.pyenv/versions/3.*/bin/python3",
    "~/.local/share/uv/python/cpython-3.*/bin/python3",
    "/opt/hostedtoolcache/Python/3.*/*/bin/python3",
    "/usr/local/bin/python3",
    "/usr/bin/python3",
)
_PROGRAMS = (
    *("sh", "env", "cat", "tail", "tar", "find", "sleep", "ls", "mkdir", "rm", "cp", "mv"),
    *("chmod", "id", "test", "true", "gzip"),
)
#: What wheels and the C library load by name, so that ldd does not tell.
_LIBRARIES = (
    *("libgcc_s.so.1", "libstdc++.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"),
    *("libm.so.6", "libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"),
)
_LEFT_OUT = re.compile(
    r"/(__pycache__|test|tests|idlelib|tkinter|turtledemo|ensurepip|config-3[^/]*)(/|$)"
    r"|/(site|dist)-packages/|/EXTERNALLY-MANAGED$|\.a$"
)
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
_IN_IMAGE_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
#: A virtual environment tells of the interpreter that it was made of.
_PROBE = """
import json, os, site, sys, sysconfig
print(json.dumps({
    "version": sys.version_info[:3],
    "executable": os.path.realpath(sys._base_executable),
    "library": os.path.realpath(sysconfig.get_path("stdlib")),
    "packages": os.path.relpath(site.getsitepackages([sys.base_prefix])[-1], sys.base_prefix),
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython of the host; ``packages`` is where it looks for modules below its prefix."""

    version: tuple[int, ...]
    executable: Path
    library: Path
    packages: str
    pip_wheel: Path

    @property
    def name(self) -> str:
        """Its minor version's name, such as python3.13."""
        return f"python{self.version[0]}.{self.version[1]}"


def make(python: str | None = None, wanted: str = "3.13", tag: str = TAG) -> str:
    """Make the stand-in unless it is there as it would be made; return its name.

    Raises:
        EngineError: the host lacks what it is made of, or docker refused.
    """
    interpreter = choose(python, wanted)
    pip_conf = render_pip_conf()
    made_of = [Path(__file__).read_text("utf-8"), repr(interpreter), pip_conf]
    digest = hashlib.sha256("\0".join(made_of).encode()).hexdigest()
    if engine.docker("images", "--quiet", "--filter", f"label={_LABEL}={digest}", tag).strip():
        return tag
    print(f"Making {tag} of {interpreter.executable}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        stage(interpreter, root, pip_conf)
        # A whole file first: from a broken pipe, docker would import half an image.
        archive = Path(folder, "base.tar")
        with tarfile.open(archive, "w") as tar:
            tar.add(root, ".", filter=_owned_by_root)
        import_tested(archive, tag, digest)
    return tag


def import_tested(archive: Path, tag: str, digest: str) -> None:
    """Make an image of an archive, and give it its name once its Python has shown that it runs.

    Raises:
        EngineError: it does not run, or docker refused; nothing has the name then.
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


def choose(python: str | None, wanted: str) -> Interpreter:
    """Return the named interpreter, or the host's best: of the wanted version, else the newest."""
    candidates = [python] if python is not None else list(_candidates())
    found = [entry for entry in map(_probe, candidates) if entry is not None]
    if not found:
        looked = ", ".join(candidates) or "nowhere"
        raise engine.EngineError(
            f"No stand-in for the official Python image can be made: looked at {looked}. {NEEDED}"
        )
    return max(found, key=lambda entry: (entry.name == f"python{wanted}", entry.version))


def _candidates() -> Iterator[str]:
    for place in _PLACES:
        path = Path(place).expanduser()
        yield from map(str, Path("/").glob(str(path.relative_to("/"))))
    yield sys.executable


def _probe(python: str) -> Interpreter | None:
    """Ask an interpreter about itself.

    None if it does not answer, is too old, lacks pip or keeps its packages outside its prefix.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", _PROBE], capture_output=True, text=True, check=True, timeout=20
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    library = Path(told["library"])
    wheels = sorted(
        [
            *library.glob("ensurepip/_bundled/pip-*.whl"),
            *Path("/usr/share/python-wheels").glob("pip-*.whl"),
        ]
    )
    outside = Path(told["packages"]).parts[0] == ".."
    if tuple(told["version"]) < OLDEST or not wheels or outside:
        return None
    return Interpreter(
        version=tuple(told["version"]),
        executable=Path(told["executable"]),
        library=library,
        packages=told["packages"],
        pip_wheel=wheels[0],
    )


def stage(interpreter: Interpreter, root: Path, pip_conf: str) -> None:
    """Lay out the image's files below a new folder."""
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

    def left_out(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if _LEFT_OUT.search(f"{folder}/{name}")]

    library = Path(prefix, "lib", interpreter.name)
    shutil.copytree(interpreter.library, library, symlinks=False, ignore=left_out)
    packages = Path(prefix, interpreter.packages)
    packages.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(interpreter.pip_wheel) as wheel:
        wheel.extractall(packages)  # noqa: S202


def _stage_settings(root: Path, pip_conf: str) -> None:
    """Write what names users, hosts, certificates and the package index."""
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
    """Return the host's shared libraries that what was staged needs, the loader included."""
    programs = [executable, *Path(root, "usr/bin").iterdir()]
    extensions = [path for path in Path(root, "usr/local/lib").rglob("*.so*") if path.is_file()]
    ldd = ["/usr/bin/ldd", *map(str, [*programs, *extensions])]
    # It fails for what is no shared object, such as a script, and tells about the others.
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
    """Write a pip.conf with the package index that pip uses here, and the host's certificates."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    lines = ["[global]", f"cert = {_IN_IMAGE_CERTIFICATES}"]
    for key in ("index-url", "trusted-host", "proxy"):
        given = re.findall(rf"^\S+\.{key}=(.+)$", listed, re.MULTILINE)
        if given:
            # The last one listed is the environment's, which pip prefers.
            lines.append(f"{key} = {ast.literal_eval(given[-1])}")
    return "\n".join([*lines, ""])


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def main(arguments: Iterable[str] | None = None) -> int:
    """Make the stand-in and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=NEEDED)
    parser.add_argument("--python", help="the interpreter to make it of")
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
