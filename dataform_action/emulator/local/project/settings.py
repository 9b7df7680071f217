"""The settings of a compilation: as flags of the Dataform CLI, or in the project's settings file.

The CLI has no flag for some settings, and reads some values of flags as numbers. Such settings go
into the settings file of the copy that is compiled.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

WORKFLOW_SETTINGS = "workflow_settings.yaml"
DATAFORM_JSON = "dataform.json"

_FLAGS = MappingProxyType(
    {
        "defaultDatabase": "default-database",
        "defaultSchema": "default-schema",
        "defaultLocation": "default-location",
        "assertionSchema": "assertion-schema",
        "databaseSuffix": "database-suffix",
        "schemaSuffix": "schema-suffix",
        "tablePrefix": "table-prefix",
    }
)
#: The names in workflow_settings.yaml; dataform.json uses those of the API.
_YAML_NAMES = MappingProxyType(
    {
        "defaultDatabase": "defaultProject",
        "defaultSchema": "defaultDataset",
        "defaultLocation": "defaultLocation",
        "assertionSchema": "defaultAssertionDataset",
        "databaseSuffix": "projectSuffix",
        "schemaSuffix": "datasetSuffix",
        "tablePrefix": "namePrefix",
        "builtinAssertionNamePrefix": "builtinAssertionNamePrefix",
    }
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*")
_CORE_VERSION = re.compile(r"""^dataformCoreVersion\s*:\s*["']?([^\s"'#]+)["']?.*\n?""", re.M)


class SettingsError(Exception):
    """A setting that the Dataform CLI cannot apply."""


def make_flags(config: Mapping[str, Any]) -> list[str]:
    """Make the flags of the CLI for those settings that it can take as flags."""
    flags = [
        f"--{_FLAGS[name]}={value}"
        for name, value in config.items()
        if name in _FLAGS and _is_flag(name, value)
    ]
    variables = config.get("vars", {})
    for name, value in variables.items():
        if "," in name + value or "=" in name + value:
            problem = "it contains a comma or an equals sign"
            raise SettingsError(f"The Dataform CLI cannot set the variable {name}: {problem}")
    if variables:
        flags.append("--vars=" + ",".join(f"{name}={value}" for name, value in variables.items()))
    return flags


def write_settings(project: Path, config: Mapping[str, Any]) -> None:
    """Write the other settings into the settings file of a project."""
    if config.get("defaultNotebookRuntimeOptions"):
        raise SettingsError("The Dataform CLI cannot set defaultNotebookRuntimeOptions")
    values = {
        name: value
        for name, value in config.items()
        if name in _YAML_NAMES and not _is_flag(name, value)
    }
    if not values:
        return
    settings = project / WORKFLOW_SETTINGS
    if settings.is_file():
        text = settings.read_text("utf-8")
        for name, value in values.items():
            text = _set_in_yaml(text, _YAML_NAMES[name], value)
        settings.write_text(text, "utf-8")
        return
    settings = project / DATAFORM_JSON
    data = json.loads(settings.read_text("utf-8"))
    settings.write_text(json.dumps(data | values), "utf-8")


def take_core_version(project: Path) -> str | None:
    """Remove ``dataformCoreVersion`` from a project's settings, and return it.

    With it, the CLI installs that version with npm for each compilation.
    """
    settings = project / WORKFLOW_SETTINGS
    if not settings.is_file():
        return None
    text = settings.read_text("utf-8")
    found = _CORE_VERSION.search(text)
    if found is None:
        return None
    settings.write_text(_CORE_VERSION.sub("", text), "utf-8")
    return found[1]


def find_ignored(config: Mapping[str, Any], project_config: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that a compilation did not use."""
    variables = project_config.get("vars") or {}
    return [
        *(name for name in _YAML_NAMES if config.get(name) not in (None, project_config.get(name))),
        *(
            f"vars.{name}"
            for name, value in config.get("vars", {}).items()
            if variables.get(name) != value
        ),
    ]


def _is_flag(name: str, value: str) -> bool:
    """Return whether a flag of the CLI sets a value unchanged."""
    return name in _FLAGS and _WORD.fullmatch(value) is not None


def _set_in_yaml(text: str, name: str, value: str) -> str:
    """Set a text at the top level of a YAML document: a JSON string is a YAML scalar."""
    rest = re.sub(rf"^{name}\s*:.*\n?", "", text, flags=re.M).rstrip("\n")
    return f"{rest}\n{name}: {json.dumps(value)}\n"
