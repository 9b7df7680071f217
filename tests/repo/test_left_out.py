"""The packages that requirements.txt leaves out: nothing in the image can import them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from tests.support.steps import ROOT, run_program

_REQUIREMENTS = Path(ROOT, "requirements.txt").read_text("utf-8")
#: The packages, and the module of each.
_LEFT_OUT = {"pyasn1": "pyasn1", "pyasn1-modules": "pyasn1_modules", "pycparser": "pycparser"}
_KINDS = (
    *("google.auth.aws", "google.auth.external_account_authorized_user"),
    *("google.auth.identity_pool", "google.auth.impersonated_credentials"),
    *("google.oauth2.credentials", "google.oauth2.service_account"),
)


def packages() -> list[str]:
    """Return the names of the packages in the image."""
    return re.findall(r"^([a-z0-9-]+)==", _REQUIREMENTS, re.MULTILINE)


def imports_in(package: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a package, each with the first part of a module that it imports."""
    found = distribution(package)
    for file in found.files or ():
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(Path(str(found.locate_file(file))).read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((str(file), alias.name.partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield str(file), node.module.partition(".")[0]


def test_requirements_name_what_is_left_out() -> None:
    """The lock file says which packages are missing, and has none of them."""
    comment = _REQUIREMENTS.partition("# The following packages were excluded from the output:")[2]
    assert re.findall(r"^# (\S+)$", comment, re.MULTILINE) == list(_LEFT_OUT)
    assert not set(packages()) & _LEFT_OUT.keys()


def test_only_code_that_cannot_run_imports_them() -> None:
    """google-auth imports pyasn1 for the keys of the package rsa only, which is not there either.

    pycparser is for cffi's Python code, of which cryptography uses only the compiled part.
    """
    found = {
        (file, module)
        for package in packages()
        for file, module in imports_in(package)
        if module in {*_LEFT_OUT.values(), "cffi", "rsa"}
    }
    users = {file for file, _ in found if not file.startswith("cffi/")}
    assert users == {"google/auth/crypt/_python_rsa.py"}
    imported = [module for file, module in imports_in("google-auth") if file in users]
    assert next(name for name in imported if name not in sys.stdlib_module_names) == "rsa"
    assert "rsa" not in packages()


def test_credentials_need_none_of_them() -> None:
    """All kinds of credentials can be imported without the packages, and sign with a key."""
    blocked = {*_LEFT_OUT.values(), "cffi", "rsa"}
    program = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({sorted(blocked)!r}))
for name in {_KINDS!r}:
    importlib.import_module(name)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
pem = key.private_bytes(*formats, serialization.NoEncryption())
assert crypt.RSASigner.from_string(pem).sign(b"claims")
print("google.auth.crypt._python_rsa" in sys.modules)
"""
    assert run_program(program) == "False\n"


def test_the_image_imports_every_kind_of_credentials() -> None:
    """So a build fails if a new google-auth needs one of the packages."""
    dockerfile = Path(ROOT, "Dockerfile").read_text("utf-8")
    source = Path(ROOT, "dataform_action/auth/credentials.py").read_text("utf-8")
    used = re.findall(r"from (google\.\w+) import (\w+) as module", source)
    assert sorted(f"{package}.{module}" for package, module in used) == sorted(_KINDS)
    assert all(name in dockerfile for name in _KINDS)
