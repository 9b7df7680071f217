"""The settings of a compilation: those of the project, overridden by those of the request.

``dataform compile --json`` prints the project's own settings as ``projectConfig``.

https://docs.cloud.google.com/dataform/reference/rest/v1/CodeCompilationConfig
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataform_action.emulator.graph.targets import ActionKind, Target

_SHARED_NAMES = (
    "defaultDatabase",
    "defaultSchema",
    "defaultLocation",
    "assertionSchema",
    "databaseSuffix",
    "schemaSuffix",
    "tablePrefix",
    "builtinAssertionNamePrefix",
)


def effective_config(
    project_config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the CodeCompilationConfig that a compilation uses."""
    own = {name: project_config[name] for name in _SHARED_NAMES if project_config.get(name)}
    notebooks = _notebook_options(project_config.get("defaultNotebookRuntimeOptions") or {})
    variables = {**(project_config.get("vars") or {}), **overrides.get("vars", {})}
    return {
        **own,
        **({"defaultNotebookRuntimeOptions": notebooks} if notebooks else {}),
        **overrides,
        **({"vars": variables} if variables else {}),
    }


def _notebook_options(options: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {
        "gcsOutputBucket": options.get("outputBucket"),
        "aiPlatformNotebookRuntimeTemplate": options.get("runtimeTemplateName"),
        "gcsRepositorySnapshotDestination": options.get("repositorySnapshotDestination"),
    }
    return {name: value for name, value in renamed.items() if value}


@dataclass(frozen=True, slots=True)
class Naming:
    """How the settings of a compilation change the names in a project."""

    project_config: Mapping[str, Any]
    config: Mapping[str, Any]

    def rename(self, kind: ActionKind, canonical: Target) -> Target:
        """Return the target of an action, from its target without suffixes and prefix."""
        default = "assertionSchema" if kind == "assertion" else "defaultSchema"
        database = self._replace("defaultDatabase", canonical.database)
        schema = self._replace(default, canonical.schema)
        if kind == "declaration":
            return Target(database, canonical.schema, canonical.name)
        return Target(
            database=self._join(database, self.config.get("databaseSuffix")),
            schema=self._join(schema, self.config.get("schemaSuffix")),
            name=self._join(self.config.get("tablePrefix"), canonical.name),
        )

    def _replace(self, setting: str, value: str) -> str:
        is_default = value == self.project_config.get(setting)
        return str(self.config.get(setting, value)) if is_default else value

    def _join(self, *parts: str | None) -> str:
        return "_".join(part for part in parts if part)
