"""A compiled project: its actions, with all that decides what they build. Pure.

The fields follow ``compilationResults.query`` of Google Cloud Dataform:
https://cloud.google.com/dataform/reference/rest/v1/projects.locations.repositories.compilationResults/query
"""

from __future__ import annotations

from dataclasses import dataclass

#: Some of the kinds of actions.
DECLARATION = "declaration"
INCREMENTAL = "incremental table"
#: The kinds that Dataform makes as a view.
VIEWS = frozenset({"view", "materialized view"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphAction:
    """An action as a compilation defines it.

    ``name`` is the table, ``project.dataset.name``, as other actions refer to it. ``key`` is the
    name without suffixes and prefixes, which identifies the action in different compilations.
    ``kind`` is that of ``CompiledAction``: ``incremental table``, for example. ``dependencies`` are
    names.

    ``query`` selects the rows of a table, view or assertion, and ``incremental_query`` those of an
    incremental table that exists. ``queries`` are those of an operation, a notebook or another kind
    without a ``query``. ``has_output`` says whether an operation makes a table.

    ``settings`` has everything else that decides what is built, and ``metadata`` everything that
    does not, such as descriptions: the API's name of a field, and its value as JSON.
    """

    name: str
    key: str
    kind: str
    file: str = ""
    dependencies: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    disabled: bool = False
    query: str = ""
    incremental_query: str = ""
    queries: tuple[str, ...] = ()
    has_output: bool = False
    pre_operations: tuple[str, ...] = ()
    post_operations: tuple[str, ...] = ()
    incremental_pre_operations: tuple[str, ...] = ()
    incremental_post_operations: tuple[str, ...] = ()
    partition: str = ""
    clusters: tuple[str, ...] = ()
    unique_key: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def is_declaration(self) -> bool:
        """Return whether this is a table that the project only reads."""
        return self.kind == DECLARATION


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledGraph:
    """All actions of a compilation result.

    ``commit`` was compiled; empty if that is not known. ``location`` is the default location of its
    datasets, such as ``EU``. ``files_url`` plus a path in the repository is the address of a file
    of the commit; empty if it is not on GitHub.
    """

    commit: str = ""
    location: str = ""
    core_version: str = ""
    files_url: str = ""
    actions: tuple[GraphAction, ...] = ()
