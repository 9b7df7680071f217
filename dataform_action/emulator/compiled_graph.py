"""A project's compiled graph, as ``dataform compile --json`` prints it, and compilation overrides.

Overrides change names as Dataform's own compiler does: suffixes and the prefix are separated by an
underscore and do not apply to declarations; the canonical target stays. The SQL in a graph is
compiled already, so only quoted names in it change. The emulator adds one feature of its own: a
text may contain ``${dataform.projectConfig.vars.name}``, so that variables have an effect.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

GraphSource = Mapping[str, Any] | Path
"""A compiled graph: the data itself, or a JSON file."""

ActionKind = Literal["relation", "operations", "assertion", "declaration"]

_LISTS: Mapping[str, ActionKind] = MappingProxyType(
    {
        "tables": "relation",
        "operations": "operations",
        "assertions": "assertion",
        "declarations": "declaration",
    }
)
_VARIABLE = re.compile(r"\$\{dataform\.projectConfig\.vars\.(\w+)\}")
_QUOTED_NAME = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """The full name of an action; the database is a Google Cloud project."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        """Return the parts that are not empty, joined by dots."""
        return ".".join(part for part in (self.database, self.schema, self.name) if part)

    def is_called(self, name: str) -> bool:
        """Return whether a name, which may omit its first parts, means this target."""
        return f".{self}".endswith(f".{name}")

    def render(self) -> dict[str, object]:
        """Make the JSON object."""
        parts = {"database": self.database, "schema": self.schema, "name": self.name}
        return {field: part for field, part in parts.items() if part}


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a compiled graph; ``source`` is its entry with the overrides applied."""

    kind: ActionKind
    target: Target
    canonical_target: Target
    file_path: str
    tags: tuple[str, ...]
    dependencies: tuple[Target, ...]
    disabled: bool
    source: Mapping[str, Any]

    def is_called(self, name: str) -> bool:
        """Return whether a name means this action, by its compiled or its canonical target."""
        return self.target.is_called(name) or self.canonical_target.is_called(name)


@dataclass(frozen=True, slots=True)
class CompilationError:
    """An error in the project's code; ``path`` is relative to the project's folder."""

    message: str | None
    stack: str | None
    path: str | None
    target: Target | None


@dataclass(frozen=True, slots=True)
class CompiledGraph:
    """The result of a compilation: its actions, and its errors."""

    actions: tuple[Action, ...]
    errors: tuple[CompilationError, ...]
    core_version: str


def parse_target(data: Mapping[str, Any]) -> Target:
    """Parse a target."""
    return Target(data.get("database", ""), data.get("schema", ""), data.get("name", ""))


def load_graph(source: GraphSource) -> Mapping[str, Any]:
    """Load a graph; raise ValueError for other data, and OSError if its file cannot be read."""
    graph = json.loads(source.read_bytes()) if isinstance(source, Path) else source
    if not isinstance(graph, Mapping) or not any(
        name in graph for name in (*_LISTS, "graphErrors")
    ):
        wanted = "what `dataform compile --json` prints"
        raise ValueError(f"A compiled graph is {wanted}: an object with {', '.join(_LISTS)}")
    return graph


def compile_graph(
    graph: Mapping[str, Any], config: Mapping[str, Any], folder: str
) -> CompiledGraph:
    """Apply a codeCompilationConfig; ``folder`` is the project's path in its Git repository."""
    settings = graph.get("projectConfig") or {}
    rename = _Renaming(settings, config).rename
    entries = [
        (kind, entry, parse_target(entry["target"]))
        for name, kind in _LISTS.items()
        for entry in graph.get(name) or ()
    ]
    targets = {target: rename(kind, target) for kind, _, target in entries}
    adapt = _text_adapter(targets, {**(settings.get("vars") or {}), **config.get("vars", {})})
    return CompiledGraph(
        actions=tuple(
            _make_action(kind, entry, targets, adapt, folder) for kind, entry, _ in entries
        ),
        errors=tuple(_parse_errors(graph, targets)),
        core_version=str(graph.get("dataformCoreVersion") or "3.0.0"),
    )


@dataclass(frozen=True, slots=True)
class _Renaming:
    """The overrides that change targets."""

    settings: Mapping[str, Any]
    config: Mapping[str, Any]

    def rename(self, kind: ActionKind, target: Target) -> Target:
        """Return the target under the overrides."""
        home = "assertionSchema" if kind == "assertion" else "defaultSchema"
        database = self._replace("defaultDatabase", target.database)
        schema = self._replace(home, target.schema)
        if kind == "declaration":
            return Target(database, target.schema, target.name)
        return Target(
            database=self._join(database, self.config.get("databaseSuffix")),
            schema=self._join(schema, self.config.get("schemaSuffix")),
            name=self._join(self.config.get("tablePrefix"), target.name),
        )

    def _replace(self, setting: str, value: str) -> str:
        return (
            str(self.config.get(setting, value)) if value == self.settings.get(setting) else value
        )

    def _join(self, *parts: str | None) -> str:
        return "_".join(part for part in parts if part)


def _text_adapter(
    targets: Mapping[Target, Target], variables: Mapping[str, str]
) -> Callable[[Any], Any]:
    """Make the function that applies variables and new names to all texts in an entry."""
    names = {str(old): str(new) for old, new in targets.items()}

    def adapt(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, str):
            text = _VARIABLE.sub(lambda match: str(variables.get(match[1], "")), value)
            return _QUOTED_NAME.sub(lambda match: f"`{names.get(match[1], match[1])}`", text)
        if isinstance(value, Mapping):
            return {name: adapt(entry) for name, entry in value.items()}
        return [adapt(entry) for entry in value] if isinstance(value, list) else value

    return adapt


def _make_action(
    kind: ActionKind,
    entry: Mapping[str, Any],
    targets: Mapping[Target, Target],
    adapt: Callable[[Any], Any],
    folder: str,
) -> Action:
    dependencies = [parse_target(target) for target in entry.get("dependencyTargets") or ()]
    source = dict(adapt(entry))
    if source.get("parentAction"):
        parent = parse_target(entry["parentAction"])
        source["parentAction"] = targets.get(parent, parent).render()
    return Action(
        kind=kind,
        target=targets[parse_target(entry["target"])],
        canonical_target=parse_target(entry.get("canonicalTarget") or entry["target"]),
        file_path="/".join(part for part in (folder, entry.get("fileName")) if part),
        tags=tuple(entry.get("tags") or ()),
        dependencies=tuple(targets.get(target, target) for target in dependencies),
        disabled=bool(entry.get("disabled")),
        source=source,
    )


def _parse_errors(
    graph: Mapping[str, Any], targets: Mapping[Target, Target]
) -> Iterator[CompilationError]:
    for entry in (graph.get("graphErrors") or {}).get("compilationErrors") or ():
        given = entry.get("actionTarget")
        target = None if not given else parse_target(given)
        yield CompilationError(
            message=entry.get("message"),
            stack=entry.get("stack"),
            path=entry.get("fileName"),
            target=None if target is None else targets.get(target, target),
        )
