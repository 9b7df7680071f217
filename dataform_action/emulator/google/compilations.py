"""Compilation results: from a commit-ish or a release configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from dataform_action.emulator.clock import Clock
from dataform_action.emulator.compiled_graph import CompiledGraph, compile_graph, load_graph
from dataform_action.emulator.definitions import Commit, Repository
from dataform_action.emulator.google.errors import ApiError
from dataform_action.emulator.google.execution import render_time
from dataform_action.emulator.google.names import RepositoryName
from dataform_action.emulator.google.protobuf_json import present

COLLECTION = "compilationResults"
_SHORTEST_SHA = 7


@dataclass(frozen=True, slots=True)
class CompilationResult:
    """One compilation result; ``source`` is the field that told what to compile."""

    name: str
    source: Mapping[str, str]
    config: Mapping[str, Any]
    sha: str
    graph: CompiledGraph
    created: float

    def render(self) -> dict[str, object]:
        """Make the JSON object."""
        return {
            "name": self.name,
            **self.source,
            **({"codeCompilationConfig": self.config} if self.config else {}),
            **present(
                resolvedGitCommitSha=self.sha,
                dataformCoreVersion=self.graph.core_version,
                compilationErrors=list(self.graph.errors),
                createTime=render_time(self.created),
            ),
        }


class CompilationStore:
    """Compiles a repository, and keeps the results."""

    def __init__(self, repository: Repository, name: RepositoryName, clock: Clock) -> None:
        """Read all graphs; raise ValueError or OSError if one is none."""
        self._repository = repository
        self._name = name
        self._clock = clock
        self._results: dict[str, CompilationResult] = {}
        own = load_graph(repository.graph)
        self._graphs = {
            commit.sha: own if commit.graph is None else load_graph(commit.graph)
            for commit in repository.refs.values()
        }

    @property
    def results(self) -> Sequence[CompilationResult]:
        """All results in order of creation."""
        return list(self._results.values())

    def compile(
        self, commitish: str, source: Mapping[str, str], config: Mapping[str, Any]
    ) -> CompilationResult:
        """Compile a commit; raise ApiError if it is not known, or holds no project."""
        commit = self._find_commit(commitish)
        folder = str((config.get("pipelineConfig") or {}).get("path", ""))
        if folder.strip("/") != self._repository.project_folder.strip("/"):
            raise ApiError("NOT_FOUND", "Can't find package.json")
        identifier = str(uuid5(NAMESPACE_URL, f"{self._name}/{COLLECTION}/{len(self._results)}"))
        result = CompilationResult(
            name=self._name.name(COLLECTION, identifier),
            source=source,
            config=config,
            sha=commit.sha,
            graph=compile_graph(self._graphs[commit.sha], config, folder.strip("/")),
            created=self._clock.now(),
        )
        self._results[identifier] = result
        return result

    def find(self, identifier: str) -> CompilationResult:
        """Return a result; raise ApiError if there is none."""
        result = self._results.get(identifier)
        if result is None:
            raise self._name.missing(COLLECTION, identifier)
        return result

    def resolve(self, name: object) -> CompilationResult:
        """Return the result that a resource name means; raise ApiError if there is none."""
        return self.find(self._name.read_id(name, COLLECTION))

    def _find_commit(self, commitish: str) -> Commit:
        refs = self._repository.refs
        if commitish in refs:
            return refs[commitish]
        found = [commit for commit in refs.values() if commit.sha.startswith(commitish)]
        if len(commitish) < _SHORTEST_SHA or not found:
            # What the service answers is not known.
            message = f"Git commitish '{commitish}' does not exist in the repository"
            raise ApiError("INVALID_ARGUMENT", message)
        return found[0]
