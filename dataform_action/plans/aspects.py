"""What differs between two versions of an action. Pure.

White space outside of strings, comments, the order, tags and descriptions decide nothing that is
built.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from dataform_action.graph import INCREMENTAL, VIEWS, GraphAction
from dataform_action.plans.sql import normalize

#: The kinds whose texts are not SQL.
_NOT_SQL = frozenset({"notebook", "data preparation"})
#: What is known of a new action anyway.
_OF_COURSE = frozenset({"type", "incremental SQL", "enabled", "disabled", "name"})
_FILTER = "requirePartitionFilter"
_PROTECTED = "incrementalTableConfig.refreshDisabled"
_METADATA_WORDS = {
    "relationDescriptor.description": "description",
    "relationDescriptor.columns": "column metadata",
    "relationDescriptor.bigqueryLabels": "labels",
    "displayName": "display name",
    "parentAction": "checked action",
}


class Part(NamedTuple):
    """A part of an action that decides what is built: its name in words, and its texts."""

    aspect: str
    texts: tuple[str, ...]
    is_sql: bool = True

    def equals(self, other: Part) -> bool:
        """Return whether the part is the same in another version."""
        if self.texts == other.texts:
            return True
        if not self.is_sql:
            return list(map(_unix, self.texts)) == list(map(_unix, other.texts))
        # A statement may consist of comments only.
        mine, others = map(normalize, self.texts), map(normalize, other.texts)
        return list(filter(None, mine)) == list(filter(None, others))


def parts(action: GraphAction, *, incremental: bool) -> tuple[Part, ...]:
    """Return what decides what is built; ``incremental`` includes what only those tables have."""
    sql = action.kind not in _NOT_SQL
    more = incremental and action.kind == INCREMENTAL
    state = "disabled" if action.disabled else "enabled"
    return (
        Part("type", (_type(action),), is_sql=False),
        Part("SQL", _texts(action.query, *action.queries), is_sql=sql),
        Part("incremental SQL", _texts(action.incremental_query) if more else ()),
        # A run that adds rows executes only the incremental operations, and a full refresh only the
        # others. So an operation that moves between the lists is a change.
        Part("operations before", action.pre_operations),
        Part("incremental operations before", action.incremental_pre_operations if more else ()),
        Part("operations after", action.post_operations),
        Part("incremental operations after", action.incremental_post_operations if more else ()),
        Part("partitioning", _texts(action.partition)),
        Part("clustering", action.clusters),
        Part("unique key", action.unique_key if more else ()),
        Part("required partition filter", _filter(action), is_sql=False),
        Part("options", _options(action, incremental=more), is_sql=False),
        Part(state, (state,), is_sql=False),
        Part("name", (action.name,), is_sql=False),
    )


def changed_parts(base: GraphAction, head: GraphAction) -> tuple[tuple[Part, Part], ...]:
    """Return the parts that differ, those of ``base`` first.

    What only incremental tables have is compared only if both are incremental tables.
    """
    both = base.kind == head.kind
    pairs = zip(parts(base, incremental=both), parts(head, incremental=both), strict=True)
    return tuple((old, new) for old, new in pairs if not old.equals(new))


def parts_of_new(action: GraphAction) -> tuple[tuple[Part, Part], ...]:
    """Return the parts of a new action that are worth showing, each after an empty one."""
    shown = (part for part in parts(action, incremental=True) if part.aspect not in _OF_COURSE)
    return tuple((part._replace(texts=()), part) for part in shown if part.texts)


def metadata_aspects(base: GraphAction, head: GraphAction) -> tuple[str, ...]:
    """Return what else differs, in words, for two versions that build the same."""
    old, new = dict(base.metadata), dict(head.metadata)
    fields = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    differs = {
        "file": base.file != head.file,
        "tags": set(base.tags) != set(head.tags),
        "dependencies": set(base.dependencies) != set(head.dependencies),
        **{_METADATA_WORDS.get(key, key.rpartition(".")[2]): True for key in fields},
        "comments or white space": _all_texts(base) != _all_texts(head),
    }
    return tuple(aspect for aspect, is_different in differs.items() if is_different)


def full_refresh_reason(base: GraphAction, aspects: Collection[str]) -> str:
    """Return why a changed incremental table needs a full refresh; empty if it needs none.

    Dataform only adds rows to a table that exists. It ignores a new partitioning or clustering, and
    the rows that exist are not unique by a new key. What was a view, or has a new name, is made
    again anyway.
    """
    if "name" in aspects:
        return ""
    reasons = [name for name in ("partitioning", "clustering", "unique key") if name in aspects]
    if "type" in aspects:
        # Dataform drops a view that becomes a table.
        reasons = [] if base.kind in VIEWS else ["type"]
    if not reasons:
        return ""
    *others, last = reasons
    listed = f"{', '.join(others)} and {last}" if others else last
    text = f"its {listed} changed"
    protected = dict(base.settings).get(_PROTECTED) == "true"
    return f"{text}, but it is protected from full refreshes" if protected else text


def _type(action: GraphAction) -> str:
    return f"{action.kind} with output" if action.has_output else action.kind


def _filter(action: GraphAction) -> tuple[str, ...]:
    """Return whether queries of the table need a filter: a change can break all of them."""
    return tuple(value for key, value in action.settings if key == _FILTER)


def _options(action: GraphAction, *, incremental: bool) -> tuple[str, ...]:
    return tuple(
        f"{key}: {value}"
        for key, value in action.settings
        if key != _FILTER and (incremental or not key.startswith("incrementalTableConfig."))
    )


def _texts(*texts: str) -> tuple[str, ...]:
    return tuple(filter(None, texts))


def _all_texts(action: GraphAction) -> list[str]:
    found = [text for part in parts(action, incremental=True) for text in part.texts]
    return list(map(_unix, found))


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")
