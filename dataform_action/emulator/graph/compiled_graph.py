"""A project's compiled graph, as ``dataform compile --json`` prints it, and compilation overrides.

Overrides change names as Dataform's compiler does: an underscore separates suffixes and the prefix
from the name. Declarations and canonical targets keep their names. The SQL in a graph is compiled
already, so only quoted names in it change. The emulator adds one feature: a text may contain
``${dataform.projectConfig.vars.name}``, so that variables have an effect.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dataform_action.emulator.graph.compilation_config import Naming, effective_config
from dataform_action.emulator.graph.targets import ActionKind, Target, parse_target

GraphSource = Mapping[str, Any] | Path
"""A compiled graph: the data itself, or a JSON file."""

_LISTS: Mapping[str, ActionKind] = MappingProxyType(
    {
        "tables": "relation",
        "operations": "operations",
        "assertions": "assertion",
        "declarations": "declaration",
        "notebooks": "notebook",
        "dataPreparations": "dataPreparation",
        "tests": "bigqueryUnitTest",
    }
)
_VARIABLE = re.compile(r"\$\{dataform\.projectConfig\.vars\.(\w+)\}")
_QUOTED_NAME = re.compile(r"`([^`]+)`")

_Adapt = Callable[[Any], Any]


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
    """The result of a compilation; ``config`` is the effective CodeCompilationConfig."""

    actions: tuple[Action, ...]
    errors: tuple[CompilationError, ...]
    config: Mapping[str, Any]
    core_version: str


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
    graph: Mapping[str, Any], overrides: Mapping[str, Any], folder: str
) -> CompiledGraph:
    """Apply a codeCompilationConfig; ``folder`` is the project's path in its Git repository."""
    project_config = graph.get("projectConfig") or {}
    config = effective_config(project_config, overrides)
    targets = _rename_targets(list(list_entries(graph)), Naming(project_config, config))
    adapt = _text_adapter(targets, config.get("vars", {}))
    return _make_graph(graph, config, targets, adapt, folder)


def read_graph(
    graph: Mapping[str, Any], overrides: Mapping[str, Any], folder: str
) -> CompiledGraph:
    """Read a graph that was compiled with a codeCompilationConfig."""
    config = effective_config(graph.get("projectConfig") or {}, overrides)
    return _make_graph(graph, config, {}, lambda value: value, folder)


def _make_graph(
    graph: Mapping[str, Any],
    config: Mapping[str, Any],
    targets: Mapping[Target, Target],
    adapt: _Adapt,
    folder: str,
) -> CompiledGraph:
    entries = list_entries(graph)
    return CompiledGraph(
        actions=tuple(_make_action(kind, entry, targets, adapt, folder) for kind, entry in entries),
        errors=tuple(_parse_errors(graph, targets)),
        config=config,
        core_version=str(graph.get("dataformCoreVersion") or "3.0.0"),
    )


def list_entries(graph: Mapping[str, Any]) -> Iterator[tuple[ActionKind, Mapping[str, Any]]]:
    """Return the entries of the actions in a graph."""
    for name, kind in _LISTS.items():
        for entry in graph.get(name) or ():
            # Older compilers give unit tests no target; such tests are not actions.
            if "target" in entry:
                yield kind, entry


def _rename_targets(
    entries: list[tuple[ActionKind, Mapping[str, Any]]], naming: Naming
) -> dict[Target, Target]:
    """Map the targets in a graph to those under the overrides.

    A data preparation with an error table has two targets.
    """
    renamed = {}
    for kind, entry in entries:
        targets = entry.get("targets") or [entry["target"]]
        canonical = entry.get("canonicalTargets") or [entry.get("canonicalTarget") or targets[0]]
        for target, original in zip(targets, canonical, strict=True):
            renamed[parse_target(target)] = naming.rename(kind, parse_target(original))
    return renamed


def _text_adapter(targets: Mapping[Target, Target], variables: Mapping[str, str]) -> _Adapt:
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
    adapt: _Adapt,
    folder: str,
) -> Action:
    # The compiler does not change names in notebooks.
    source = dict(entry) if kind == "notebook" else dict(adapt(entry))
    for name in ("parentAction", "errorTable"):
        if entry.get(name):
            target = parse_target(entry[name])
            source[name] = targets.get(target, target).render()
    dependencies = [parse_target(target) for target in entry.get("dependencyTargets") or ()]
    own = parse_target(entry["target"])
    return Action(
        kind=kind,
        target=targets.get(own, own),
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
