"""Which tables the text of a query names, and in which spelling. Pure, and without a parser."""

from __future__ import annotations

import re
from collections import Counter

from dataform_action.plans.checks.statements import without_texts
from dataform_action.plans.sql import QUOTED_NAME, is_covered

_QUOTED = re.compile(QUOTED_NAME, re.VERBOSE)
_PART = r"[\w-]++"
_MORE = rf"\s*+\.\s*+{_PART}"
#: A project may start with a domain: ``example.com:my-project``. What looks like a domain is one
#: only if a path follows. Otherwise the search would start again at each of its parts, and the time
#: would grow with the square of their number.
_PATH = re.compile(
    rf"(?<![\w-])(?:{_PART}(?:\.{_PART})*+:(?={_PART}{_MORE}))?+{_PART}(?:{_MORE})++"
)


class References:
    """The names in a query, outside of strings and comments."""

    def __init__(self, sql: str) -> None:
        #: The query without the texts of its strings and comments.
        self.text = without_texts(sql)
        self._quoted = Counter(name[1:-1] for name in _QUOTED.findall(self.text))
        self._quoted_in_lower_case: Counter[str] = Counter()
        for name, count in self._quoted.items():
            self._quoted_in_lower_case[name.lower()] += count
        self._wildcards = [name[:-1].lower() for name in self._quoted if name.endswith("*")]
        self._paths: Counter[str] = Counter()
        for match in _PATH.finditer(self.text.replace("`", "")):
            self._count(re.sub(r"\s", "", match[0]).lower())

    def _count(self, path: str) -> None:
        """Count the names that a path may start with: those of two and of three parts."""
        domain, separator, rest = path.rpartition(":")
        parts = rest.split(".")
        for length in (2, 3):
            if length <= len(parts):
                self._paths[f"{domain}{separator}{'.'.join(parts[:length])}"] += 1

    def has(self, name: str) -> bool:
        """Return whether the query may name a table, in any spelling."""
        is_named = name.lower() in self._quoted_in_lower_case or self._spellings(name) > 0
        return is_named or self._has_wildcard(name)

    def quoted_tables(self) -> set[str]:
        """Return the quoted names with a dataset: tables, in the form that ``ref`` writes."""
        return {name for name in self._quoted if "." in name}

    def is_quoted(self, name: str) -> bool:
        """Return whether the full name of a table is quoted as a whole, as ``ref`` writes it."""
        return name in self._quoted

    def has_other_spelling(self, name: str) -> bool:
        """Return whether a table may also be named in another way than by its full quoted name."""
        return self._spellings(name) > self._quoted[name] or self._has_wildcard(name)

    def differs_in_case(self, name: str) -> bool:
        """Return whether another name is equal but for its case. BigQuery's tables differ then."""
        return self._quoted_in_lower_case[name.lower()] > self._quoted[name]

    def names(self, known: dict[str, str]) -> set[str]:
        """Return the tables that the query may name, of those whose ``spellings`` are known."""
        keys = (*self._quoted_in_lower_case, *self._paths)
        found = {known[key] for key in keys if key in known}
        if self._wildcards:
            found.update(name for name in set(known.values()) if self._has_wildcard(name))
        return found

    def _spellings(self, name: str) -> int:
        return sum(self._paths[spelling] for spelling in spellings(name))

    def _has_wildcard(self, name: str) -> bool:
        return any(is_covered(name.lower(), start) for start in self._wildcards)


def spellings(name: str) -> tuple[str, str]:
    """Return the full name of a table, and the one without the project, in lower case."""
    lower = name.lower()
    return lower, ".".join(lower.rsplit(".", 2)[-2:])
