"""What differs between two graphs of the Dataform CLI, found in another way than the package does.

It reads the graphs that the CLI prints, not the API. It reads SQL character by character, and finds
what is affected by repetition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Entry = Mapping[str, Any]

_LISTS = ("tables", "operations", "assertions", "notebooks", "dataPreparations", "tests")
#: What does not decide what is built, or is not in the API.
_NOT_BUILT = {
    *("fileName", "tags", "actionDescriptor", "dependencyTargets", "dependencies", "hermeticity"),
    *("canonicalTarget", "parentAction", "onSchemaChange", "incrementalStrategy", "jitCode"),
    *("enumType", "disabled"),
}
_ONLY_INCREMENTAL = {
    *("incrementalQuery", "uniqueKey", "protected", "incrementalPreOps", "incrementalPostOps"),
}
_TEXTS = (
    *("query", "incrementalQuery", "queries", "preOps", "postOps"),
    *("incrementalPreOps", "incrementalPostOps"),
)


def compare_graphs(base: Entry, head: Entry) -> dict[str, str]:
    """Return the change of each action that differs, by its full name."""
    old, new = _entries(base), _entries(head)
    found = {_name(old[key]): "removed" for key in old.keys() - new.keys()}
    found |= {_name(new[key]): "added" for key in new.keys() - old.keys()}
    same = old.keys() & new.keys()
    found |= {_name(new[key]): "changed" for key in same if _built(old[key]) != _built(new[key])}
    hot = {
        _name(entry): entry
        for entries in (old, new)
        for key, entry in entries.items()
        if _name(new.get(key, entry)) in found and not _is_off(old.get(key), new.get(key))
    }
    for name in _affected(hot, old, new):
        found.setdefault(name, "affected")
    for key in same:
        if _described(old[key]) != _described(new[key]):
            found.setdefault(_name(new[key]), "metadata")
    return found


def tokens(sql: str) -> list[str]:
    """Return the tokens of SQL, roughly: words, literals and single characters."""
    found: list[str] = []
    at = 0
    while at < len(sql):
        rest = sql[at:]
        if rest[0].isspace():
            at += 1
        elif rest.startswith(("--", "#")):
            at += len(re.split("[\r\n]", rest, maxsplit=1)[0])
        elif rest.startswith("/*") and "*/" in rest[2:]:
            at += rest.index("*/", 2) + 2
        elif rest[0] in "'\"`":
            literal = _literal(rest)
            found.append(literal)
            at += len(literal)
        else:
            word = re.match(r"\w+", rest)
            found.append(word[0] if word else rest[0])
            at += len(found[-1])
    return found


def _literal(text: str) -> str:
    quote = text[:3] if text[:3] in ("'''", '"""') else text[0]
    at = len(quote)
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" else 1
    return text[: at + len(quote)]


def _entries(graph: Entry) -> dict[str, Entry]:
    entries = (entry for kind in _LISTS for entry in graph.get(kind, ()) if "target" in entry)
    return {full_name(entry["canonicalTarget"]): entry for entry in entries}


def full_name(target: Entry) -> str:
    return ".".join(target[part] for part in ("database", "schema", "name") if target.get(part))


def _name(entry: Entry) -> str:
    return full_name(entry["target"])


def _built(entry: Entry) -> Any:  # noqa: ANN401
    """Return all that decides what is built, with SQL as tokens."""
    kept = {key: value for key, value in entry.items() if key not in _NOT_BUILT}
    if entry.get("type") != "incremental":
        kept = {key: value for key, value in kept.items() if key not in _ONLY_INCREMENTAL}
    options = kept.get("bigquery", {})
    kept["bigquery"] = {key: value for key, value in options.items() if key != "labels"}
    return _tokenized(kept), bool(entry.get("disabled"))


def _tokenized(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return tokens(value)
    if isinstance(value, list):
        return [item for item in map(_tokenized, value) if item]
    if isinstance(value, dict):
        items = {key: _tokenized(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item}
    return value


def _described(entry: Entry) -> Any:  # noqa: ANN401
    """Return what is reported although it builds nothing: texts as they are, the file, the tags."""
    texts = [entry.get(key) for key in _TEXTS]
    needed = {full_name(target) for target in entry.get("dependencyTargets", ())}
    labels = entry.get("bigquery", {}).get("labels")
    described = entry.get("actionDescriptor") or {}
    return texts, entry.get("fileName"), set(entry.get("tags", ())), needed, labels, described


def _is_off(*versions: Entry | None) -> bool:
    return all(version.get("disabled") for version in versions if version is not None)


def _affected(
    hot: dict[str, Entry], old: Mapping[str, Entry], new: Mapping[str, Entry]
) -> Iterator[str]:
    """Yield what reads something hot, and becomes hot by that, until nothing does."""
    while True:
        more = {
            _name(entry): entry
            for key, entry in new.items()
            if _name(entry) not in hot
            and (not entry.get("disabled") or entry.get("type") == "view")
            and any(
                _reads(entry, hot[name])
                for name in _upstream(entry) | _upstream(old.get(key, {}))
                if name in hot
            )
        }
        if not more:
            return
        hot |= more
        yield from more


def _upstream(entry: Entry) -> set[str]:
    return {full_name(target) for target in entry.get("dependencyTargets", ())}


def _reads(entry: Entry, upstream: Entry) -> bool:
    is_assertion = "query" in upstream and "type" not in upstream and "enumType" not in upstream
    has_no_name = "queries" in upstream and not upstream.get("hasOutput")
    if not is_assertion and ("queries" in entry or "notebookContents" in entry or has_no_name):
        return True
    texts: list[str] = []
    for key in _TEXTS:
        value = entry.get(key) or []
        texts += [value] if isinstance(value, str) else value
    text = " ".join(token for part in texts for token in tokens(part))
    plain = text.replace("`", "").replace(" . ", ".")
    short = ".".join(_name(upstream).split(".")[-2:])
    return re.search(rf"(?<![\w-]){re.escape(short)}(?![\w-])", plain) is not None
