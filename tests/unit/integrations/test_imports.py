"""Who needs Airflow and Luigi: their integrations, and nothing else in the package."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dataform_action.integrations.airflow_provider import get_provider_info
from tests.support.steps import run_program

_ROOT = Path(__file__).resolve().parents[3]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.parametrize("name", ["airflow", "luigi"])
def test_import_without_the_extra(name: str) -> None:
    """Without Airflow or Luigi, the error names what is missing."""
    output = run_program(
        f"""
import sys
sys.modules[{name!r}] = None
try:
    import dataform_action.integrations.{name}
except ModuleNotFoundError as error:
    print(error.name)
"""
    )
    assert output.split(".")[0].strip() == name


@pytest.mark.parametrize("name", ["airflow", "luigi"])
def test_the_extra_has_the_name_of_the_integration(name: str) -> None:
    """``pip install "dataform-action[airflow]"`` installs what the integration imports."""
    [requirement] = _PROJECT["optional-dependencies"][name]
    assert name in requirement


def test_the_provider_loads_nothing() -> None:
    """Airflow calls the entry point at each start, so it must not import the operator."""
    entry = _PROJECT["entry-points"]["apache_airflow_provider"]["provider_info"]
    module, _, function = entry.partition(":")
    loaded = run_program(
        f"""
import sys
before = set(sys.modules)
from {module} import {function}
{function}()
print(*(name for name in set(sys.modules) - before if name.startswith("dataform_action")))
"""
    )
    assert set(loaded.split()) == {"dataform_action", "dataform_action.integrations", module}


def test_the_provider_names_existing_classes() -> None:
    """Airflow ignores metadata with another package name, and classes that do not exist."""
    info = get_provider_info()
    assert info["package-name"] == _PROJECT["name"]
    classes = [
        *info["extra-links"],
        *(kind["hook-class-name"] for kind in info["connection-types"]),
    ]
    for path in classes:
        module, _, name = path.rpartition(".")
        source = (_ROOT / module.replace(".", "/")).with_suffix(".py").read_text("utf-8")
        assert f"\nclass {name}(" in source


def test_the_image_has_no_integrations() -> None:
    """They are not in the image, whose build imports every module without Airflow."""
    ignored = (_ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored.index("dataform_action/integrations") > ignored.index("!dataform_action")
    assert "walk_packages(dataform_action.__path__" in (_ROOT / "Dockerfile").read_text("utf-8")
